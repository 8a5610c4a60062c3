import Foundation
import RMQCommon
@testable import RMQStore
import RMQTestSupport
import Testing

/// Consume queues that were damaged on the disk: everything in them is in the log, too.
@Suite(.takesTurns) struct QueueRepairTests {
    static let count = 1000
    /// Each queue has 500 entries in files of 300.
    static let first = "00000000000000000000", second = "00000000000000006000"

    /// A store with messages in `Topic` 0 and 1, and one in `Other` at the log's end; closed, or as a kill left it long after
    /// the queues had been written back.
    func make(_ root: String, clean: Bool) throws {
        let store = try openStore(root)
        for index in 0..<Self.count { try store.put("Topic", Int32(index & 1), text: "\(index)", tags: "t\(index % 3)") }
        try store.close()
        let again = try openStore(root)
        try again.put("Other", 0, text: "x")
        if clean { return try again.close() }
        let copy = root + "-killed"
        try copyDirectory(root, to: copy)
        try again.close()
        try FileManager.default.removeItem(atPath: root)
        try FileManager.default.moveItem(atPath: copy, toPath: root)
    }

    func expectEverything(_ store: MessageStore) throws {
        for queueId: Int32 in 0...1 {
            let messages = try store.everything("Topic", queueId)
            #expect(messages.map(\.queueOffset) == (0..<Int64(Self.count / 2)).map { $0 })
            #expect(messages.map(\.text) == (0..<Self.count / 2).map { "\($0 * 2 + Int(queueId))" })
            let tagged = store.read(topic: "Topic", queueId: queueId, offset: 298, maxCount: 6) { $0 == JavaString.tagsCode("t1") }
            #expect(try tagged.messages().allSatisfy { $0.tags == "t1" })
        }
        #expect(try store.everything("Other", 0).count == 1)
    }

    func open(_ root: String, _ sink: MemorySink) throws -> MessageStore {
        let store = try MessageStore(smallConfiguration(root), logger: Logger(category: "store", sink: sink))
        try store.start()
        return store
    }

    @Test(arguments: [true, false], [(first, 0), (first, 15), (first, 3007), (first, 6020), (second, 0), (second, 20), (second, 1999), (second, 9000)])
    func aFileOfAnotherLength(clean: Bool, damage: (name: String, bytes: Int)) throws {
        let folder = try TemporaryFolder()
        let root = folder.sub("store")
        try make(root, clean: clean)
        let path = root + "/consumequeue/Topic/1/" + damage.name
        try StoreFiles.setLength(path, to: Int64(damage.bytes))
        let sink = MemorySink()
        let store = try open(root, sink)
        try expectEverything(store)
        let warnings = sink.messages.filter { $0.contains(path) }
        #expect(warnings.count == 1 && warnings[0].contains("written again from offset"), "\(sink.messages)")
        #expect(!sink.messages.contains { $0.contains("all queues checked") }, "the others are left alone")
        #expect(try store.put("Topic", 1, text: "next").queueOffset == Int64(Self.count / 2))
        try store.close()
        // It is whole now.
        let silent = MemorySink()
        let again = try open(root, silent)
        #expect(!silent.messages.contains { $0.contains("written again") })
        #expect(again.maxOffset(topic: "Topic", queueId: 1) == Int64(Self.count / 2) + 1)
        try again.close()
    }

    /// What was repaired is not on the disk yet when the power fails: the files look whole, and are not.
    @Test(arguments: [true, false]) func aCrashWhileItIsRepairedIsSeen(clean: Bool) throws {
        let folder = try TemporaryFolder()
        let root = folder.sub("store")
        try make(root, clean: clean)
        let path = root + "/consumequeue/Topic/1/" + Self.first
        try StoreFiles.setLength(path, to: 3000)
        try MessageStore(smallConfiguration(root), logger: quiet).close()
        try StoreFiles.setLength(path, to: 3000)
        try StoreFiles.setLength(path, to: 6000)
        try FileManager.default.removeItem(atPath: root + "/consumequeue/Topic/1/" + Self.second)
        let store = try openStore(root)
        try expectEverything(store)
        try store.close()
    }

