import Foundation
import Glibc
import RMQCommon
@testable import RMQStore
import RMQTestSupport
import Testing

/// A disk without room: messages are refused by name, nothing is lost, and it goes on when there is room again.
@Suite(.takesTurns) struct DiskFullTests {
    /// A mark is passed when it is exceeded, not when it is reached.
    @Test(arguments: [(75, ""), (76, "expired"), (85, "expired"), (86, "expired oldest"), (90, "expired oldest"), (91, "expired oldest refused")])
    func whatFollowsFromAFullDisk(percent: Int, expected: String) {
        for (log, queues) in [(percent, 10), (10, percent)] {
            let verdict = SpaceVerdict(log: [("root", Double(log) / 100)], queues: Double(queues) / 100, policy: RetentionPolicy())
            let found = [(verdict.wantsDeletion, "expired"), (verdict.deletesAtOnce, "oldest"), (verdict.isFull, "refused")].filter(\.0).map(\.1)
            #expect(found.joined(separator: " ") == expected)
        }
    }

    func open(_ folder: TemporaryFolder, _ disk: FaultyDisk, _ change: (inout StoreConfiguration) -> Void = { _ in }) throws -> MessageStore {
        var configuration = smallConfiguration(folder.path)
        configuration.segmentRetryPause = .zero
        change(&configuration)
        let store = try MessageStore(configuration, logger: quiet, clocks: .system, diskUsage: .system, disk: disk.calls)
        try store.start()
        return store
    }

    let body = [UInt8](repeating: 7, count: 1000)

    @Test func noRoomForTheNextSegment() throws {
        let folder = try TemporaryFolder()
        let disk = FaultyDisk()
        let store = try open(folder, disk)
        try store.put("T", 0, body)
        disk.set { $0.allocationFailure = ("commitlog", ENOSPC) }
        var count = 1
        var refusal: StoreError?
        while refusal == nil, count < 1000 {
            do throws(StoreError) {
                try store.tryPut("T", 0, body)
                count += 1
            } catch {
                refusal = error
            }
        }
        #expect(count > 30 && count < 66, "the first segment is filled")
        #expect(refusal?.appendStatus == .createSegmentFailed && "\(refusal!)".contains("no room"))
        #expect(throws: StoreError.self) { try store.put("T", 0, body) }
        #expect(try store.everything("T", 0).count == count)
        disk.set { $0.allocationFailure = nil }
        #expect(try store.put("T", 0, body).queueOffset == Int64(count))
        #expect(try store.everything("T", 0).count == count + 1)
        try store.close()
        let again = try open(folder, disk)
        #expect(try again.everything("T", 0).count == count + 1)
        try again.close()
    }

    /// A checkpoint whose write is cut short is written to its end; while there is no room, the one before stays.
    @Test func theCheckpointIsWrittenToItsEnd() throws {
        let folder = try TemporaryFolder()
        let disk = FaultyDisk()
        let store = try open(folder, disk) { $0.flushInterval = .seconds(3600) }
        func safeOffset() throws -> Int64? { try Checkpoint.read(folder.sub("checkpoint")).own?.safeOffset }
        let first = try store.put("T", 0, body).end
        disk.set { $0.smallWriteFaults = [.short(10), .error(EINTR), .short(100)] }
        try store.flushEverything(leavingClean: false)
        #expect(try safeOffset() == first)
        #expect(disk.behaviour.withLock { $0.smallWriteFaults.isEmpty })
        let second = try store.put("T", 0, body).end
        disk.set { $0.smallWriteFaults = [.error(ENOSPC)] }
        try store.flushEverything(leavingClean: false)
        #expect(try safeOffset() == first && store.flushFailure == nil)
        try store.flushEverything(leavingClean: false)
        #expect(try safeOffset() == second)
        try store.close()
    }

