import Foundation
import RMQCommon
@testable import RMQStore
import RMQTestSupport
import Synchronization
import Testing

/// A deletion outlives a kill, although the log keeps the messages and recovery reads them.
@Suite(.takesTurns) struct DeletionTests {
    /// What happens between the deletion and the kill.
    enum Meanwhile: CaseIterable {
        case nothing, otherTopics, madeAgain, madeAgainAndWrittenBack

        func happen(_ store: MessageStore) throws {
            switch self {
            case .nothing: break
            case .otherTopics:
                try store.put("Kept", 0, text: "late")
                try store.put("Third", 0, text: "late")
            case .madeAgain: try store.put("Gone", 0, text: "new")
            case .madeAgainAndWrittenBack:
                try store.put("Gone", 0, text: "new")
                try store.flushEverything(leavingClean: false)
            }
        }

        var gone: [String] { self == .madeAgain || self == .madeAgainAndWrittenBack ? ["new"] : [] }
        var kept: [String] { ["0", "1", "2"] + (self == .otherTopics ? ["late"] : []) }
    }

    /// Deletes a topic whose messages were written back before that, or not.
    private func kill(_ folder: TemporaryFolder, wasWrittenBack: Bool = true, _ meanwhile: Meanwhile = .nothing) throws {
        let store = try openStore(unflushedConfiguration(folder.sub("live")))
        for number in 0..<3 { try store.put("Kept", 0, text: "\(number)") }
        for number in 0..<5 { try store.put("Gone", 0, text: "old \(number)") }
        if wasWrittenBack { try store.flushEverything(leavingClean: false) }
        try store.deleteTopic("Gone")
        try meanwhile.happen(store)
        try copyDirectory(folder.sub("live"), to: folder.sub("killed"))
        try store.close()
    }

    private func open(_ root: String, _ sink: MemorySink) throws -> MessageStore {
        let store = try MessageStore(unflushedConfiguration(root), logger: Logger(category: "store", sink: sink))
        try store.start()
        return store
    }

    @Test(arguments: Meanwhile.allCases, [true, false]) func nothingComesBack(meanwhile: Meanwhile, wasWrittenBack: Bool) throws {
        let folder = try TemporaryFolder()
        try kill(folder, wasWrittenBack: wasWrittenBack, meanwhile)
        var root = folder.sub("killed")
        // The first of these openings is killed, too.
        for next in ["killed again", "closed"] {
            let sink = MemorySink()
            let store = try open(root, sink)
            #expect(try store.everything("Gone", 0).map(\.text) == meanwhile.gone)
            #expect(try store.everything("Kept", 0).map(\.text) == meanwhile.kept)
            #expect(store.topics.contains("Gone") != meanwhile.gone.isEmpty)
            #expect(!sink.messages.contains { $0.contains("written again") }, "\(sink.messages)")
            try copyDirectory(root, to: folder.sub(next))
            try #require(try store.put("Gone", 0, text: "next").queueOffset == Int64(meanwhile.gone.count))
            try store.close()
            root = folder.sub(next)
        }
    }

    /// A queue that lost its entries gets them from the log, the deleted one beside it does not.
    @Test func norWhenAnotherQueueIsRepaired() throws {
        let folder = try TemporaryFolder()
        try kill(folder)
        let root = folder.sub("killed")
        try StoreFiles.setLength(root + "/consumequeue/Kept/0/00000000000000000000", to: 47)
        let sink = MemorySink()
        let store = try open(root, sink)
        #expect(try store.everything("Kept", 0).map(\.text) == ["0", "1", "2"])
        #expect(store.topics == ["Kept"])
        #expect(sink.messages.contains { $0.contains("queue 0 of Kept is written again") }, "\(sink.messages)")
        try store.close()
    }

    @Test func aLostQueueIsNotTakenForADeletedOne() throws {
        let folder = try TemporaryFolder()
        try kill(folder)
        let root = folder.sub("killed")
        try FileManager.default.removeItem(atPath: root + "/consumequeue/Kept")
        let store = try openStore(unflushedConfiguration(root))
        #expect(try store.everything("Kept", 0).map(\.text) == ["0", "1", "2"])
        try store.close()
    }

    @Test func underSynchronousFlushNothingComesBackEither() throws {
        let folder = try TemporaryFolder()
        var configuration = smallConfiguration(folder.sub("live"))
        configuration.flush = .synchronous
        let live = try openStore(configuration)
        for number in 0..<5 { _ = try live.putAndWait("Gone", 0, "\(number)") }
        _ = try live.putAndWait("Kept", 0, "x")
        try live.deleteTopic("Gone")
        try copyDirectory(folder.sub("live"), to: folder.sub("killed"))
        try live.close()
        let store = try openStore(folder.sub("killed"))
        #expect(store.topics == ["Kept"])
        #expect(try store.everything("Kept", 0).map(\.text) == ["x"])
        try store.close()
    }

