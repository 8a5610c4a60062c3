import Glibc
import RMQCommon

/// A value behind a lock, with waiting: what `Mutex` lacks. For the hand-overs between a caller and a store thread, and for
/// the append lock.
final class Monitor<State: ~Copyable>: @unchecked Sendable {
    // Sendable: `state` is touched only with `mutex` held.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var state: State

    init(_ state: consuming sending State) {
        self.state = state
        mutex = .allocate(capacity: 1)
        condition = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    func withLock<Result, Failure: Error>(_ body: (inout State) throws(Failure) -> Result) throws(Failure) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&state)
    }

    /// Changes the state and wakes everybody who waits.
    func change(_ body: (inout State) -> Void) {
        pthread_mutex_lock(mutex)
        body(&state)
        pthread_cond_broadcast(condition)
        pthread_mutex_unlock(mutex)
    }

    /// Waits until `take` returns a value, or for at most `timeout` (nil: for ever), in which case nil is returned.
    func wait<Result>(timeout: Duration? = nil, until take: (inout State) -> Result?) -> Result? {
        var deadline = timespec()
        if let timeout {
            let moment = MonotonicInstant.now + timeout
            deadline = timespec(tv_sec: Int(moment.nanoseconds / 1_000_000_000), tv_nsec: Int(moment.nanoseconds % 1_000_000_000))
        }
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let result = take(&state) { return result }
            if timeout == nil {
                pthread_cond_wait(condition, mutex)
            } else if pthread_cond_timedwait(condition, mutex, &deadline) == ETIMEDOUT {
                return take(&state)
            }
        }
    }
}

/// What a store thread sleeps for.
struct ThreadSignals {
    var hasWork = false
    /// The pause that it makes, or will make next, is cut short.
    var isHurried = false
    var isStopping = false
}

extension Monitor where State == ThreadSignals {
    /// Wakes the thread, unless it has been told already.
    func announce() {
        let isNews = withLock { signals in
            defer { signals.hasWork = true }
            return !signals.hasWork
        }
        if isNews { change { _ in } }
    }

    /// Sleeps until there is work, or for `timeout`; false when the thread is to end.
    func waitForWork(timeout: Duration? = nil) -> Bool {
        let isStopping = wait(timeout: timeout) { signals -> Bool? in
            if signals.isStopping { return true }
            guard signals.hasWork else { return nil }
            signals.hasWork = false
            return false
        }
        return isStopping != true
    }

    /// Sleeps for `duration`, or less when somebody is in a hurry; false when the thread is to end.
    func pause(for duration: Duration) -> Bool {
        let isStopping = wait(timeout: duration) { signals -> Bool? in
            if signals.isStopping { return true }
            guard signals.isHurried else { return nil }
            signals.isHurried = false
            return false
        }
        return isStopping != true
    }

    /// Ends the thread and waits for that.
    func stop(_ thread: StoreThread) {
        change { $0.isStopping = true }
        thread.join()
    }
}
