import Foundation
import RMQCommon
@testable import RMQStore
import RMQTestSupport
import Synchronization
import Testing

/// What has to be on the disk before something else happens, and what a crash must not leave behind the ends of files.
@Suite(.takesTurns) struct DiskOrderTests {
    private func open(_ configuration: StoreConfiguration, clocks: Clocks = .system, disk: DiskCalls = .system) throws -> MessageStore {
        let store = try MessageStore(configuration, logger: quiet, clocks: clocks, diskUsage: .system, disk: disk)
        try store.start()
        return store
    }

    // MARK: Order

    /// What the syncs of one test's log are at.
    private struct Syncs {
        var begun = 0
        var isReleased = false
        /// Appended while the first sync runs.
        var late: (@Sendable () -> Void)?
    }

    @Test func theCheckpointCountsOnNoMessageThatCameDuringASync() async throws {
        let folder = try TemporaryFolder()
        let syncs = Monitor(Syncs())
        let disk = DiskCalls(synchronize: { file, range in
            guard file.path.contains("commitlog") else { return DiskCalls.msync(file, range) }
            let (number, late) = syncs.withLock { state in
                state.begun += 1
                return (state.begun, state.late)
            }
            if number == 1 { late?() }
            // The second sync begins after the round of queues that follows the first one, and waits for the test.
            if number == 2 { syncs.wait(timeout: .generous) { $0.isReleased ? () : nil } }
            return DiskCalls.msync(file, range)
        })
        var configuration = smallConfiguration(folder.path)
        configuration.flushInterval = .milliseconds(1)
        configuration.flushLeastPages = 0
        let store = try open(configuration, disk: disk)
        syncs.withLock { [unowned store] in $0.late = { _ = try? store.put("T", 0, text: "late") } }
        let first = try store.put("T", 0, text: "first")
        try await eventually("the second sync begins") { syncs.withLock { $0.begun } >= 2 }
        let checkpoint = try #require(try Checkpoint.read(folder.sub("checkpoint")).own)
        #expect(store.maxOffset(topic: "T", queueId: 0) == 2)
        #expect(store.flushedOffset == first.end)
        #expect(checkpoint.safeOffset == first.end)
        syncs.change { $0.isReleased = true }
        try store.close()
    }

    /// The offsets of a queue whose messages are all deleted stand nowhere but in its files.
    @Test func queueEntriesAreOnTheDiskBeforeTheirSegmentGoes() async throws {
        let folder = try TemporaryFolder()
        let clock = HandClock(WallClock.nowMilliseconds())
        let calls = Mutex<[String]>([])
        let oldest = folder.sub("commitlog/00000000000000000000"), checkpointPath = folder.sub("checkpoint")
        let disk = DiskCalls(
            synchronize: { file, range in
                let code = DiskCalls.msync(file, range)
                calls.withLock { $0.append("synced " + file.path) }
                return code
            },
            synchronizeDirectory: { path in
                // The first time that the names of the log's files are made durable without the oldest one.
                if path.hasSuffix("/commitlog"), !FileManager.default.fileExists(atPath: oldest) {
                    let safe = (try? Checkpoint.read(checkpointPath))?.own?.safeOffset ?? -1
                    calls.withLock { $0.append("unlinked, safe up to \(safe)") }
                }
                return DiskCalls.fsyncDirectory(path)
            })
        var configuration = unflushedConfiguration(folder.path)
        configuration.retention.interval = .milliseconds(5)
        configuration.retention.pauseBetweenSegments = .zero
        configuration.retention.deletionHours = []
        let store = try open(configuration, clocks: clock.clocks, disk: disk)
        for index in 0..<20 { try store.put("Early", 0, text: "\(index)") }
        while store.maxPhysicalOffset < 3 << 16 { try store.put("Both", 1, [UInt8](repeating: 7, count: 50)) }
        #expect(calls.withLock { $0.isEmpty }, "nothing was written back")
        let end = store.maxPhysicalOffset
        clock.advance(.seconds(73 * 3600))
        store.requestDeletion()
        try await eventually("the segments are gone") { store.minPhysicalOffset >= 3 << 16 }
        let made = calls.withLock { $0 }
        let unlinked = try #require(made.firstIndex { $0.hasPrefix("unlinked") })
        #expect(made[unlinked] == "unlinked, safe up to \(end)")
        for file in ["Early/0/00000000000000000000", "Both/1/00000000000000000000"] {
            #expect(made[..<unlinked].contains("synced " + folder.sub("consumequeue/" + file)))
        }
        try store.close()
    }

    /// Retention that fails between removing a queue's files and correcting its smallest offset.
    @Test func anOffsetInAFileThatIsGoneLeadsToTheNextFile() throws {
        let folder = try TemporaryFolder()
        let second = folder.sub("consumequeue/T/0/00000000000000006000")
        let disk = DiskCalls(synchronizeDirectory: { path in
            path.hasSuffix("/T/0") && !FileManager.default.fileExists(atPath: second) ? EIO : DiskCalls.fsyncDirectory(path)
        })
        let store = try open(unflushedConfiguration(folder.path), disk: disk)
        // Three files of 300 entries.
        for index in 0..<700 { try store.put("T", 0, text: "\(index)") }
        let queue = try #require(store.queue(topic: "T", queueId: 0))
        let failure = StoreError.system(call: "fsync", path: folder.sub("consumequeue/T/0"), code: EIO)
        #expect(throws: failure) { try queue.follow(logMinimum: store.maxPhysicalOffset) }
        for offset: Int64 in [0, 1, 150, 299] {
            let result = store.read(topic: "T", queueId: 0, offset: offset, maxCount: 32)
            #expect(result.status == .offsetFoundNull, "\(offset)")
            #expect(result.nextOffset == 300, "\(offset)")
        }
        try? store.close()
    }

