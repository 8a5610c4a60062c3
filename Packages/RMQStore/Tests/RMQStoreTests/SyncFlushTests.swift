import Foundation
import RMQCommon
@testable import RMQStore
import RMQTestSupport
import Synchronization
import Testing

/// Synchronous flush: what is confirmed when, and who sees it.
@Suite(.takesTurns) struct SyncFlushTests {
    func open(_ folder: TemporaryFolder, _ name: String = "store", disk: FaultyDisk = FaultyDisk(), logger: Logger = quiet, _ change: (inout StoreConfiguration) -> Void = { _ in })
        throws -> MessageStore
    {
        var configuration = smallConfiguration(folder.sub(name))
        configuration.flush = .synchronous
        change(&configuration)
        let store = try MessageStore(configuration, logger: logger, clocks: .system, diskUsage: .system, disk: disk.calls)
        try store.start()
        return store
    }

    @Test func aMessageIsSeenOnceItIsOnTheDisk() async throws {
        let folder = try TemporaryFolder()
        let disk = FaultyDisk()
        let store = try open(folder, disk: disk)
        let arrivals = Mutex<[Int64]>([])
        store.setArrivalListener { _, _, newMax, _ in arrivals.withLock { $0.append(newMax) } }
        disk.set { $0.isHanging = true }
        let results = try (0..<300).map { try store.put("T", 0, text: "\($0)") }
        #expect(results.map(\.queueOffset) == (0..<300).map { Int64($0) }, "offsets are given at once")
        #expect(store.maxOffset(topic: "T", queueId: 0) == 0)
        #expect(store.read(topic: "T", queueId: 0, offset: 0, maxCount: 1).status == .noMessageInQueue)
        #expect(store.confirmedOffset == 0 && store.dispatchedOffset == 0 && store.maxPhysicalOffset == results[299].end)
        disk.set { $0.isHanging = false }
        try await eventually("all are confirmed") { store.confirmedOffset == results[299].end }
        #expect(store.dispatchedOffset == results[299].end, "whoever finds its message confirmed can read it")
        #expect(try store.everything("T", 0).map(\.text) == (0..<300).map { "\($0)" })
        try await eventually("all arrivals") { arrivals.withLock { $0 } == (1...300).map { Int64($0) } }
        #expect(disk.logSyncs < 30, "one sync serves all that came before it")
        try store.close()
    }

    /// Whoever finds its message confirmed can read it.
    @Test func aMessageIsReadableBeforeItIsConfirmed() throws {
        let folder = try TemporaryFolder()
        let store = try open(folder)
        let confirmed = Mutex<[Int64]>([])
        store.setArrivalListener { [unowned store] _, _, _, _ in confirmed.withLock { $0.append(store.confirmedOffset) } }
        let ends = try (0..<5).map { try store.putAndWait("T", 0, "\($0)").result.end }
        let seen = confirmed.withLock { $0 }
        #expect(seen == [0] + ends.dropLast())
        #expect(store.confirmedOffset == ends[4])
        try store.close()
    }

    /// A listener that each access wraps in another layer ends in a stack overflow.
    @Test func listenersAreCalledAsDirectlyLaterAsAtFirst() throws {
        let folder = try TemporaryFolder()
        let store = try open(folder)
        let thread = UInt(pthread_self())
        let depths = Mutex<[Int]>([])
        let follower = store.follow(.confirmed) { _ in
            let depth = Thread.callStackReturnAddresses.count
            if UInt(pthread_self()) == thread { depths.withLock { $0.append(depth) } }
        }
        for number in 0..<200 {
            #expect(follower.arm(beyond: store.confirmedOffset) == .willCall)
            try store.putAndWait("T", 0, "\(number)")
        }
        let seen = depths.withLock { $0 }
        let least = try #require(seen.min()), most = try #require(seen.max())
        #expect(seen.count > 100 && most - least < 20, "a call goes through as many functions as any other")
        try store.close()
    }

