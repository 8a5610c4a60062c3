public import Glibc

/// A value behind a lock, with waiting: what `Mutex` lacks. For hand-overs between threads that may block.
///
///     producer                              consumer
///     monitor.change { $0.count += 1 }      monitor.wait { $0.count > 0 ? $0.count : nil }
///
/// Unlike a `Mutex`, it does not hand itself to the thread that waits longest, which costs a change of threads each time that two meet.
public final class Monitor<State: ~Copyable>: @unchecked Sendable {
    // Sendable: `state` is touched only with `mutex` held.
    @usableFromInline let mutex: UnsafeMutablePointer<pthread_mutex_t>
    @usableFromInline let condition: UnsafeMutablePointer<pthread_cond_t>
    // A pointer, since access to a class's property is checked at run time in other modules.
    @usableFromInline let state: UnsafeMutablePointer<State>

    /// Guards a value, which nobody else has.
    public init(_ state: consuming sending State) {
        self.state = .allocate(capacity: 1)
        self.state.initialize(to: state)
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
        state.deinitialize(count: 1)
        state.deallocate()
    }

    /// Runs `body` with the lock held, and wakes nobody.
    @inlinable
    public func withLock<Result, Failure: Error>(_ body: (inout State) throws(Failure) -> Result) throws(Failure) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&state.pointee)
    }

    /// Changes the state and wakes everybody who waits.
    @inlinable
    public func change(_ body: (inout State) -> Void) {
        pthread_mutex_lock(mutex)
        body(&state.pointee)
        pthread_cond_broadcast(condition)
        pthread_mutex_unlock(mutex)
    }

    /// Waits until `take` returns a value, or for at most `timeout` (nil: for ever), in which case nil is returned.
    @inlinable
    public func wait<Result>(timeout: Duration? = nil, until take: (inout State) -> Result?) -> Result? {
        var deadline = timespec()
        if let timeout {
            let moment = MonotonicInstant.now + timeout
            deadline = timespec(tv_sec: Int(moment.nanoseconds / 1_000_000_000), tv_nsec: Int(moment.nanoseconds % 1_000_000_000))
        }
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let result = take(&state.pointee) { return result }
            if timeout == nil {
                pthread_cond_wait(condition, mutex)
            } else if pthread_cond_timedwait(condition, mutex, &deadline) == ETIMEDOUT {
                return take(&state.pointee)
            }
        }
    }
}
