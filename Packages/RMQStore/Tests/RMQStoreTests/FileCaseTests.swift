import Foundation
import RMQCommon
@testable import RMQStore
import RMQTestSupport
import Testing

/// Files as a crash, the reference or a person left them, each of which once failed.
@Suite(.takesTurns) struct FileCaseTests {
    @Test("Case 5.1: a killed store whose queue lost its first file serves every message")
    func aFirstQueueFileThatIsMissing() throws {
        let folder = try TemporaryFolder()
        _ = try Golden.run("tar", ["xzf", GoldenData.path("cases/killed-store-first-queue-file-missing.tar.gz"), "-C", folder.path])
        var configuration = StoreConfiguration(rootDirectory: folder.sub("store"))
        configuration.segmentBytes = 64 << 10
        configuration.consumeQueueFileBytes = 2000
        configuration.indexSlotCount = 100
        configuration.indexEntryCount = 400
        let sink = MemorySink()
        let store = try MessageStore(configuration, logger: Logger(category: "store", sink: sink))
        #expect(try store.everything("T4", 1).map(\.queueOffset) == (0..<136).map { Int64($0) })
        #expect(sink.messages.contains { $0.contains("files at the beginning of queue 1 of T4 are missing") })
        try store.close()
        let path = configuration.consumeQueueDirectory + "/T4/1/00000000000000000000"
        #expect(try MappedFile.length(path) == 2000)
    }

    @Test("Case 5.2: the checkpoint names the last full index file as soon as it is full")
    func theIndexTimeOfTheCheckpoint() async throws {
        let folder = try TemporaryFolder()
        var configuration = smallConfiguration(folder.sub("live"))
        configuration.indexSaveInterval = .seconds(3600)
        configuration.flushInterval = .seconds(3600)
        let clock = HandClock(1_700_000_000_000)
        let store = try MessageStore(configuration, logger: quiet, clocks: clock.clocks)
        try store.start()
        for number in 0..<1000 {
            clock.advance(.milliseconds(1))
            try store.put("T", keys: "k\(number)")
        }
        try await store.waitUntilIndexed()
        try copyDirectory(folder.sub("live"), to: folder.sub("killed"))
        try store.close()
        let files = try IndexReader.files(folder.sub("killed")).map { try IndexReader($0, slotCount: 64, entryCount: 200) }
        let full = files.filter { $0.count == 200 }
        #expect(full.count == 5)
        // After a crash the reference deletes every file whose end is later.
        let third = try Checkpoint.read(folder.sub("killed/checkpoint")).indexTimestamp
        #expect(full.allSatisfy { $0.endTimestamp <= third }, "\(third)")
        #expect(third == full.last?.endTimestamp)
    }

    // MARK: Sizes

    @Test("Case 5.3: files of another size than configured keep theirs, and a warning names both", arguments: [true, false], [300, 12_000, 6_000_000])
    func queueFilesOfAnotherSize(clean: Bool, configured: Int) async throws {
        let whole = try await WholeStore(clean: clean)
        let sink = MemorySink()
        let store = try whole.open(sink) { $0.consumeQueueFileBytes = configured }
        try await whole.expectWhole(store)
        for number in 0..<400 { try store.put("T", 0, text: "more \(number)") }
        try store.put("New", 0, text: "new")
        try store.close()
        for path in try whole.files("consumequeue/T/0") + whole.files("consumequeue/New/0") { #expect(try MappedFile.length(path) == 6000) }
        #expect(sink.messages.contains { $0.contains("6000") && $0.contains("mappedFileSizeConsumeQueue") && $0.contains("\(configured)") }, "\(sink.messages)")
        #expect(!sink.messages.contains { $0.contains("written again") })
    }

    @Test(arguments: [true, false], [32 << 10, 1 << 20]) func logFilesOfAnotherSize(clean: Bool, configured: Int) async throws {
        let whole = try await WholeStore(clean: clean)
        let sink = MemorySink()
        let store = try whole.open(sink) { $0.segmentBytes = configured }
        try await whole.expectWhole(store)
        #expect(store.configuration.segmentBytes == 65536)
        for number in 0..<1000 { try store.put("T", 0, text: "more \(number)") }
        try store.close()
        for path in try whole.files("commitlog") { #expect(try MappedFile.length(path) == 65536) }
        #expect(sink.messages.contains { $0.contains("65536") && $0.contains("mappedFileSizeCommitLog") && $0.contains("\(configured)") })
    }

    @Test(arguments: [true, false], [(64, 500), (20, 200), (1000, 4000)]) func indexFilesOfAnotherSize(clean: Bool, configured: (slots: Int, entries: Int)) async throws {
        let whole = try await WholeStore(clean: clean)
        let before = try whole.files("index")
        let sink = MemorySink()
        let store = try whole.open(sink) {
            $0.indexSlotCount = configured.slots
            $0.indexEntryCount = configured.entries
        }
        try await whole.expectWhole(store)
        for number in 0..<300 { try store.put("New", keys: "new\(number)") }
        try await store.waitUntilIndexed()
        try store.close()
        let after = try whole.files("index")
        #expect(Set(before.dropLast()).isSubset(of: after))
        for path in after { #expect(try MappedFile.length(path) == 40 + 4 * 64 + 20 * 200) }
        #expect(sink.messages.contains { $0.contains("4296") && $0.contains("maxIndexNum") })
    }

    @Test(arguments: [true, false], [1024, 50_331_648]) func extensionFilesOfAnotherSize(clean: Bool, configured: Int) async throws {
        let whole = try await WholeStore(clean: clean)
        let sink = MemorySink()
        let store = try whole.open(sink) { $0.extensionFileBytes = configured }
        try await whole.expectWhole(store)
        let unit = try store.put("T", 0, text: "more")
        let queue = try #require(store.queue(topic: "T", queueId: 0))
        for offset in [0, 299, 300, Int64(WholeStore.count) - 1, unit.queueOffset] { #expect(queue.extensionUnit(at: offset) != nil) }
        try store.close()
        for path in try whole.files("consumequeue_ext/T/0") { #expect(try MappedFile.length(path) == 4096) }
        #expect(sink.messages.contains { $0.contains("4096") && $0.contains("mappedFileSizeConsumeQueueExt") })
    }

    @Test func aStoreWithoutFilesIsMadeAsConfigured() throws {
        #expect(FoundSize.decide([], configured: 6000) == 6000)
        #expect(FoundSize.decide([0, 0], configured: 6000) == 6000)
        // One that was cut off.
        #expect(FoundSize.decide([6000, 6000, 3000], configured: 6000) == 6000)
        #expect(FoundSize.decide([400], configured: 6000) == 6000)
        // A file alone, of a store that was made with other sizes.
        #expect(FoundSize.decide([6000], configured: 6_000_000) == 6000)
        #expect(FoundSize.decide([6_000_000], configured: 6000) == 6_000_000)
        #expect(FoundSize.decide([300, 300], configured: 6000) == 300)
    }
}
