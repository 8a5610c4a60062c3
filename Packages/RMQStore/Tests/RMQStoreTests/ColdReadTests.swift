import Glibc
import RMQCommon
import RMQTestSupport
import Synchronization
import Testing

@testable import RMQStore

/// Reads that must not wait for the disk, and those that may. What is in memory is said by the test.
@Suite(.takesTurns) struct ColdReadTests {
    /// What the kernel would say of the files of a store.
    private final class Memory: Sendable {
        private struct State {
            /// Bytes of the log, from its beginning on, that are in memory.
            var logBytes = Int64.max
            var holdsQueues = true
            /// Bytes of each extension file.
            var extensionBytes = Int.max
            var questions = 0
        }
        private let state = Mutex(State())

        func holds(logBytes: Int64 = .max, queues: Bool = true, extensionBytes: Int = .max) {
            state.withLock { ($0.logBytes, $0.holdsQueues, $0.extensionBytes) = (logBytes, queues, extensionBytes) }
        }
        var questions: Int { state.withLock { $0.questions } }

        var disk: DiskCalls {
            DiskCalls(residentBytes: { [self] file, range in
                state.withLock { state in
                    state.questions += 1
                    if file.path.contains("/consumequeue_ext/") {
                        return max(0, min(state.extensionBytes, range.upperBound) - range.lowerBound)
                    }
                    guard file.path.contains("/commitlog/") else { return state.holdsQueues ? range.count : 0 }
                    let end = max(0, min(state.logBytes - file.baseOffset, Int64(range.upperBound)))
                    return max(0, Int(end) - range.lowerBound)
                }
            })
        }
    }

    private let memory = Memory()

    private func open(_ root: String, recentBytes: Int64 = 0, segmentBytes: Int = 64 << 10, extended: Bool = false) throws -> MessageStore {
        var configuration = unflushedConfiguration(root, segmentBytes: segmentBytes)
        configuration.recentBytes = recentBytes
        configuration.writesQueueExtensions = extended
        let store = try MessageStore(configuration, logger: quiet, clocks: .system, diskUsage: .system, disk: memory.disk)
        try store.start()
        return store
    }

    private func read(_ store: MessageStore, from offset: Int64, _ source: ReadSource, matches: ((Int64?) -> Bool)? = nil) -> ReadResult {
        var result = ReadResult()
        let queue = store.queueHandle(topic: "T", queueId: 0)
        guard let matches else {
            store.read(queue, offset: offset, maxCount: 32, from: source, into: &result)
            return result
        }
        store.read(queue, offset: offset, maxCount: 32, from: source, matching: TagTest(test: matches), into: &result)
        return result
    }

    @Test func aReadFromMemoryEndsAtWhatIsOnTheDisk() throws {
        let folder = try TemporaryFolder()
        let store = try open(folder.path)
        let results = try (0..<20).map { try store.put("T", 0, text: "\($0)") }
        memory.holds(logBytes: results[7].end)
        let warm = read(store, from: 0, .memory)
        #expect(warm.status == .found && warm.needsDisk)
        #expect(try warm.messages().map(\.text) == (0..<8).map { "\($0)" })
        #expect(warm.nextOffset == 8)

        let cold = read(store, from: 8, .memory)
        #expect(cold.messageCount == 0 && cold.needsDisk && cold.nextOffset == 8)
        let loaded = read(store, from: 8, .disk)
        #expect(try loaded.messages().map(\.text) == (8..<20).map { "\($0)" })
        #expect(!loaded.needsDisk)
        try store.close()
    }

    @Test func aRecordThatIsHalfInMemoryIsNotRead() throws {
        let folder = try TemporaryFolder()
        let store = try open(folder.path)
        let results = try (0..<3).map { try store.put("T", 0, text: "\($0)") }
        memory.holds(logBytes: results[1].end - 1)
        #expect(read(store, from: 0, .memory).nextOffset == 1)
        try store.close()
    }

    @Test func aQueueWhoseFileIsOnTheDiskIsNotTouched() throws {
        let folder = try TemporaryFolder()
        let store = try open(folder.path)
        for number in 0..<5 { try store.put("T", 0, text: "\(number)") }
        memory.holds(queues: false)
        let cold = read(store, from: 1, .memory)
        #expect(cold.messageCount == 0 && cold.needsDisk && cold.nextOffset == 1)
        memory.holds()
        #expect(read(store, from: 1, .memory).messageCount == 4)
        // The same for one that has to be opened first.
        let queue = store.queueHandle(topic: "T", queueId: 0)
        _ = queue.giveBackFiles(isForced: true)
        #expect(read(store, from: 1, .memory).needsDisk)
        #expect(read(store, from: 1, .disk).messageCount == 4)
        #expect(read(store, from: 1, .memory).messageCount == 4)
        try store.close()
    }

    @Test func whatWasWrittenLatelyIsReadWithoutAQuestion() throws {
        let folder = try TemporaryFolder()
        let store = try open(folder.path, recentBytes: 64 << 20)
        for number in 0..<50 { try store.put("T", 0, text: "\(number)") }
        memory.holds(logBytes: 0, queues: false)
        #expect(read(store, from: 20, .memory).messageCount == 30)
        #expect(memory.questions == 0)
        try store.close()
    }