    struct Destruction: Sendable, CustomTestStringConvertible {
        var at: Int
        var count: Int
        var content: UInt8
        var testDescription: String { "\(count) bytes \(content) at \(at)" }

        /// In the middle and up to the end of what is there: zeros, what may be taken for entries, and what may not.
        static let all = [(2000, 60), (2009, 30), (3990, 10), (3900, 2100), (0, 6000)].flatMap { at, count in
            [0, 0x11, 0xFF].map { Destruction(at: at, count: count, content: $0) }
        }
    }

    @Test(arguments: [true, false], Destruction.all)
    func destroyedEntriesAreWrittenAgain(clean: Bool, destruction: Destruction) throws {
        let folder = try TemporaryFolder()
        let root = folder.sub("store")
        try make(root, clean: clean)
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: root + "/consumequeue/Topic/1/" + Self.second))
        try handle.seek(toOffset: UInt64(destruction.at))
        try handle.write(contentsOf: Data(repeating: destruction.content, count: destruction.count))
        try handle.close()
        let store = try openStore(root)
        try expectEverything(store)
        #expect(try store.put("Topic", 1, text: "next").queueOffset == Int64(Self.count / 2))
        try store.close()
    }

    /// No checksum covers a record's queue offset. A damaged one costs that message, when the queues are made from the log.
    @Test(arguments: [0x40, 0x10, 0x80, 1], [20, 22, 25, 26, 27])
    func aDamagedQueueOffsetCostsOneMessage(bit: UInt8, position: Int) throws {
        let folder = try TemporaryFolder()
        try make(folder.path, clean: true)
        let store = try openStore(folder.path)
        let queue = try #require(store.queue(topic: "Topic", queueId: 1))
        let place = try #require(store.physicalOffset(queue, offset: 250))
        try store.close()
        let path = folder.sub("commitlog/" + SegmentName.text(place / 65536 * 65536))
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        bytes[Int(place % 65536) + position] ^= bit
        try bytes.write(to: URL(fileURLWithPath: path))
        try FileManager.default.removeItem(atPath: folder.sub("consumequeue"))
        let again = try openStore(folder.path)
        #expect(try again.everything("Topic", 0).count == Self.count / 2)
        let offsets = try again.everything("Topic", 1).map(\.queueOffset)
        #expect(offsets.filter { $0 < 500 } == (0..<Int64(Self.count / 2)).filter { $0 != 250 })
        #expect(again.maxOffset(topic: "Topic", queueId: 1) == 500)
        try again.close()
    }

    /// Of the last entry that was written back: it seems to cover the records behind it, whose entries are still to be written.
    @Test(arguments: [8, 9, 10, 11]) func aSizeThatReachesBeyondTheCheckpointHidesNothing(byte: Int) throws {
        let folder = try TemporaryFolder()
        var store = try openStore(folder.sub("live"))
        for number in 0..<10 { try store.put("T", 0, text: "\(number)") }
        try store.close()
        store = try openStore(folder.sub("live"))
        for number in 10..<20 { try store.put("T", 0, text: "\(number)") }
        try copyDirectory(folder.sub("live"), to: folder.sub("killed"))
        try store.close()
        let url = URL(fileURLWithPath: folder.sub("killed/consumequeue/T/0/" + Self.first))
        var bytes = try Data(contentsOf: url)
        bytes[9 * 20 + byte] ^= byte == 11 ? 0x80 : 4
        try bytes.write(to: url)
        let reopened = try openStore(folder.sub("killed"))
        #expect(try reopened.everything("T", 0).map(\.text) == (0..<20).map { "\($0)" })
        try reopened.close()
    }

    @Test func aLogThatIsNotThereIsNoEmptyLog() throws {
        let folder = try TemporaryFolder()
        try make(folder.path, clean: true)
        try FileManager.default.moveItem(atPath: folder.sub("commitlog"), toPath: folder.sub("elsewhere"))
        let expected = StoreError.emptyLog(directories: [folder.sub("commitlog")], queueDirectory: folder.sub("consumequeue"))
        #expect(throws: expected) { try MessageStore(smallConfiguration(folder.path), logger: quiet) }
        try FileManager.default.removeItem(atPath: folder.sub("commitlog"))
        try FileManager.default.moveItem(atPath: folder.sub("elsewhere"), toPath: folder.sub("commitlog"))
        let store = try openStore(folder.path)
        try expectEverything(store)
        try store.close()
        // Who removes the queues, too, means it.
        try FileManager.default.removeItem(atPath: folder.sub("commitlog"))
        try FileManager.default.removeItem(atPath: folder.sub("consumequeue"))
        let empty = try openStore(folder.path)
        #expect(empty.maxPhysicalOffset == 0)
        try empty.close()
    }

    @Test func aMountPointIsFine() throws {
        let folder = try TemporaryFolder()
        for name in ["commitlog", "consumequeue"] {
            try FileManager.default.createDirectory(atPath: folder.sub(name + "/lost+found"), withIntermediateDirectories: true)
        }
        let store = try openStore(folder.path)
        try store.put("T", 0, text: "x")
        try store.close()
        let again = try openStore(folder.path)
        #expect(try again.everything("T", 0).count == 1 && again.topics == ["T"])
        try again.close()
    }

    // MARK: Entries

    /// Position and size of an entry, and what to flip in them.
    @Test(arguments: [(byte: 0, bit: 0x80), (3, 1), (5, 1), (6, 0x40), (7, 8), (8, 0x80), (9, 1), (10, 4), (11, 1)])
    func anEntryIsRepairedByWhoeverReadsIt(damage: (byte: Int, bit: Int)) throws {
        let folder = try TemporaryFolder()
        try make(folder.path, clean: true)
        let url = URL(fileURLWithPath: folder.sub("consumequeue/Topic/1/" + Self.first))
        let sound = try Data(contentsOf: url)
        for number in [1, 77, 78, 299] {
            var bytes = try Data(contentsOf: url)
            bytes[number * 20 + damage.byte] ^= UInt8(damage.bit)
            try bytes.write(to: url)
        }
        let sink = MemorySink()
        let store = try open(folder.path, sink)
        #expect(try store.everything("Topic", 1).map(\.queueOffset) == (0..<Int64(Self.count / 2)).map { $0 })
        #expect(store.statistics.repairedEntries == 4 && store.statistics.damagedReads == 0)
        #expect(sink.messages.filter { $0.contains("has been written again from the log") }.count == 4)
        try expectEverything(store)
        try store.close()
        #expect(try Data(contentsOf: url) == sound)
    }

    /// It decides where the queue begins, so opening may look at it already.
    @Test(arguments: [0, 3, 7, 8, 11]) func theFirstEntryHidesNothing(byte: Int) throws {
        let folder = try TemporaryFolder()
        try make(folder.path, clean: true)
        let url = URL(fileURLWithPath: folder.sub("consumequeue/Topic/1/" + Self.first))
        let sound = try Data(contentsOf: url)
        var bytes = sound
        bytes[byte] ^= 0x80
        try bytes.write(to: url)
        let store = try openStore(folder.path)
        try expectEverything(store)
        try store.close()
        #expect(try Data(contentsOf: url) == sound)
    }

    @Test func aDelayedMessageIsDeliveredAllTheSame() throws {
        let folder = try TemporaryFolder()
        let clock = HandClock(1_700_000_000_000)
        func open() throws -> MessageStore {
            var configuration = smallConfiguration(folder.path)
            configuration.deliversDelayedMessages = false
            let store = try MessageStore(configuration, logger: quiet, clocks: clock.clocks)
            try store.start()
            return store
        }
        var store = try open()
        for number in 0..<5 { try store.putDelayed("T", 0, "\(number)", level: 1) }
        try store.close()
        let path = folder.sub("consumequeue/SCHEDULE_TOPIC_XXXX/0/00000000000000000000")
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        bytes[47] ^= 4
        bytes.replaceSubrange(60..<72, with: bytes[80..<92])
        try bytes.write(to: URL(fileURLWithPath: path))
        store = try open()
        clock.advance(.milliseconds(1_000))
        _ = store.deliverNow()
        #expect(try store.everything("T", 0).map(\.text) == ["0", "1", "2", "3", "4"])
        try store.close()
    }
}