    // MARK: Files

    /// What happens to the names of one test's queue folders.
    private struct Names {
        var isHanging = false
        var isWaiting = false
    }

    /// The names are on the disk before anything that is appended behind the deletion counts as durable, and nobody who appends
    /// waits for them.
    @Test func appendsGoOnWhileADeletionWaitsForTheDisk() async throws {
        let folder = try TemporaryFolder()
        let names = Monitor(Names())
        let disk = DiskCalls(synchronizeDirectory: { path in
            guard path.hasSuffix("/consumequeue") else { return DiskCalls.fsyncDirectory(path) }
            return names.wait(timeout: .generous) { state in
                state.isWaiting = state.isHanging
                return state.isHanging ? nil : DiskCalls.fsyncDirectory(path)
            } ?? EIO
        })
        var configuration = smallConfiguration(folder.path)
        configuration.flush = .synchronous
        let store = try MessageStore(configuration, logger: quiet, clocks: .system, diskUsage: .system, disk: disk)
        try store.start()
        try store.putAndWait("Gone", 0, "old")
        names.change { $0.isHanging = true }
        let isDeleted = Monitor(false)
        Thread.detachNewThread {
            #expect(throws: Never.self) { try store.deleteTopic("Gone") }
            isDeleted.change { $0 = true }
        }
        try await eventually("the deletion waits") { names.withLock(\.isWaiting) }
        #expect(!FileManager.default.fileExists(atPath: folder.sub("consumequeue/Gone/0")))
        let new = try store.put("Gone", 0, text: "new")
        #expect(new.queueOffset == 0)
        #expect(store.flushedOffset < new.end)
        #expect(!isDeleted.withLock { $0 })
        names.change { $0.isHanging = false }
        #expect(isDeleted.wait(timeout: .generous) { $0 ? true : nil } == true)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.sub("consumequeue")).count <= 1)
        #expect(try store.waitUntilConfirmed(new) == .ok)
        #expect(try store.everything("Gone", 0).map(\.text) == ["new"])
        try store.close()
    }

    /// A file that was deleted has nothing to write back, mapped or not.
    @Test func aDeletionDuringAFlushStopsNothing() throws {
        let folder = try TemporaryFolder()
        let store = try openStore(unflushedConfiguration(folder.path))
        for round in 0..<200 {
            try store.put("Gone", 0, text: "\(round)")
            let queue = try #require(store.queue(topic: "Gone", queueId: 0))
            store.appendLock.withLock { _ = queue.giveBackWriter(isForced: true, $0) }
            _ = queue.giveBackFiles(isForced: true)
            DispatchQueue.concurrentPerform(iterations: 2) { thread in
                #expect(throws: Never.self) { thread == 0 ? try store.flushEverything(leavingClean: false) : try store.deleteTopic("Gone") }
            }
        }
        #expect(store.flushFailure == nil)
        try store.close()
    }