    @Test func whatWasThereBeforeIsNotRecent() throws {
        let folder = try TemporaryFolder()
        var store = try open(folder.path, recentBytes: 64 << 20)
        try store.put("T", 0, text: "0")
        #expect(store.recentOffset == 0)
        try store.close()
        store = try open(folder.path, recentBytes: 64 << 20)
        let end = store.maxPhysicalOffset
        #expect(store.recentOffset == end)
        try store.put("T", 0, text: "1")
        #expect(store.recentOffset == end)
        try store.close()
    }

    @Test func messagesThatAreNotWantedNeedNotBeInMemory() throws {
        let folder = try TemporaryFolder()
        let store = try open(folder.path)
        for number in 0..<10 { try store.put("T", 0, text: "\(number)", tags: number == 6 ? "wanted" : "other") }
        memory.holds(logBytes: 0)
        let code = JavaString.tagsCode("wanted")
        let cold = read(store, from: 0, .memory) { $0 == code }
        #expect(cold.needsDisk && cold.nextOffset == 6)
        #expect(try read(store, from: 6, .disk) { $0 == code }.messages().map(\.text) == ["6"])
        try store.close()
    }

    @Test func anExtensionThatIsOnTheDiskIsNotTouchedFromMemory() throws {
        let folder = try TemporaryFolder()
        let store = try open(folder.path, extended: true)
        for number in 0..<4 { try store.put("T", 0, text: "\(number)", tags: number == 2 ? "wanted" : "other") }
        let code = JavaString.tagsCode("wanted")
        memory.holds(extensionBytes: 0)
        let cold = read(store, from: 0, .memory) { $0 == code }
        #expect(cold.needsDisk && cold.messageCount == 0 && cold.nextOffset == 0)
        let before = store.statistics
        #expect(read(store, from: 0, .memory) { $0 == code }.needsDisk)
        #expect(store.statistics.missedReads == before.missedReads, "it is counted where it goes on")
        #expect(try read(store, from: 0, .disk) { $0 == code }.messages().map(\.text) == ["2"])
        #expect(read(store, from: 0, .memory).messageCount == 4, "without a filter nobody asks it")
        // Two units of 20 bytes, and the third but for its last byte.
        memory.holds(extensionBytes: 59)
        let half = read(store, from: 0, .memory) { $0 == code }
        #expect(half.needsDisk && half.nextOffset == 2)
        memory.holds()
        #expect(try read(store, from: 0, .memory) { $0 == code }.messages().map(\.text) == ["2"])
        try store.close()
    }

    @Test func theSearchForADamagedEntryIsLeftToAReadFromTheDiskAndNotRepeated() throws {
        let folder = try TemporaryFolder()
        let store = try open(folder.path)
        let results = try (0..<10).map { try store.put("T", 0, text: "\($0)") }
        let queue = store.queueHandle(topic: "T", queueId: 0)
        let (file, _) = try #require(try queue.locate(0))
        // One entry leads nowhere, another nowhere either, and its record is damaged as well.
        for offset in [3, 6] { QueueEntry(position: 1 << 40, size: 100, tagCode: 0).write(to: file.base + offset * QueueEntry.byteCount) }
        try overwriteLog(folder.path, at: results[6].physicalOffset + 4, with: [0, 0, 0, 0])
        let first = read(store, from: 0, .memory)
        #expect(first.messageCount == 3 && first.needsDisk && first.nextOffset == 3)
        let second = read(store, from: 3, .disk)
        #expect(try second.messages().map(\.text) == ["3", "4", "5", "7", "8", "9"])
        #expect(store.statistics.repairedEntries == 1)
        // Nothing is searched for any more.
        let third = read(store, from: 0, .memory)
        #expect(third.messageCount == 9 && !third.needsDisk && third.nextOffset == 10)
        try store.close()
    }

    @Test func whatAReaderWillWantIsNamedOnce() throws {
        let folder = try TemporaryFolder()
        let store = try open(folder.path, segmentBytes: 16 << 20)
        let body = [UInt8](repeating: 7, count: 1 << 20)
        for _ in 0..<10 { try store.put("T", 0, body) }
        // The reader is in the first part of 4 MiB; of the second nothing is there.
        memory.holds(logBytes: 3 << 20)
        let result = read(store, from: 0, .memory)
        #expect(result.messageCount == 1)
        #expect(result.wantedAhead == 4 << 20)
        memory.holds(logBytes: 5 << 20)
        #expect(read(store, from: 0, .memory).wantedAhead == nil)
        // The last part ends before the third one would.
        memory.holds(logBytes: 12 << 20)
        #expect(read(store, from: 8, .memory).wantedAhead == nil)
        try store.close()
    }

    /// With the kernel's own answers, where its file system lets go of pages when asked to.
    @Test func whatIsLoadedIsInMemory() throws {
        let folder = try TemporaryFolder()
        let bytes = 3 << 20
        let path = folder.sub("00000000000000000000")
        let file = try MappedFile(creating: path, baseOffset: 0, byteCount: bytes, allocating: .system)
        memset(file.base, 1, bytes)
        #expect(file.residentBytes(100..<bytes) == bytes - 100)
        #expect(DiskCalls.msync(file, 0..<bytes) == 0)
        file.releaseResidentPages()
        let descriptor = Glibc.open(path, O_RDONLY)
        defer { close(descriptor) }
        posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
        let isInMemoryAlways = file.residentBytes(0..<bytes) == bytes
        file.load(from: 1 << 20, count: 1 << 20)
        #expect(file.residentBytes(1 << 20..<2 << 20) == 1 << 20)
        #expect(isInMemoryAlways || file.residentBytes(0..<bytes) == 0)
    }
}
