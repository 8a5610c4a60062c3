import Glibc

/// Lets a thread wait until something happened a number of times.
final class Countdown: @unchecked Sendable {
    // The semaphore is made for use from many threads; the rest never changes.
    private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
    private let steps: Int

    init(_ steps: Int) {
        self.steps = steps
        sem_init(semaphore, 0, 0)
    }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    func step() { sem_post(semaphore) }

    func wait() {
        for _ in 0..<steps { while sem_wait(semaphore) != 0 {} }
    }
}
