import Foundation
import RMQCommon
@testable import RMQStore
import RMQTestSupport
import Synchronization
import Testing

/// Several followers of one log, each called once when what it waits for is there.
@Suite(.takesTurns) struct LogFollowerTests {
    /// A follower that counts its calls.
    private final class Counting: Sendable {
        let calls: Counter
        let follower: LogFollower

        final class Counter: Sendable {
            private let count = Atomic<Int>(0)
            func add() { count.add(1, ordering: .relaxed) }
            var value: Int { count.load(ordering: .relaxed) }
        }

        init(_ store: MessageStore, _ end: LogEnd) {
            let calls = Counter()
            self.calls = calls
            follower = store.follow(end) { _ in calls.add() }
        }

        var count: Int { calls.value }
    }

    private func open(_ path: String, disk: FaultyDisk? = nil, _ change: (inout StoreConfiguration) -> Void = { _ in }) throws -> MessageStore {
        var configuration = smallConfiguration(path)
        change(&configuration)
        let store = try MessageStore(configuration, logger: quiet, clocks: .system, diskUsage: .system, disk: disk?.calls ?? .system)
        try store.start()
        return store
    }

    @Test func eachIsCalledOnceWhenTheLogIsBeyondWhatItKnows() throws {
        let folder = try TemporaryFolder()
        let store = try open(folder.path)
        let end = try store.put("T", 0, text: "first").end
        let near = Counting(store, .appended), far = Counting(store, .appended), readable = Counting(store, .readable), idle = Counting(store, .appended)
        #expect(near.follower.arm(beyond: end - 1) == .lookAgain, "it is beyond that already")
        #expect(near.follower.arm(beyond: end) == .willCall)
        #expect(readable.follower.arm(beyond: end) == .willCall)
        let second = try store.put("T", 0, text: "second").end
        #expect(near.count == 1 && readable.count == 1)
        try store.put("T", 0, text: "third")
        #expect(near.count == 1 && readable.count == 1, "who does not wait is not called")
        #expect(far.follower.arm(beyond: second + 10_000) == .willCall)
        #expect(near.follower.arm(beyond: store.maxPhysicalOffset) == .willCall)
        try store.put("T", 0, text: "fourth")
        #expect(near.count == 2 && far.count == 0)
        try store.put("T", 0, [UInt8](repeating: 1, count: 12_000))
        #expect(far.count == 1 && idle.count == 0)
        // A second target replaces the first.
        #expect(near.follower.arm(beyond: store.maxPhysicalOffset) == .willCall)
        #expect(near.follower.arm(beyond: store.maxPhysicalOffset + 1_000_000) == .willCall)
        try store.put("T", 0, text: "fifth")
        #expect(near.count == 2)
        try store.close()
    }

