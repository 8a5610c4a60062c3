import Foundation
import RMQCommon
@testable import RMQStore
import RMQTestSupport
import Testing

/// A deletion outlives a kill, although the log keeps the messages and recovery reads them.
@Suite(.takesTurns) struct DeletionTests {
    /// What happens between the deletion and the kill.
    enum Meanwhile: CaseIterable {
        case nothing, otherTopics, madeAnew, madeAnewAndWrittenBack

        func happen(_ store: MessageStore) throws {
            switch self {
            case .nothing: break
            case .otherTopics:
                try store.put("Kept", 0, text: "late")
                try store.put("Third", 0, text: "late")
            case .madeAnew: try store.put("Gone", 0, text: "new")
            case .madeAnewAndWrittenBack:
                try store.put("Gone", 0, text: "new")
                try store.flushEverything(leavingClean: false)
            }
        }

        var gone: [String] { self == .madeAnew || self == .madeAnewAndWrittenBack ? ["new"] : [] }
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
    @Test func norWhenAnotherQueueIsMended() throws {
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
}
