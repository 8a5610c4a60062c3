import Foundation
import RMQCommon
import RMQStore
import RMQTestSupport
import Testing

/// What the disk gave back differently is never handed out.
@Suite(.takesTurns) struct DamageTests {
    /// A closed store with `count` messages in one queue; their places in the log.
    func closedStore(_ root: String, _ count: Int) throws -> [AppendResult] {
        let store = try openStore(root)
        let results = try (0..<count).map { try store.put("T", 0, text: "\($0) " + String(repeating: "x", count: 100), tags: "t") }
        try store.close()
        return results
    }

    @Test func aMessageWithAnotherBodyIsSkippedAndSaid() throws {
        let folder = try TemporaryFolder()
        let results = try closedStore(folder.path, 50)
        try overwriteLog(folder.path, at: results[7].physicalOffset + 95, with: [0])
        let sink = MemorySink()
        let store = try MessageStore(smallConfiguration(folder.path), logger: Logger(category: "store", sink: sink))
        let all = store.read(topic: "T", queueId: 0, offset: 0, maxCount: 32)
        #expect(try all.messages().map(\.queueOffset) == [0, 1, 2, 3, 4, 5, 6] + (8...32).map { Int64($0) })
        #expect(all.messageCount == 32 && all.nextOffset == 33)
        // Asked for alone: as if retention had taken it.
        let alone = store.read(topic: "T", queueId: 0, offset: 7, maxCount: 1)
        #expect(try alone.messages().map(\.queueOffset) == [8])
        #expect(alone.nextOffset == 9)
        #expect(store.record(at: results[7].physicalOffset) == nil)
        #expect(store.statistics.damagedReads == 2)
        #expect(sink.messages.contains { $0.contains("message 7 of queue 0 of T") && $0.contains("checksum") })
        try store.close()
    }

    @Test func anEntryThatPointsElsewhereServesWhatBelongsThere() throws {
        let folder = try TemporaryFolder()
        let results = try closedStore(folder.path, 10)
        // Entry 3 becomes a copy of entry 4: a good record, of another offset.
        let path = folder.sub("consumequeue/T/0/00000000000000000000")
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        bytes.replaceSubrange(60..<80, with: bytes[80..<100])
        try bytes.write(to: URL(fileURLWithPath: path))
        let store = try MessageStore(smallConfiguration(folder.path), logger: quiet)
        let result = store.read(topic: "T", queueId: 0, offset: 2, maxCount: 3)
        #expect(try result.messages().map(\.queueOffset) == [2, 3, 4])
        // It is known by what it says itself.
        #expect(try result.messages().map(\.physicalOffset) == results[2...4].map(\.physicalOffset))
        try store.close()
    }

    /// No checksum covers the hosts, but such a port would keep a Java client from reading what follows, too.
    @Test(arguments: [52, 68]) func aHostThatCannotBeIsDamage(position: Int) throws {
        let folder = try TemporaryFolder()
        let results = try closedStore(folder.path, 5)
        try overwriteLog(folder.path, at: results[2].physicalOffset + Int64(position), with: [0x10])
        let store = try MessageStore(smallConfiguration(folder.path), logger: quiet)
        #expect(try store.everything("T", 0).map(\.queueOffset) == [0, 1, 3, 4])
        #expect(store.record(at: results[2].physicalOffset) == nil)
        try store.close()
    }

    @Test func aLastMessageThatIsDamagedEndsTheRead() throws {
        let folder = try TemporaryFolder()
        let results = try closedStore(folder.path, 3)
        try overwriteLog(folder.path, at: results[2].physicalOffset + 95, with: [0])
        let store = try MessageStore(smallConfiguration(folder.path), logger: quiet)
        let result = store.read(topic: "T", queueId: 0, offset: 2, maxCount: 32)
        #expect(result.status == .messageWasRemoving && result.nextOffset == 3 && result.chunks.isEmpty)
        try store.close()
    }
}