    /// A kill may come between the new name of a deleted queue's folder and the removal of its files.
    @Test func whatADeletionLeftIsRemovedByTheNextOpening() throws {
        let folder = try TemporaryFolder()
        try kill(folder)
        let root = folder.sub("killed")
        let left = ["consumequeue/Gone/0.deleted1", "consumequeue/Kept/7.deleted2", "consumequeue_ext/Gone/0.deleted1"]
        for name in left {
            try FileManager.default.createDirectory(atPath: "\(root)/\(name)", withIntermediateDirectories: true)
            try Data(count: 6000).write(to: URL(fileURLWithPath: "\(root)/\(name)/00000000000000000000"))
        }
        let sink = MemorySink()
        let store = try open(root, sink)
        for name in left { #expect(!FileManager.default.fileExists(atPath: "\(root)/\(name)"), "\(name)") }
        #expect(store.topics == ["Kept"])
        #expect(!sink.messages.contains { $0.contains("belongs to no store") }, "\(sink.messages)")
        try store.close()
    }

    /// A kill between the new name of a queue's folder and the checkpoint that does not count it any more: earlier deletions stay.
    @Test(arguments: [true, false]) func anInterruptedDeletionBringsNoOtherBack(hasOlderLeftOvers: Bool) throws {
        let folder = try TemporaryFolder()
        let store = try openStore(unflushedConfiguration(folder.sub("live")))
        for topic in ["Kept", "Gone", "Half"] {
            for number in 0..<4 { try store.put(topic, Int32(number % 2), text: "\(topic) \(number)") }
        }
        try store.flushEverything(leavingClean: false)
        try store.deleteTopic("Gone")
        let root = folder.sub("killed")
        try copyDirectory(folder.sub("live"), to: root)
        try store.close()
        try FileManager.default.moveItem(atPath: "\(root)/consumequeue/Half/1", toPath: "\(root)/consumequeue/Half/1.deleted1")
        if hasOlderLeftOvers {
            try FileManager.default.createDirectory(atPath: "\(root)/consumequeue/Gone/0.deleted1", withIntermediateDirectories: true)
            try Data(count: 6000).write(to: URL(fileURLWithPath: "\(root)/consumequeue/Gone/0.deleted1/00000000000000000000"))
        }
        let sink = MemorySink()
        let again = try open(root, sink)
        #expect(again.topics.sorted { ByteText($0) < ByteText($1) } == ["Half", "Kept"])
        #expect(try again.everything("Half", 0).map(\.text) == ["Half 0", "Half 2"])
        #expect(try again.everything("Half", 1).map(\.text) == ["Half 1", "Half 3"])
        #expect(try again.everything("Kept", 1).map(\.text) == ["Kept 1", "Kept 3"])
        #expect(!sink.messages.contains { $0.contains("written again") }, "\(sink.messages)")
        #expect(!FileManager.default.fileExists(atPath: "\(root)/consumequeue/Gone/0.deleted1"))
        try again.close()
    }

    // MARK: Disks that fail

    private func open(_ root: String, _ disk: DiskCalls, _ logger: Logger = quiet) throws -> MessageStore {
        let store = try MessageStore(unflushedConfiguration(root), logger: logger, clocks: .system, diskUsage: .system, disk: disk)
        try store.start()
        return store
    }

    /// They must not stand in the way of the topic's next queue, nor come back as one, nor stop an opening.
    @Test func filesThatCannotBeRemovedAreOutOfTheWay() throws {
        let folder = try TemporaryFolder()
        let disk = FaultyDisk()
        let store = try open(folder.sub("live"), disk.calls)
        try store.put("Kept", 0, text: "kept")
        try store.put("Gone", 0, text: "old")
        disk.set { $0.unlinkFailure = ("/Gone/0.deleted1/", EIO) }
        try store.deleteTopic("Gone")
        try copyDirectory(folder.sub("live"), to: folder.sub("killed"))
        #expect(try store.put("Gone", 0, text: "new").queueOffset == 0)
        try store.close()
        let left = folder.sub("killed/consumequeue/Gone/0.deleted1")
        // What is left of extensions does not stop it either.
        let extensions = folder.sub("killed/consumequeue_ext/Gone/0.deleted1")
        try FileManager.default.createDirectory(atPath: extensions, withIntermediateDirectories: true)
        try Data(count: 6000).write(to: URL(fileURLWithPath: extensions + "/00000000000000000000"))
        let sink = MemorySink()
        let reopened = try open(folder.sub("killed"), disk.calls, Logger(category: "store", sink: sink))
        #expect(reopened.topics == ["Kept"])
        #expect(try reopened.everything("Kept", 0).map(\.text) == ["kept"])
        for path in [left, extensions] {
            #expect(FileManager.default.fileExists(atPath: path + "/00000000000000000000"))
            #expect(sink.messages.contains { $0.contains("left in \(path)") }, "\(sink.messages)")
        }
        #expect(try reopened.put("Gone", 0, text: "new").queueOffset == 0)
        try reopened.close()
        disk.set { $0.unlinkFailure = nil }
        let last = try open(folder.sub("killed"), disk.calls)
        #expect(try last.everything("Gone", 0).map(\.text) == ["new"])
        for path in [left, extensions] { #expect(!FileManager.default.fileExists(atPath: path)) }
        try last.close()
    }

    @Test func severalTopicsAreDeletedWithOneWaitForTheDisk() throws {
        let folder = try TemporaryFolder()
        let disk = FaultyDisk()
        let store = try open(folder.sub("live"), disk.calls)
        let topics = (0..<40).map { "Topic\($0)" }
        for topic in topics { try store.put(topic, 0, text: "old") }
        let before = disk.behaviour.withLock { $0.checkpoints }
        // One that is in use again by then stays.
        try store.deleteTopics(topics) { $0 != "Topic7" }
        #expect(disk.behaviour.withLock { $0.checkpoints } == before + 1)
        #expect(store.topics == ["Topic7"])
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.sub("live/consumequeue")) == ["Topic7"])
        try copyDirectory(folder.sub("live"), to: folder.sub("killed"))
        try store.close()
        let reopened = try open(folder.sub("killed"), .system)
        #expect(reopened.topics == ["Topic7"])
        #expect(try reopened.everything("Topic7", 0).map(\.text) == ["old"])
        try reopened.close()
    }

