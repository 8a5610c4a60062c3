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
}