    @Test func theEarlierVisibilityCanBeHad() throws {
        let folder = try TemporaryFolder()
        let disk = FaultyDisk()
        let store = try open(folder, disk: disk) { $0.showsUnconfirmed = true }
        disk.set { $0.isHanging = true }
        let result = try store.put("T", 0, text: "early")
        #expect(try store.everything("T", 0).map(\.text) == ["early"])
        #expect(store.confirmedOffset < result.end)
        disk.set { $0.isHanging = false }
        try store.close()
    }

    @Test func whoeverWaitsHasItOnTheDisk() async throws {
        let folder = try TemporaryFolder()
        let disk = FaultyDisk()
        let store = try open(folder, disk: disk) {
            $0.segmentBytes = 1 << 20
            $0.syncFlushTimeout = .seconds(60)
        }
        // Threads of their own: they block.
        let writers = 8, each = 50
        let done = Atomic<Int>(0)
        for writer in 0..<writers {
            Thread.detachNewThread {
                let encoder = RecordEncoder()
                for index in 0..<each {
                    let result = try? store.putAndWait("T\(writer & 1)", 0, "\(writer) \(index)", encoder: encoder)
                    if let result, result.status == .ok, store.flushedOffset >= result.result.end, store.dispatchedOffset >= result.result.end {
                        done.add(1, ordering: .relaxed)
                    }
                }
                done.add(1_000_000, ordering: .relaxed)
            }
        }
        try await eventually("all writers are done") { done.load(ordering: .relaxed) >= writers * 1_000_000 }
        #expect(done.load(ordering: .relaxed) == writers * 1_000_000 + writers * each)
        #expect(try store.everything("T0", 0).count + store.everything("T1", 0).count == writers * each)
        #expect(disk.logSyncs <= writers * each)
        try store.close()
    }

    @Test func aListenerHearsOfEachFlush() async throws {
        let folder = try TemporaryFolder()
        let store = try open(folder)
        let confirmed = Atomic<Int64>(0)
        let follower = store.follow(.confirmed) { [unowned store] _ in confirmed.store(store.confirmedOffset, ordering: .relaxed) }
        #expect(follower.arm(beyond: 0) == .willCall)
        let result = try store.put("T", 0, text: "x")
        try await eventually("the flush is told") { confirmed.load(ordering: .relaxed) == result.end }
        try store.close()
    }

    @Test func aSlowDiskIsATimeoutForWhoeverWaits() async throws {
        let folder = try TemporaryFolder()
        let disk = FaultyDisk()
        let store = try open(folder, disk: disk) { $0.syncFlushTimeout = .milliseconds(20) }
        disk.set { $0.isHanging = true }
        try store.put("T", 0, text: "somebody else's")
        try await eventually("the store's thread hangs in this one's sync") { disk.behaviour.withLock { $0.isSomebodyHanging } }
        let (result, status) = try store.putAndWait("T", 0, "mine")
        #expect(status == .flushDiskTimeout && status.isStored)
        #expect(store.maxOffset(topic: "T", queueId: 0) == 0)
        disk.set { $0.isHanging = false }
        try await eventually("both messages are confirmed") { store.confirmedOffset == result.end && store.maxOffset(topic: "T", queueId: 0) == 2 }
        try store.close()
    }