    @Test func oneMayLeaveAtAnyTime() throws {
        let folder = try TemporaryFolder()
        let store = try open(folder.path)
        let left = Counting(store, .appended), stays = Counting(store, .appended)
        // One that sends another one away, and then leaves itself, while both are being called.
        let calls = Atomic<Int>(0)
        let leaver = store.follow(.appended) { follower in
            calls.add(1, ordering: .relaxed)
            left.follower.cancel()
            follower.cancel()
            follower.cancel()
        }
        for follower in [leaver, left.follower, stays.follower] { #expect(follower.arm(beyond: 0) == .willCall) }
        try store.put("T", 0, text: "x")
        #expect(calls.load(ordering: .relaxed) == 1 && stays.count == 1)
        let before = left.count
        for follower in [leaver, left.follower] { #expect(follower.arm(beyond: store.maxPhysicalOffset) == .hasEnded) }
        #expect(stays.follower.arm(beyond: store.maxPhysicalOffset) == .willCall)
        try store.put("T", 0, text: "y")
        #expect(calls.load(ordering: .relaxed) == 1 && left.count == before && stays.count == 2)
        try store.close()
    }

    @Test func oneMayArmAgainWhileItIsCalled() throws {
        let folder = try TemporaryFolder()
        let store = try open(folder.path)
        let calls = Atomic<Int>(0)
        let follower = store.follow(.confirmed) { [unowned store] follower in
            calls.add(1, ordering: .relaxed)
            #expect(follower.arm(beyond: store.confirmedOffset) == .willCall)
        }
        #expect(follower.arm(beyond: 0) == .willCall)
        for number in 1...20 {
            try store.put("T", 0, text: "\(number)")
            #expect(calls.load(ordering: .relaxed) == number)
        }
        follower.cancel()
        try store.close()
    }

    @Test func replicasThatAcknowledgeStepByStepCallThoseWhoWaitForSoMuch() throws {
        let folder = try TemporaryFolder()
        let store = try open(folder.path) { $0.requiredReplicas = 2 }
        let ends = try (0..<4).map { try store.put("T", 0, text: "\($0)").end }
        let confirmed = ends.map { _ in Counting(store, .confirmed) }, readable = Counting(store, .readable)
        for (follower, end) in zip(confirmed, ends) { #expect(follower.follower.arm(beyond: end - 1) == .willCall) }
        #expect(readable.follower.arm(beyond: 0) == .willCall)
        try store.acknowledge(replica: 1, offset: ends[3])
        #expect(confirmed.map(\.count) == [0, 0, 0, 0], "one of two")
        try store.acknowledge(replica: 2, offset: ends[0] - 1)
        #expect(confirmed.map(\.count) == [0, 0, 0, 0] && readable.count == 0)
        try store.acknowledge(replica: 2, offset: ends[0])
        #expect(confirmed.map(\.count) == [1, 0, 0, 0] && readable.count == 1)
        #expect(store.offset(of: .readable) == ends[0] && store.offset(of: .appended) == ends[3])
        try store.acknowledge(replica: 3, offset: ends[2])
        #expect(confirmed.map(\.count) == [1, 1, 1, 0])
        try store.acknowledge(replica: 2, offset: ends[3])
        #expect(confirmed.map(\.count) == [1, 1, 1, 1])
        try store.close()
    }

    @Test func theDiskCallsThoseWhoWaitForIt() async throws {
        let folder = try TemporaryFolder()
        let disk = FaultyDisk()
        let store = try open(folder.path, disk: disk) { $0.flush = .synchronous }
        disk.set { $0.isHanging = true }
        let flushed = Counting(store, .flushed), confirmed = Counting(store, .confirmed), appended = Counting(store, .appended)
        for follower in [flushed, confirmed, appended] { #expect(follower.follower.arm(beyond: 0) == .willCall) }
        let end = try store.put("T", 0, text: "x").end
        #expect(appended.count == 1 && flushed.count == 0 && confirmed.count == 0)
        disk.set { $0.isHanging = false }
        try await eventually("the sync calls") { flushed.count == 1 && confirmed.count == 1 }
        #expect(store.offset(of: .flushed) == end && store.offset(of: .readable) == end)
        // After a failure nothing comes any more, and who waits is told to look.
        #expect(confirmed.follower.arm(beyond: end) == .willCall)
        disk.set { $0.syncFailure = ("commitlog", EIO) }
        _ = try? store.put("T", 0, text: "y")
        try await eventually("the failure calls") { confirmed.count == 2 }
        #expect(store.flushFailure != nil)
        #expect(throws: StoreError.self) { try store.close() }
        #expect(confirmed.follower.arm(beyond: end) == .hasEnded)
    }

    @Test func whoWaitsIsToldThatTheStoreCloses() throws {
        let folder = try TemporaryFolder()
        let store = try open(folder.path)
        let ends = LogEnd.allCases.map { Counting(store, $0) }, idle = Counting(store, .appended)
        for follower in ends { #expect(follower.follower.arm(beyond: .max) == .willCall) }
        try store.close()
        #expect(ends.map(\.count) == [1, 1, 1, 1] && idle.count == 0)
        for follower in ends + [idle] { #expect(follower.follower.arm(beyond: 0) == .hasEnded) }
        #expect(store.follow(.appended) { _ in }.arm(beyond: 0) == .hasEnded)
    }

    @Test func aCutCallsThoseWhoWaitForMoreThanThereIs() throws {
        let folder = try TemporaryFolder()
        let store = try open(folder.path) { $0.role = .replica }
        let master = try open(folder.sub("master"))
        let end = try master.put("T", 0, text: "x").end
        try master.put("T", 0, text: "y")
        let bytes = try #require(master.bytes(from: 0, maxBytes: 1 << 20))
        let follower = Counting(store, .appended)
        #expect(follower.follower.arm(beyond: 0) == .willCall)
        try store.appendRaw(bytes.bytes, at: 0)
        #expect(follower.count == 1)
        #expect(follower.follower.arm(beyond: store.maxPhysicalOffset) == .willCall)
        try store.truncate(to: end)
        #expect(follower.count == 2 && store.offset(of: .appended) == end)
        try store.close()
        try master.close()
    }

    /// What happens between a follower's look and its arming would be told to nobody.
    @Test func whoLookedBeforeAFailureLooksAgain() async throws {
        let folder = try TemporaryFolder()
        let disk = FaultyDisk()
        let store = try open(folder.path, disk: disk) { $0.flush = .synchronous }
        let idle = Counting(store, .confirmed), waiting = Counting(store, .confirmed)
        #expect(store.flushFailure == nil)
        let known = store.confirmedOffset
        #expect(waiting.follower.arm(beyond: known) == .willCall)
        disk.set { $0.syncFailure = ("commitlog", EIO) }
        try store.put("T", 0, text: "x")
        try await eventually("the failure calls") { waiting.count == 1 }
        #expect(idle.count == 0)
        #expect(idle.follower.arm(beyond: known) == .lookAgain)
        // Both know of it now.
        for follower in [idle, waiting] { #expect(follower.follower.arm(beyond: known) == .willCall) }
        #expect(throws: StoreError.self) { try store.close() }
    }

    @Test func whoLookedBeforeAChangeOfRoleOrACutLooksAgain() throws {
        let folder = try TemporaryFolder()
        let store = try open(folder.path)
        let end = try store.put("T", 0, text: "x").end
        try store.put("T", 0, text: "y")
        let changes: [() throws -> Void] = [{ try store.becomeReplica() }, { try store.truncate(to: end) }, { try store.becomeMaster() }]
        for change in changes {
            let idle = Counting(store, .appended), waiting = Counting(store, .appended)
            #expect(waiting.follower.arm(beyond: 1_000_000) == .willCall)
            try change()
            #expect(waiting.count == 1 && idle.count == 0)
            #expect(idle.follower.arm(beyond: 1_000_000) == .lookAgain)
            for follower in [idle, waiting] { #expect(follower.follower.arm(beyond: 1_000_000) == .willCall, "it knows of that") }
        }
        try store.close()
    }

    @Test func whatBecameReadableBeforeAFailureIsTold() throws {
        let folder = try TemporaryFolder()
        let master = try open(folder.sub("master")), disk = FaultyDisk()
        var last: Int64 = 0
        for number in 0..<40 { last = try master.put("T", 0, text: "\(number)").end }
        try master.put("U", 0, text: "in a queue that cannot be written")
        let replica = try open(folder.sub("replica"), disk: disk) { $0.role = .replica }
        disk.set { $0.allocationFailure = ("consumequeue", ENOSPC) }
        try replica.appendRaw(try #require(master.bytes(from: 0, maxBytes: 1 << 20)).bytes, at: 0)
        let follower = Counting(replica, .readable)
        #expect(follower.follower.arm(beyond: 0) == .willCall)
        disk.set { $0.allocationFailure = ("consumequeue/U", ENOSPC) }
        #expect(throws: StoreError.self) { try replica.becomeMaster() }
        #expect(replica.dispatchedOffset == last && follower.count == 1)
        disk.set { $0.allocationFailure = nil }
        try replica.close()
        try master.close()
    }

    /// Followers that sleep whenever they may, beside threads that append: each sees the last byte.
    @Test(arguments: [LogEnd.appended, .readable, .confirmed]) func noWakeUpIsLost(end: LogEnd) throws {
        let folder = try TemporaryFolder()
        let store = try open(folder.path)
        let goal = Atomic<Int64>(.max)
        let rounds = Atomic<Int>(0)
        let followers = try (0..<3).map { _ in
            let wakeUps = Monitor(0)
            let follower = store.follow(end) { _ in wakeUps.change { $0 += 1 } }
            return try SystemThread.starting("follower") {
                while true {
                    let known = store.offset(of: end)
                    if known >= goal.load(ordering: .acquiring) { return }
                    rounds.add(1, ordering: .relaxed)
                    guard follower.arm(beyond: known) == .willCall else { continue }
                    let isAwake: Bool? = wakeUps.wait(timeout: .seconds(60)) { count in
                        defer { count = 0 }
                        return count > 0 ? true : nil
                    }
                    // The goal may have been named after the last call.
                    #expect(isAwake == true || store.offset(of: end) <= known, "called while there is more")
                    if isAwake == nil { return }
                }
            }
        }
        let appenders = try (0..<2).map { thread in
            try SystemThread.starting("appender") {
                let encoder = RecordEncoder()
                for number in 0..<3_000 { _ = try? store.put("T", Int32(thread), Array("\(number)".utf8), encoder: encoder) }
            }
        }
        for appender in appenders { appender.join() }
        goal.store(store.maxPhysicalOffset + 1, ordering: .releasing)
        try store.put("T", 0, text: "the last one")
        for follower in followers { follower.join() }
        #expect(rounds.load(ordering: .relaxed) > 3)
        try store.close()
    }
}
