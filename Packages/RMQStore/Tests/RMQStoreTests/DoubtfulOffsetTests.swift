import Foundation
import RMQCommon
@testable import RMQStore
import RMQTestSupport
import Testing

/// No checksum covers a record's queue offset: when one contradicts its queue, the next record of the queue decides.
@Suite(.takesTurns) struct DoubtfulOffsetTests {
    static let count: Int64 = 20

    /// A store with one queue and records of a KiB, so that there is room for many offsets between two of them.
    private func makeStore(_ root: String, clean: Bool) throws -> [AppendResult] {
        let live = root + "-live"
        let store = try openStore(live)
        let results = try (0..<Self.count).map { try store.put("T", 0, text: "\($0) " + String(repeating: "x", count: 1000)) }
        if !clean { try copyDirectory(live, to: root) }
        try store.close()
        if clean { try FileManager.default.moveItem(atPath: live, toPath: root) }
        return results
    }

    private func setOffset(_ offset: Int64, of record: AppendResult, _ root: String) throws {
        try overwriteLog(root, at: record.physicalOffset + 20, with: withUnsafeBytes(of: offset.bigEndian) { Array($0) })
    }

    /// With the queue's files and without, so that it is completed or made again; the last record has none behind it that tells.
    @Test(arguments: [0, 1, 5, 18] as [Int64], [-100, -1, 1, 2, 7] as [Int64])
    func oneDamagedOffsetCostsOneMessage(number: Int64, change: Int64) throws {
        let offset = change == -100 ? 0 : number + change
        guard offset >= 0, offset != number else { return }
        for (clean, keepsQueue) in [(true, false), (false, true), (false, false)] {
            let folder = try TemporaryFolder()
            let root = folder.sub("store")
            let results = try makeStore(root, clean: clean)
            try setOffset(offset, of: results[Int(number)], root)
            if !keepsQueue { try FileManager.default.removeItem(atPath: root + "/consumequeue") }
            let store = try openStore(root)
            let served = try store.everything("T", 0).filter { $0.physicalOffset != results[Int(number)].physicalOffset }
            #expect(served.map { Int64($0.text.prefix { $0 != " " }) } == (0..<Self.count).filter { $0 != number }, "clean \(clean), queue kept \(keepsQueue)")
            #expect(served.allSatisfy { "\($0.queueOffset)" == $0.text.prefix { $0 != " " } })
            #expect(store.maxOffset(topic: "T", queueId: 0) == Self.count)
            try store.close()
        }
    }

    @Test(arguments: [2, 7] as [Int64]) func theFirstOfTwoIsKeptWhenTheSecondIsDamaged(offset: Int64) throws {
        let folder = try TemporaryFolder()
        let root = folder.sub("store")
        var store = try openStore(root)
        try store.put("Other", 0, [UInt8](repeating: 7, count: 2000))
        let results = try (0..<2).map { try store.put("T", 0, text: "\($0)") }
        try store.close()
        try setOffset(offset, of: results[1], root)
        try FileManager.default.removeItem(atPath: root + "/consumequeue")
        store = try openStore(root)
        #expect(try store.everything("T", 0).map(\.text) == ["0"])
        #expect(store.maxOffset(topic: "T", queueId: 0) == 1)
        try store.close()
    }

    /// Retention took the messages from 0 on, so that nothing says with which offset the queue has to begin.
    @Test(arguments: [0, 1], [-30, -2, -1, 1, 2, 7] as [Int64])
    func soDoesOneOfTheFirstThatAreLeft(number: Int, change: Int64) throws {
        let folder = try TemporaryFolder()
        let root = folder.sub("store")
        var store = try openStore(root)
        let results = try (0..<100).map { try store.put("T", 0, text: "\($0) " + String(repeating: "x", count: 1000)) }
        try store.close()
        let first = try #require(results.firstIndex { $0.physicalOffset == 65536 })
        try FileManager.default.removeItem(atPath: try segmentFiles(root)[0])
        try FileManager.default.removeItem(atPath: root + "/consumequeue")
        let damaged = results[first + number]
        try setOffset(damaged.queueOffset + change, of: damaged, root)
        store = try openStore(root)
        let served = try store.everything("T", 0).filter { $0.physicalOffset != damaged.physicalOffset }
        #expect(served.map { Int($0.text.prefix { $0 != " " }) } == (first..<100).filter { $0 != first + number })
        #expect(served.allSatisfy { "\($0.queueOffset)" == $0.text.prefix { $0 != " " } })
        #expect(store.maxOffset(topic: "T", queueId: 0) == 100)
        try store.close()
    }

    /// A queue with files never began again: the removal of a deleted topic's files is on the disk before the next message is.
    @Test func aLastRecordThatSaysZeroDropsNothing() throws {
        let folder = try TemporaryFolder()
        let root = folder.sub("store")
        let live = folder.sub("live")
        var store = try openStore(live)
        var results = try (0..<10).map { try store.put("T", 0, text: "\($0)") }
        try store.close()
        store = try openStore(live)
        results.append(try store.put("T", 0, text: "10"))
        try copyDirectory(live, to: root)
        try store.close()
        try setOffset(0, of: results[10], root)
        let reopened = try openStore(root)
        #expect(try reopened.everything("T", 0).map(\.text) == (0..<10).map { "\($0)" })
        try reopened.close()
    }

