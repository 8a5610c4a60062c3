import Foundation
import RMQCommon
@testable import RMQStore
import RMQTestSupport
import Testing

/// Each file that can be made from the commit log, in each state that a crash, a full disk or a person leaves it in.
@Suite(.takesTurns) struct DerivedFileTests {
    enum Fault: CaseIterable {
        case missing, empty, cutInAnEntry, cutBehindAnEntry, tooLong, zeroedTail, aFolder, aLinkToNowhere

        func apply(to path: String) throws {
            let length = try MappedFile.length(path)
            switch self {
            case .missing: try FileManager.default.removeItem(atPath: path)
            case .empty: try StoreFiles.setLength(path, to: 0)
            case .cutInAnEntry: try StoreFiles.setLength(path, to: length / 2 / 20 * 20 + 7)
            case .cutBehindAnEntry: try StoreFiles.setLength(path, to: length / 2 / 20 * 20)
            case .tooLong: try StoreFiles.setLength(path, to: length * 2)
            case .zeroedTail:
                try StoreFiles.setLength(path, to: length / 4 / 20 * 20)
                try StoreFiles.setLength(path, to: length)
            case .aFolder:
                try FileManager.default.removeItem(atPath: path)
                try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
                try Data("a".utf8).write(to: URL(fileURLWithPath: path + "/notes.txt"))
            case .aLinkToNowhere:
                try FileManager.default.removeItem(atPath: path)
                try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: path + ".gone")
            }
        }
    }

    enum Place: CaseIterable {
        case first, middle, last

        func of(_ files: [String]) -> String {
            switch self {
            case .first: files[0]
            case .middle: files[files.count / 2]
            case .last: files[files.count - 1]
            }
        }
    }

    @Test(arguments: [true, false], Fault.allCases.flatMap { fault in Place.allCases.map { (fault, $0) } })
    func aConsumeQueueFile(clean: Bool, what: (fault: Fault, place: Place)) async throws {
        let store = try await WholeStore(clean: clean)
        try what.fault.apply(to: what.place.of(try store.files("consumequeue/T/1")))
        let (first, second) = try await store.expectRepaired()
        #expect(first.contains { $0.contains(said(clean, what.fault, what.place)) }, "\(first)")
        #expect(!second.contains { $0.contains("written again") }, "\(second)")
    }

    /// What tells of the repair. The checkpoint of a killed store vouches for the first file alone: entries behind it are written
    /// anew in any case, of all queues. So the loss of a whole file there is as good as none, and the line on the opening has it.
    private func said(_ clean: Bool, _ fault: Fault, _ place: Place) -> String {
        let isVouchedFor = clean || place == .first
        return switch fault {
        case .empty, .cutInAnEntry, .cutBehindAnEntry, .tooLong: "is written again"
        case .missing, .zeroedTail, .aFolder, .aLinkToNowhere: isVouchedFor ? "written again" : "wrote \((WholeStore.count - 300) * 2 + 1) queue entries"
        }
    }

    @Test(arguments: [true, false], Fault.allCases.flatMap { fault in Place.allCases.map { (fault, $0) } })
    func anIndexFile(clean: Bool, what: (fault: Fault, place: Place)) async throws {
        let store = try await WholeStore(clean: clean)
        try what.fault.apply(to: what.place.of(try store.files("index")))
        _ = try await store.expectRepaired()
    }

    @Test(arguments: [true, false], Fault.allCases.flatMap { fault in Place.allCases.map { (fault, $0) } })
    func anExtensionFile(clean: Bool, what: (fault: Fault, place: Place)) async throws {
        let store = try await WholeStore(clean: clean)
        let files = try store.files("consumequeue_ext/T/1")
        try #require(files.count >= 3)
        try what.fault.apply(to: what.place.of(files))
        _ = try await store.expectRepaired()
        // New units go where they belong, whatever is there of the old ones.
        let again = try store.open()
        let result = try again.put("T", 1, text: "more", tags: "t9")
        let queue = try #require(again.queue(topic: "T", queueId: 1))
        #expect(queue.extensionUnit(at: result.queueOffset)?.storeTimestamp == result.storeTimestamp)
        try again.close()
    }

    @Test(arguments: [true, false], ["checkpoint", "lock"].flatMap { name in Fault.allCases.map { (name, $0) } })
    func aFileOfTheRoot(clean: Bool, what: (name: String, fault: Fault)) async throws {
        let store = try await WholeStore(clean: clean)
        try what.fault.apply(to: store.root + "/" + what.name)
        _ = try await store.expectRepaired()
    }

    /// It says that the store was killed; a store that was closed may get it from a person.
    @Test(arguments: [true, false], [Fault.missing, .tooLong, .aFolder, .aLinkToNowhere])
    func theAbortFile(clean: Bool, fault: Fault) async throws {
        let store = try await WholeStore(clean: clean)
        if clean { _ = FileManager.default.createFile(atPath: store.root + "/abort", contents: Data([1])) }
        try fault.apply(to: store.root + "/abort")
        _ = try await store.expectRepaired()
        #expect(StoreFiles.kind(store.root + "/abort") == nil)
    }

    @Test(arguments: [true, false], ["consumequeue", "consumequeue/T", "consumequeue/T/0", "consumequeue_ext", "consumequeue_ext/T", "index", "config"])
    func aFolderThatIsMissingOrAFile(clean: Bool, name: String) async throws {
        for isFile in [false, true] {
            let store = try await WholeStore(clean: clean)
            try? FileManager.default.removeItem(atPath: store.root + "/" + name)
            if isFile { try Data("a".utf8).write(to: URL(fileURLWithPath: store.root + "/" + name)) }
            _ = try await store.expectRepaired()
        }
    }

    /// The commit log is not derived: what a file lacks is lost, the rest is served.
    @Test(arguments: [true, false], [Place.first, .middle]) func aLogFileThatWasCutKeepsTheRest(clean: Bool, place: Place) async throws {
        let store = try await WholeStore(clean: clean)
        let files = try store.files("commitlog").filter { try Data(contentsOf: URL(fileURLWithPath: $0)).contains { $0 != 0 } }
        let path = place == .first ? files[0] : files[1]
        let base = try #require(SegmentName.offset(String(path.suffix(20))))
        let reader = try store.open()
        let positions = (0..<Int64(WholeStore.count)).map { reader.physicalOffset(reader.queueHandle(topic: "T", queueId: 0), offset: $0) ?? -1 }
        try reader.close()
        try StoreFiles.setLength(path, to: 4000)
        let sink = MemorySink()
        let again = try store.open(sink)
        let kept = try again.everything("T", 0).map(\.queueOffset)
        #expect(kept.contains(Int64(WholeStore.count) - 1))
        #expect(kept == (0..<Int64(WholeStore.count)).filter { positions[Int($0)] < base + 3800 || positions[Int($0)] >= base + 65536 })
        #expect(sink.messages.contains { $0.contains(path) && $0.contains("has 4000 bytes instead of 65536") })
        try again.close()
    }

    /// Put back, it is all there again; an opening without it would make its loss final.
    @Test func aMissingLogFileIsNamed() async throws {
        let store = try await WholeStore(clean: true)
        let files = try store.files("commitlog")
        try FileManager.default.removeItem(atPath: files[1])
        #expect(throws: StoreError.missingFile(before: files[2], expectedOffset: 65536)) { try MessageStore(WholeStore.configuration(store.root), logger: quiet) }
    }
}