    @Test func aPauseBetweenAttempts() throws {
        let folder = try TemporaryFolder()
        let disk = FaultyDisk()
        disk.set { $0.allocationFailure = ("commitlog", ENOSPC) }
        let store = try open(folder, disk) { $0.segmentRetryPause = .seconds(3600) }
        #expect(throws: StoreError.self) { try store.put("T", 0, body) }
        disk.set { $0.allocationFailure = nil }
        #expect(throws: StoreError.self) { try store.put("T", 0, body) }
        try store.close()
    }

    @Test func noRoomForQueueEntries() throws {
        let folder = try TemporaryFolder()
        let disk = FaultyDisk()
        let store = try open(folder, disk)
        try store.put("Old", 0, text: "there")
        disk.set { $0.allocationFailure = ("consumequeue/New", ENOSPC) }
        let path = folder.sub("consumequeue/New/0/00000000000000000000")
        let refusal = #expect(throws: StoreError.diskFull(path: path)) { try store.put("New", 0, text: "no") }
        #expect(refusal?.appendStatus == .serviceNotAvailable)
        try store.put("Old", 0, text: "goes on")
        disk.set { $0.allocationFailure = nil }
        #expect(try store.put("New", 0, text: "yes").queueOffset == 0)
        #expect(try store.everything("New", 0).map(\.text) == ["yes"])
        #expect(try store.everything("Old", 0).count == 2)
        try store.close()
    }

    @Test func noRoomForTheEntriesOfConfirmedMessages() async throws {
        let folder = try TemporaryFolder()
        let disk = FaultyDisk()
        let store = try open(folder, disk) { $0.flush = .synchronous }
        disk.set { $0.allocationFailure = ("consumequeue", ENOSPC) }
        #expect(try store.putAndWait("T", 0, "safe").status == .ok)
        #expect(store.maxOffset(topic: "T", queueId: 0) == 0)
        #expect(throws: StoreError.notWriteable(.queueError)) { try store.put("T", 0, text: "refused") }
        disk.set { $0.allocationFailure = nil }
        try await eventually("the message is in its queue") { store.maxOffset(topic: "T", queueId: 0) == 1 }
        try await eventually("a message is taken again") { (try? store.putAndWait("T", 0, "next").status) == .ok }
        #expect(try store.everything("T", 0).map(\.text) == ["safe", "next"])
        try store.close()
    }

    @Test func noRoomInASegmentThatWasLeftSparse() throws {
        let folder = try TemporaryFolder()
        let disk = FaultyDisk()
        do {
            let store = try open(folder, disk)
            try store.put("T", 0, text: "0")
            try store.close()
        }
        disk.set { $0.allocationFailure = ("commitlog/00000000000000000000", ENOSPC) }
        let store = try open(folder, disk)
        #expect(throws: StoreError.diskFull(path: folder.sub("commitlog/00000000000000000000"))) { try store.put("T", 0, text: "no") }
        disk.set { $0.allocationFailure = nil }
        #expect(try store.put("T", 0, text: "1").queueOffset == 1)
        #expect(try store.everything("T", 0).map(\.text) == ["0", "1"])
        try store.close()
    }

    /// A real limit of the kernel, in a process of its own.
    @Test func aFileSizeLimitIsNoSignal() async throws {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder()
            signal(SIGXFSZ, SIG_IGN)
            let store = try MessageStore(smallConfiguration(folder.path, segmentBytes: 1 << 20), logger: quiet)
            try store.start()
            let first = try store.put("T", 0, text: "fits")
            var limit = rlimit(rlim_cur: 4096, rlim_max: 1 << 30)
            setrlimit(numericCast(RLIMIT_FSIZE.rawValue), &limit)
            var refused = false
            for _ in 0..<3000 where !refused { refused = (try? store.put("T", 1, [UInt8](repeating: 1, count: 1000))) == nil }
            limit.rlim_cur = 1 << 30
            setrlimit(numericCast(RLIMIT_FSIZE.rawValue), &limit)
            guard refused, try store.everything("T", 0).map(\.queueOffset) == [first.queueOffset] else { exit(1) }
            try store.close()
        }
    }
}
