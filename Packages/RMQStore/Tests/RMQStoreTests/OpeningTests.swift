import Foundation
import RMQCommon
import RMQStore
import RMQTestSupport
import Testing

/// What the store refuses to open, and how it says so.
@Suite(.takesTurns) struct OpeningTests {
    func failure(_ configuration: StoreConfiguration) -> StoreError? {
        do {
            try MessageStore(configuration, logger: quiet).close()
            return nil
        } catch {
            return error
        }
    }

    @Test func oneStorePerDirectory() throws {
        let folder = try TemporaryFolder()
        let store = try openStore(folder.path)
        #expect(failure(smallConfiguration(folder.path)) == .directoryInUse(lockFile: folder.sub("lock"), holder: nil))
        #expect("\(StoreError.directoryInUse(lockFile: "x/lock", holder: nil))".contains("another process"))
        try store.close()
        #expect(failure(smallConfiguration(folder.path)) == nil)
    }

    @Test func aLogFileThatIsTooLongIsNamed() throws {
        let folder = try TemporaryFolder()
        let store = try openStore(folder.path)
        for number in 0..<2000 { try store.put("T", 0, text: "\(number)") }
        try store.close()
        let path = folder.sub("commitlog/00000000000000065536")
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        try handle.truncate(atOffset: 70_000)
        try handle.close()
        #expect(failure(smallConfiguration(folder.path)) == .wrongFileSize(path: path, bytes: 70_000, expected: 65536))
    }

    @Test func aFileThatWasBeingMadeIsNoObstacle() throws {
        let folder = try TemporaryFolder()
        let store = try openStore(folder.path)
        try store.put("T", 0, text: "x")
        try store.close()
        _ = FileManager.default.createFile(atPath: folder.sub("commitlog/00000000000000065536"), contents: nil)
        _ = FileManager.default.createFile(atPath: folder.sub("consumequeue/T/0/00000000000000006000"), contents: nil)
        let reopened = try openStore(folder.path)
        for _ in 0..<1000 { try reopened.put("T", 0, text: "y") }
        #expect(try reopened.everything("T", 0).count == 1001)
        try reopened.close()
    }

    @Test func settingsThatCannotBeKeptAreRefused() throws {
        let folder = try TemporaryFolder()
        var configuration = smallConfiguration(folder.path)
        configuration.segmentBytes = 100
        #expect(failure(configuration) == .invalidConfiguration(key: "mappedFileSizeCommitLog", value: "100", allowed: "4096 to 2^40 bytes"))
        configuration = smallConfiguration(folder.path)
        configuration.readOnlyCommitLogDirectories = configuration.commitLogDirectories
        #expect(failure(configuration) == .invalidConfiguration(
            key: "storePathCommitLog", value: folder.sub("commitlog"), allowed: "directories, at least one of them not in readOnlyCommitLogStorePaths"))
    }

    @Test func theFlusherMovesTheCheckpoint() async throws {
        let folder = try TemporaryFolder()
        var configuration = smallConfiguration(folder.path)
        configuration.flushInterval = .milliseconds(5)
        configuration.flushLeastPages = 0
        let store = try MessageStore(configuration, logger: quiet)
        try store.start()
        let result = try store.put("T", 0, text: "x")
        try await eventually("the checkpoint names the message for the log and for the queues") {
            guard let bytes = FileManager.default.contents(atPath: folder.sub("checkpoint")), bytes.count == 4096 else { return false }
            let physical = bytes.prefix(8).reduce(0) { $0 << 8 | Int64($1) }
            let queues = bytes[8..<16].reduce(0) { $0 << 8 | Int64($1) }
            return physical == result.storeTimestamp && queues == result.storeTimestamp
        }
        try store.close()
    }
}