    /// The reference's checkpoint has a time for the log and one for the queues: what is younger than either is looked at.
    @Test(arguments: [(log: Int64(210), queues: Int64(10)), (log: 10, queues: 210)])
    func ofTwoTimesInACheckpointTheEarlierOneCounts(seconds: (log: Int64, queues: Int64)) throws {
        let folder = try TemporaryFolder()
        let clock = HandClock(1_000_000)
        let live = try open(unflushedConfiguration(folder.sub("live")), clocks: clock.clocks)
        func fill(to offset: Int64) throws { while live.maxPhysicalOffset < offset { try live.put("Fill", 0, [UInt8](repeating: 7, count: 500)) } }
        for index in 0..<5 { try live.put("T", 0, text: "\(index)") }
        try fill(to: 70_000)
        clock.advance(.seconds(100))
        for index in 5..<10 { try live.put("T", 0, text: "\(index)") }
        clock.advance(.seconds(100))
        try fill(to: 140_000)
        try copyDirectory(folder.sub("live"), to: folder.sub("crashed"))
        try live.close()
        // The newest entries of the queue never reached the disk; the last segment has no record of it.
        let queue = try #require(FileHandle(forUpdatingAtPath: folder.sub("crashed/consumequeue/T/0/00000000000000000000")))
        try queue.seek(toOffset: 5 * 20)
        try queue.write(contentsOf: Data(count: 5 * 20))
        try queue.close()
        var checkpoint = Checkpoint()
        checkpoint.physicalTimestamp = 1_000_000 + seconds.log * 1000
        checkpoint.queueTimestamp = 1_000_000 + seconds.queues * 1000
        try checkpoint.write(folder.sub("crashed/checkpoint"), .system)
        let crashed = try open(unflushedConfiguration(folder.sub("crashed")))
        #expect(try crashed.everything("T", 0).map(\.text) == (0..<10).map { "\($0)" })
        try crashed.close()
    }

    // MARK: Behind the ends

    @Test func recordsBehindTheLogsEndNeverComeBack() throws {
        let folder = try TemporaryFolder()
        let live = try open(unflushedConfiguration(folder.sub("live")))
        let results = try (0..<10).map { try live.put("T", 0, text: "\($0)") }
        try copyDirectory(folder.sub("live"), to: folder.sub("crashed"))
        try live.close()
        // Number 5 never reached the disk, what follows it did.
        try overwriteLog(folder.sub("crashed"), at: results[5].physicalOffset, with: [UInt8](repeating: 0, count: results[5].byteCount))
        let crashed = try open(unflushedConfiguration(folder.sub("crashed")))
        #expect(crashed.maxPhysicalOffset == results[5].physicalOffset)
        // A record of the same length ends where number 6 began.
        #expect(try crashed.put("T", 0, text: "N").end == results[6].physicalOffset)
        try copyDirectory(folder.sub("crashed"), to: folder.sub("again"))
        try crashed.close()
        let again = try open(unflushedConfiguration(folder.sub("again")))
        #expect(again.maxPhysicalOffset == results[6].physicalOffset)
        #expect(try again.everything("T", 0).map(\.text) == ["0", "1", "2", "3", "4", "N"])
        try again.close()
    }

    @Test func entriesBehindAQueuesEndNeverComeBack() throws {
        let folder = try TemporaryFolder()
        let live = try open(unflushedConfiguration(folder.sub("live")))
        let results = try (0..<10).map { try live.put("T", 0, text: "\($0)") }
        try copyDirectory(folder.sub("live"), to: folder.sub("crashed"))
        try live.close()
        // The log lost numbers 5 to 9, the queue kept their entries.
        let lost = Int(results[9].end - results[5].physicalOffset)
        try overwriteLog(folder.sub("crashed"), at: results[5].physicalOffset, with: [UInt8](repeating: 0, count: lost))
        let crashed = try open(unflushedConfiguration(folder.sub("crashed")))
        #expect(crashed.maxOffset(topic: "T", queueId: 0) == 5)
        try crashed.put("T", 0, text: "N")
        // Records of others take the places that the lost entries lead to, and are written back.
        for _ in 0..<10 { try crashed.put("Other", 0, text: "o") }
        try crashed.flushEverything(leavingClean: false)
        try copyDirectory(folder.sub("crashed"), to: folder.sub("again"))
        try crashed.close()
        let again = try open(unflushedConfiguration(folder.sub("again")))
        #expect(again.maxOffset(topic: "T", queueId: 0) == 6)
        #expect(try again.everything("T", 0).map(\.text) == ["0", "1", "2", "3", "4", "N"])
        try again.close()
    }
}
