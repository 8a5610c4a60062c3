import Glibc
import RMQCommon
import RMQStore
import Synchronization

/// Makes a store that its seed determines to the last byte: one writer, a clock that moves with each message, nothing
/// flushed by time, and, where that decides what the index says when, an index that is waited for.
///
/// What is damaged in such a store can be damaged again in the same way; see `corruption.py`.
struct BaseStore {
    enum End {
        /// Closed, as after a clean stop.
        case closed
        /// Killed in the middle of the last session; what was appended since its start is in no checkpoint.
        case killed
    }

    let directory: String
    let seed: UInt64
    let end: End

    /// In milliseconds, less than the shortest delay: nothing is delivered meanwhile.
    private static let longestRun = 900
    private static let start: Int64 = 1_700_000_000_000

    func make() throws {
        var random = SeededRandom(seed: seed)
        let clock = StepClock(Self.start)
        let sessions = Int.random(in: 1...3, using: &random)
        for session in 1...sessions {
            let store = try MessageStore(configuration, logger: .silent, clocks: clock.clocks)
            try store.start()
            let isLast = session == sessions
            let count = Int.random(in: 5...Self.longestRun / sessions, using: &random)
            try fill(store, count: count, number: session, clock, &random, awaitsIndex: isLast && end == .killed)
            if isLast, end == .killed { kill(getpid(), SIGKILL) }
            try store.close()
            Journal.write(.closed)
        }
    }

    private var configuration: StoreConfiguration {
        var configuration = SmallStore.configuration(directory, isSynchronous: false, flushInterval: .seconds(3600))
        configuration.indexSaveInterval = .seconds(3600)
        configuration.flushIsTimed = true
        return configuration
    }

    private func fill(
        _ store: MessageStore, count: Int, number: Int, _ clock: StepClock, _ random: inout SeededRandom, awaitsIndex: Bool
    ) throws {
        let deletion = random.chance(30) ? Int.random(in: 1...count, using: &random) : nil
        for index in 1...count {
            // Half of them before the topic `Gone` is deleted may go to it.
            let topics = index < deletion ?? 0 && random.chance(50) ? 5..<6 : 0..<5
            try Writer(
                store: store, isSynchronous: false, random: SeededRandom(seed: random.next()), count: 1, topics: topics, pausePercent: 0,
                number: number * 1000 + index
            ).run()
            if index == deletion {
                Journal.write(.deleting, topic: 5)
                try store.deleteTopic(Workload.topics[5])
                Journal.write(.deleted, topic: 5)
            }
            if awaitsIndex || index % 16 == 0 {
                let deadline = MonotonicInstant.now + .seconds(60)
                while store.indexedOffset < store.maxPhysicalOffset {
                    precondition(MonotonicInstant.now < deadline, "the index stands still at \(store.indexedOffset), the log ends at \(store.maxPhysicalOffset)")
                    usleep(200)
                }
            }
            // Index files are named after it.
            if awaitsIndex || index % 16 == 0 { clock.step() }
        }
    }
}

/// Clocks that move when told, by a millisecond.
private final class StepClock: Sendable {
    private let time: Atomic<Int64>

    init(_ start: Int64) { time = Atomic(start) }

    func step() { time.add(1, ordering: .relaxed) }

    var clocks: Clocks {
        Clocks(
            wall: WallClock { self.time.load(ordering: .relaxed) },
            monotonic: MonotonicClock { MonotonicInstant(nanoseconds: self.time.load(ordering: .relaxed) * 1_000_000) })
    }
}