    /// A store whose log holds nothing of `Old` any more, which has four queues.
    private func openExpired(_ root: String, _ disk: DiskCalls) async throws -> MessageStore {
        let clock = HandClock(WallClock.nowMilliseconds())
        var configuration = unflushedConfiguration(root)
        configuration.retention.interval = .milliseconds(5)
        configuration.retention.deletionHours = []
        let usage = DiskUsage { _ in 0.2 }
        let store = try MessageStore(configuration, logger: quiet, clocks: clock.clocks, diskUsage: usage, disk: disk)
        try store.start()
        for queueId in 0..<4 { try store.put("Old", Int32(queueId), text: "old") }
        while store.maxPhysicalOffset < 2 * 65536 { try store.put("Kept", 0, [UInt8](repeating: 7, count: 500)) }
        try store.flushEverything(leavingClean: false)
        clock.advance(.milliseconds(73 * 3_600_000))
        store.requestDeletion()
        try await eventually("the old segments are deleted") {
            store.minPhysicalOffset > 0 && (0..<4).allSatisfy { store.minOffset(topic: "Old", queueId: $0) == 1 }
        }
        return store
    }

    private func queues(_ topic: String, _ root: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: root + "/consumequeue/" + topic)
    }

    /// One queue that cannot be removed keeps the others from nothing.
    @Test func ofExpiredQueuesOnlyThatStaysWhichCannotGo() async throws {
        let folder = try TemporaryFolder()
        let disk = FaultyDisk()
        let root = folder.sub("live")
        let store = try await openExpired(root, disk.calls)
        disk.set { $0.renameFault = EIO }
        #expect(throws: StoreError.self) { try store.removeExpiredQueues() }
        let left = try queues("Old", root)
        try #require(left.count == 1)
        let queueId = try #require(Int32(left[0]))
        try copyDirectory(root, to: folder.sub("killed"))
        let reopened = try open(folder.sub("killed"), .system)
        #expect(reopened.topics == ["Kept", "Old"])
        for id in 0..<4 as Range<Int32> { #expect(reopened.maxOffset(topic: "Old", queueId: id) == (id == queueId ? 1 : 0)) }
        try reopened.close()
        // It goes on as it was.
        #expect(try store.put("Old", queueId, text: "next").queueOffset == 1)
        #expect(try store.put("Old", (queueId + 1) % 4, text: "next").queueOffset == 0)
        try store.close()
    }

    /// A sync that is under way when a queue is removed must not take the note of its new name before the name is there.
    @Test func theNewNameOfAnExpiredQueueIsOnTheDisk() async throws {
        let folder = try TemporaryFolder()
        let store = Mutex<MessageStore?>(nil)
        let calls = Mutex<[String]>([])
        let disk = DiskCalls(
            synchronizeDirectory: { path in
                if path.hasSuffix("/consumequeue/Old") { calls.withLock { $0.append("synced") } }
                return DiskCalls.fsyncDirectory(path)
            },
            rename: { path, target in
                // What another thread does that has read the log's end already.
                if let commit = store.withLock({ $0?.commit }) {
                    for path in commit.changedFolders.withLock({ $0.begin() }) { _ = DiskCalls.fsyncDirectory(path) }
                    commit.changedFolders.withLock { $0.end() }
                }
                calls.withLock { $0.append("renamed") }
                return DiskCalls.rename(path, target)
            })
        let live = try await openExpired(folder.path, disk)
        calls.withLock { $0 = [] }
        store.withLock { $0 = live }
        try live.removeExpiredQueues()
        store.withLock { $0 = nil }
        #expect(calls.withLock { $0.last } == "synced")
        try live.close()
    }

    @Test func appendsGoOnWhileExpiredFilesAreRemoved() async throws {
        let folder = try TemporaryFolder()
        let store = Mutex<MessageStore?>(nil)
        let isAppended = Mutex<Bool?>(nil)
        let disk = DiskCalls(unlink: { path in
            if path.contains("/consumequeue/Old/"), isAppended.withLock({ $0 == nil }), let store = store.withLock({ $0 }) {
                let isDone = Monitor(false)
                Thread.detachNewThread {
                    #expect(throws: Never.self) { try store.put("Kept", 0, text: "meanwhile") }
                    isDone.change { $0 = true }
                }
                let came = isDone.wait(timeout: .generous) { $0 ? true : nil } == true
                isAppended.withLock { $0 = came }
            }
            return DiskCalls.unlink(path)
        })
        let live = try await openExpired(folder.path, disk)
        store.withLock { $0 = live }
        try live.removeExpiredQueues()
        store.withLock { $0 = nil }
        #expect(isAppended.withLock { $0 } == true)
        #expect(live.topics == ["Kept"])
        try live.close()
    }
}