    @Test(arguments: [1, 2, 3, 30]) func aTopicMadeAgainBeginsAgain(count: Int) throws {
        let folder = try TemporaryFolder()
        let live = folder.sub("live")
        let store = try openStore(live)
        for number in 0..<20 { try store.put("T", 0, text: "old \(number)") }
        try store.deleteTopic("T")
        for number in 0..<count { try store.put("T", 0, text: "new \(number)") }
        try copyDirectory(live, to: folder.sub("killed"))
        try store.close()
        for root in [live, folder.sub("killed")] {
            for _ in 0..<2 {
                let reopened = try openStore(root)
                #expect(try reopened.everything("T", 0).map(\.text) == (0..<count).map { "new \($0)" })
                try reopened.close()
                try FileManager.default.removeItem(atPath: root + "/consumequeue")
            }
        }
    }

    /// A power failure just after a deletion. The checkpoint is from before it; the queue's files are gone, with those of its
    /// next life, which nothing had synced. The log has the end of the first life, then a single message of the next one.
    /// - Parameter oldCount: so many messages of the first life; its first segment is taken away when there are two.
    private func makeDeleted(_ root: String, oldCount: Int) throws {
        let live = root + "-live"
        var store = try openStore(live)
        for number in 0..<oldCount { try store.put("T", 0, text: "old \(number) " + String(repeating: "x", count: 1000)) }
        try store.close()
        let segments = try segmentFiles(live)
        if segments.count > 1 { try FileManager.default.removeItem(atPath: segments[0]) }
        store = try openStore(live)
        let checkpoint = try Data(contentsOf: URL(fileURLWithPath: live + "/checkpoint"))
        try store.deleteTopic("T")
        try store.put("T", 0, text: "new")
        try store.put("U", 0, text: "other")
        try copyDirectory(live, to: root)
        try store.close()
        try checkpoint.write(to: URL(fileURLWithPath: root + "/checkpoint"))
        for topic in ["T", "U"] { try? FileManager.default.removeItem(atPath: root + "/consumequeue/" + topic) }
    }

    /// Also when the log has only the end of the first life, so that the queue is begun in the middle.
    @Test(arguments: [1, 3, 70]) func theOneMessageOfATopicMadeAgainOutlivesAPowerFailure(oldCount: Int) throws {
        let folder = try TemporaryFolder()
        let root = folder.sub("store")
        try makeDeleted(root, oldCount: oldCount)
        let store = try openStore(root)
        #expect(try store.everything("T", 0).map(\.text) == ["new"])
        #expect(store.maxOffset(topic: "T", queueId: 0) == 1)
        try store.close()
    }

    /// The recovery has written entries of the first life, and not met the message of the next one.
    @Test(arguments: [1, 3, 70]) func soItDoesWhenTheRecoveryEndsHalfWay(oldCount: Int) throws {
        let folder = try TemporaryFolder()
        let root = folder.sub("store")
        try makeDeleted(root, oldCount: oldCount)
        let disk = FaultyDisk()
        disk.set { $0.allocationFailure = ("/U/", ENOSPC) }
        #expect(throws: StoreError.self) {
            try MessageStore(smallConfiguration(root), logger: quiet, clocks: .system, diskUsage: .system, disk: disk.calls)
        }
        #expect(FileManager.default.fileExists(atPath: root + "/consumequeue/T/0"))
        let store = try openStore(root)
        #expect(try store.everything("T", 0).map(\.text) == ["new"])
        try store.close()
    }

    /// It learns of the deletion by the message alone, so that the files may be of the first life when the log has it.
    @Test func aReplicaThatCrashedKeepsTheMessageToo() throws {
        let folder = try TemporaryFolder()
        let root = folder.sub("store")
        let live = folder.sub("live")
        var store = try openStore(live)
        for number in 0..<3 { try store.put("T", 0, text: "old \(number)") }
        try store.close()
        try copyDirectory(live, to: root)
        store = try openStore(live)
        try store.deleteTopic("T")
        try store.put("T", 0, text: "new")
        try store.close()
        // What a sync of the log alone leaves.
        try FileManager.default.removeItem(atPath: root + "/commitlog")
        try FileManager.default.copyItem(atPath: live + "/commitlog", toPath: root + "/commitlog")
        try Data().write(to: URL(fileURLWithPath: root + "/abort"))
        var configuration = smallConfiguration(root)
        configuration.role = .replica
        store = try MessageStore(configuration, logger: quiet)
        #expect(try store.everything("T", 0).map(\.text) == ["new"])
        try store.close()
    }

    @Test func aDeletionIsOnTheDiskWhenItReturns() throws {
        let folder = try TemporaryFolder()
        let synced = SyncedNames()
        let disk = DiskCalls(synchronizeDirectory: { path in
            synced.add(path)
            return 0
        })
        let store = try MessageStore(
            smallConfiguration(folder.path), logger: quiet, clocks: .system, diskUsage: .system, disk: disk)
        try store.start()
        try store.put("T", 0, text: "x")
        synced.clear()
        try store.deleteTopic("T")
        #expect(synced.all.contains(folder.sub("consumequeue")))
        try store.close()
    }
}

/// The directories whose names were synced.
private final class SyncedNames: @unchecked Sendable {
    // Sendable: guarded by the lock.
    private let lock = NSLock()
    private var paths: [String] = []

    func add(_ path: String) { lock.withLock { paths.append(path) } }
    func clear() { lock.withLock { paths = [] } }
    var all: [String] { lock.withLock { paths } }
}
