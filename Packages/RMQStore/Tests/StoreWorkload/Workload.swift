import Foundation
import RMQCommon
import RMQStore

/// Appends from several threads, with restarts and deletions in between. Everything random follows from the seed but the
/// order of the threads.
struct Workload: Sendable {
    let directory: String
    let seed: UInt64
    let isSynchronous: Bool

    static let topics = ["T0", "T1", "T2", "%RETRY%T3", "T4", "Gone", "SCHEDULE_TOPIC_XXXX"]
    private static let goneTopic = UInt8(5)

    func run() throws {
        var random = SeededRandom(seed: seed)
        for session in 0..<Int.random(in: 1...3, using: &random) {
            let interval = Duration.milliseconds(Int.random(in: 1...20, using: &random))
            let store = try open(interval, deletingSegments: random.chance(15))
            let writers = (0..<Int.random(in: 1...4, using: &random)).map { number in
                Writer(
                    store: store, isSynchronous: isSynchronous, random: SeededRandom(seed: random.next()), count: Int.random(in: 5...250, using: &random),
                    topics: 0..<Int(Self.goneTopic), pausePercent: Int.random(in: 0...60, using: &random), number: session * 10 + number)
            }
            let running = writers.map { writer in WorkThread { try writer.run() } }
            try deletions(store, &random)
            for thread in running { try thread.join() }
            try store.close()
            Journal.write(.closed)
        }
    }

    private func open(_ interval: Duration, deletingSegments: Bool) throws -> MessageStore {
        var configuration = SmallStore.configuration(directory, isSynchronous: isSynchronous, flushInterval: interval)
        if deletingSegments {
            configuration.retention.reservedTime = .zero
            configuration.retention.deletionHours = Array(0...23)
            configuration.retention.interval = .milliseconds(10)
            configuration.retention.pauseBetweenSegments = .zero
            configuration.retention.pauseBetweenQueues = .zero
            Journal.write(.retaining)
        }
        let store = try MessageStore(configuration, logger: .silent)
        try store.start()
        return store
    }

    /// Fills and deletes one topic again and again while the others are written.
    private func deletions(_ store: MessageStore, _ random: inout SeededRandom) throws {
        for _ in 0..<Int.random(in: 0...2, using: &random) {
            try Writer(
                store: store, isSynchronous: isSynchronous, random: SeededRandom(seed: random.next()), count: Int.random(in: 1...60, using: &random),
                topics: Int(Self.goneTopic)..<Int(Self.goneTopic) + 1, pausePercent: 20, number: 99
            ).run()
            Journal.write(.deleting, topic: Self.goneTopic)
            try store.deleteTopic(Self.topics[Int(Self.goneTopic)])
            Journal.write(.deleted, topic: Self.goneTopic)
        }
    }
}

/// A thread of its own for each writer: appends may block.
private final class WorkThread: @unchecked Sendable {
    // Sendable: `failure` is written before the semaphore is signalled and read after it was waited for.
    private let done = DispatchSemaphore(value: 0)
    private var failure: (any Error)?

    init(_ body: @escaping @Sendable () throws -> Void) {
        Thread.detachNewThread { [self] in
            do { try body() } catch { failure = error }
            done.signal()
        }
    }

    func join() throws {
        done.wait()
        if let failure { throw failure }
    }
}
