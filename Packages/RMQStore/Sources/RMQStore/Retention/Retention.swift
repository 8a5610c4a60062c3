import RMQCommon
import Synchronization

/// The thread that deletes what has expired, watches the disk and gives idle memory back.
///
/// It wakes once per `cleanResourceInterval`, when somebody asks for a deletion by hand, and when too many queue files
/// are mapped. What it does is in `MessageStore+Retention.swift`.
final class Retention: Sendable {
    struct Signals {
        /// Runs that a request by hand is still good for.
        var runsByHand = 0
        var isRequested = false
        var isStopping = false
    }

    /// Retention thread only.
    struct Progress {
        /// Deleted files, kept until no reader holds them any more, so that unmapping a gigabyte is not left to a reader.
        var deleted: [(file: MappedFile, at: MonotonicInstant)] = []
        /// No deletion is tried before this time.
        var retryAt = MonotonicInstant(nanoseconds: 0)
        /// The queues have been cut to this beginning of the log.
        var followedMinimum: Int64 = -1
        /// The put times are of the minute that began then.
        var minuteStart: MonotonicInstant
    }

    let signals = Monitor(Signals())
    private let thread = Mutex<SystemThread?>(nil)

    func start(_ body: @escaping @Sendable () -> Void) throws(StoreError) {
        let started = try SystemThread.starting("store-clean", body)
        thread.withLock { $0 = started }
    }

    func stop() {
        signals.change { $0.isStopping = true }
        let running = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        running?.join()
    }

    /// Has a pass made soon.
    func request(byHand: Bool) {
        signals.change { signals in
            signals.isRequested = true
            if byHand { signals.runsByHand = RetentionPolicy.runsByHand }
        }
    }

    /// Waits for the next pass.
    /// - Returns: whether this pass was asked for by hand; nil when the store stops.
    func nextPass(after interval: Duration) -> Bool? {
        _ = signals.wait(timeout: interval) { signals in signals.isStopping || signals.isRequested ? true : nil }
        return signals.withLock { signals in
            if signals.isStopping { return nil }
            signals.isRequested = false
            guard signals.runsByHand > 0 else { return false }
            signals.runsByHand -= 1
            return true
        }
    }

    /// - Returns: whether to go on.
    func pause(_ duration: Duration) -> Bool {
        duration <= .zero ? !signals.withLock(\.isStopping) : signals.wait(timeout: duration) { $0.isStopping ? true : nil } == nil
    }
}