    @Test(arguments: [true, false]) func aFailedSyncIsFinal(waiting: Bool) async throws {
        let folder = try TemporaryFolder()
        let disk = FaultyDisk()
        let sink = RecordingSink()
        let store = try open(folder, disk: disk, logger: Logger(category: "store", sink: sink))
        let before = try store.putAndWait("T", 0, "safe")
        #expect(before.status == .ok)
        disk.set { $0.syncFailure = ("commitlog", EIO) }
        let failure = StoreError.flushFailed(path: folder.sub("store/commitlog/00000000000000000000"), code: EIO)
        if waiting {
            #expect(throws: failure) { try store.putAndWait("T", 0, "lost") }
        } else {
            let result = try store.put("T", 0, text: "lost")
            try await eventually("the failure is known") { store.flushFailure == failure }
            #expect(throws: failure) { try store.waitUntilConfirmed(result.end) }
        }
        // The disk seems to be well again, which proves nothing.
        let syncs = disk.logSyncs
        disk.set { $0.syncFailure = nil }
        let refused = #expect(throws: StoreError.self) { try store.put("T", 0, text: "late") }
        #expect(refused == failure && refused?.appendStatus == .serviceNotAvailable)
        #expect(throws: failure) { try store.checkAccepting() }
        #expect(throws: failure) { try store.close() }
        #expect(disk.logSyncs == syncs)
        #expect(store.confirmedOffset == before.result.end)
        #expect(try store.everything("T", 0).map(\.text) == ["safe"])
        #expect(sink.lines(containing: "stops accepting messages").count == 1)
        #expect(FileManager.default.fileExists(atPath: folder.sub("store/abort")))
    }

    @Test func underAsynchronousFlushAFailedSyncStopsTheStoreToo() async throws {
        let folder = try TemporaryFolder()
        let disk = FaultyDisk()
        let store = try open(folder, disk: disk) {
            $0.flushInterval = .milliseconds(1)
            $0.flushLeastPages = 0
        }
        disk.set { $0.syncFailure = ("consumequeue", EIO) }
        try store.put("T", 0, text: "x")
        try await eventually("nothing is taken any more") { (try? store.put("T", 0, text: "y")) == nil }
        #expect(throws: StoreError.flushFailed(path: folder.sub("store/consumequeue/T/0/00000000000000000000"), code: EIO)) { try store.checkAccepting() }
        #expect(throws: StoreError.self) { try store.close() }
    }

    @Test func aTopicDeletedBeforeItsMessagesAreSeenIsGone() async throws {
        let folder = try TemporaryFolder()
        let disk = FaultyDisk()
        let store = try open(folder, disk: disk)
        disk.set { $0.isHanging = true }
        for index in 0..<5 { try store.put("Gone", 0, text: "old \(index)") }
        // The deletion takes effect at once, and returns when it is on the disk.
        let isDeleted = Monitor(false)
        Thread.detachNewThread {
            #expect(throws: Never.self) { try store.deleteTopic("Gone") }
            isDeleted.change { $0 = true }
        }
        try await eventually("the queue is gone") { store.queue(topic: "Gone", queueId: 0) == nil }
        #expect(try store.put("Gone", 0, text: "new").queueOffset == 0)
        try store.put("Stays", 0, text: "here")
        disk.set { $0.isHanging = false }
        try await eventually("the message is in its queue") { store.maxOffset(topic: "Stays", queueId: 0) == 1 }
        #expect(try store.everything("Gone", 0).map(\.text) == ["new"])
        #expect(isDeleted.wait(timeout: .generous) { $0 ? true : nil } == true)
        try store.close()
    }

    @Test func whatWasNotConfirmedComesBackAfterACrashOnlyWhole() async throws {
        let folder = try TemporaryFolder()
        let disk = FaultyDisk()
        let live = try open(folder, "live", disk: disk)
        for index in 0..<50 { try live.putAndWait("T", 0, "\(index)") }
        disk.set { $0.isHanging = true }
        for index in 50..<60 { try live.put("T", 0, text: "\(index)") }
        try copyDirectory(folder.sub("live"), to: folder.sub("copy"))
        disk.set { $0.isHanging = false }
        let store = try open(folder, "copy")
        #expect(try store.everything("T", 0).map(\.text) == (0..<60).map { "\($0)" })
        #expect(store.confirmedOffset == store.maxPhysicalOffset)
        #expect(try store.putAndWait("T", 0, "next").result.queueOffset == 60)
        try store.close()
        try live.close()
    }
}
