import Foundation
import RMQCommon
import RMQStore
import RMQTestSupport
import Testing

/// A commit log over several directories.
@Suite(.takesTurns) struct LogRootTests {
    func configuration(_ folder: TemporaryFolder, roots: [String] = ["b", "a", "c"], readOnly: [String] = []) -> StoreConfiguration {
        var configuration = smallConfiguration(folder.sub("store"))
        configuration.commitLogDirectories = roots.map(folder.sub)
        configuration.readOnlyCommitLogDirectories = readOnly.map(folder.sub)
        configuration.retention.deletionHours = []
        return configuration
    }

    func open(_ configuration: StoreConfiguration, full: Set<String> = []) throws -> MessageStore {
        let store = try MessageStore(configuration, logger: quiet, diskUsage: DiskUsage { full.contains($0) ? 0.88 : 0.2 })
        try store.start()
        return store
    }

    func files(_ folder: TemporaryFolder, _ root: String) throws -> [Int] {
        try FileManager.default.contentsOfDirectory(atPath: folder.sub(root)).map { try #require(Int($0)) / 65536 }.sorted()
    }

    /// Fills the log up to the middle of that segment.
    func fill(_ store: MessageStore, toSegment segment: Int64) throws {
        while store.maxPhysicalOffset < segment * 65536 + 1000 { try store.put("T", 0, [UInt8](repeating: 1, count: 500)) }
    }

    func failure(_ configuration: StoreConfiguration) -> StoreError? {
        do {
            try MessageStore(configuration, logger: quiet).close()
            return nil
        } catch {
            return error
        }
    }

    @Test func newFilesGoToTheRootsInTurn() throws {
        let folder = try TemporaryFolder()
        var store = try open(configuration(folder))
        try fill(store, toSegment: 7)
        let count = try store.everything("T", 0).count
        try store.close()
        #expect(try files(folder, "a") == [0, 3, 6] && files(folder, "b") == [1, 4, 7] && files(folder, "c") == [2, 5])
        // Another order, one of them not for new files any more, and one nearly full.
        store = try open(try configuration(folder, roots: ["c", "b", "d"], readOnly: ["a"]).adding(folder.sub("d")), full: [folder.sub("c")])
        #expect(try store.everything("T", 0).count == count)
        try fill(store, toSegment: 11)
        try store.close()
        #expect(try files(folder, "a") == [0, 3, 6] && files(folder, "c") == [2, 5])
        #expect(try files(folder, "b") == [1, 4, 7, 8, 10] && files(folder, "d") == [9, 11])
    }

    @Test func aRootThatIsMissingIsNoEmptyRoot() throws {
        let folder = try TemporaryFolder()
        let store = try open(configuration(folder))
        try fill(store, toSegment: 1)
        try store.close()
        try FileManager.default.moveItem(atPath: folder.sub("b"), toPath: folder.sub("elsewhere"))
        let error = failure(configuration(folder))
        #expect(error == .missingDirectory(path: folder.sub("b"), key: "storePathCommitLog"))
        #expect(error.map { "\($0)".contains("mount its disk") } == true)
        #expect(!FileManager.default.fileExists(atPath: folder.sub("b")))
        #expect(failure(configuration(folder, roots: ["a", "c"], readOnly: ["b"])) == .missingDirectory(path: folder.sub("b"), key: "readOnlyCommitLogStorePaths"))

        try FileManager.default.moveItem(atPath: folder.sub("elsewhere"), toPath: folder.sub("b"))
        #expect(failure(configuration(folder)) == nil)
        try FileManager.default.copyItem(atPath: folder.sub("a/00000000000000000000"), toPath: folder.sub("c/00000000000000000000"))
        #expect(failure(configuration(folder)) == .duplicateFile(path: folder.sub("c/00000000000000000000"), other: folder.sub("a/00000000000000000000")))
    }

    @Test func deletionGoesOverAllRoots() async throws {
        let folder = try TemporaryFolder()
        let clock = HandClock(WallClock.nowMilliseconds())
        var configuration = configuration(folder)
        configuration.retention.pauseBetweenSegments = .zero
        let store = try MessageStore(configuration, logger: quiet, clocks: clock.clocks, diskUsage: DiskUsage { _ in 0.5 })
        try store.start()
        try fill(store, toSegment: 5)
        clock.advance(.milliseconds(73 * 3_600_000))
        store.requestDeletion()
        try await eventually("the old segments are deleted") { store.minPhysicalOffset == 5 * 65536 }
        try store.close()
        #expect(try files(folder, "a") == [] && files(folder, "b") == [] && files(folder, "c") == [5])
        let reopened = try open(configuration)
        #expect(reopened.minPhysicalOffset == 5 * 65536)
        try reopened.close()
    }
}

extension StoreConfiguration {
    /// The same after making a directory that it names.
    fileprivate func adding(_ directory: String) throws -> StoreConfiguration {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        return self
    }
}
