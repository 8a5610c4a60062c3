import CRMQSystem
import Glibc

/// Lets a thread wait for something that happens, once or a number of times. Not for a task of Swift's, which would hold one of few threads.
public final class Latch: @unchecked Sendable {
    // Sendable: the semaphore is made for use from many threads, and never moves.
    private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
    private let opens: Int

    /// - Parameter opens: how many calls of ``open()`` a wait takes.
    public init(opens: Int = 1) {
        self.opens = opens
        sem_init(semaphore, 0, 0)
    }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    /// Lets one call of ``wait()`` or ``wait(for:)`` return, now or when it comes, if this is the last that it takes.
    public func open() { sem_post(semaphore) }

    /// Returns when ``open()`` was called: for what is sure to happen.
    public func wait() {
        for _ in 0..<opens {
            while sem_wait(semaphore) != 0 {}
        }
    }

    /// Returns when ``open()`` was called, or after `limit`.
    public func wait(for limit: Duration) {
        let deadline = MonotonicInstant.now + limit
        for _ in 0..<opens {
            while crmq_semaphore_wait(semaphore, deadline.nanoseconds) == -EINTR {}
        }
    }
}
