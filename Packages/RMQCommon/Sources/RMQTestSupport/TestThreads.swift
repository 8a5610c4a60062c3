internal import Foundation

/// Threads of their own for tests, so that a test may block.
///
/// The tasks of the code under test run on Swift's shared threads, one a processor. A test that waits there for a socket, a
/// lock or a disk takes one away from them, and two such tests on two processors wait for a task that never gets to run.
///
/// A job gets a thread that is idle, else a new one, up to a limit that only bounds a test that has gone wild.
final class TestThreads: TaskExecutor {
    static let shared = TestThreads()

    private let limit = 64
    private let condition = NSCondition()
    // Everything below is guarded by `condition`.
    nonisolated(unsafe) private var jobs: [UnownedJob] = []
    nonisolated(unsafe) private var idleCount = 0
    nonisolated(unsafe) private var threadCount = 0

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        condition.lock()
        defer { condition.unlock() }
        jobs.append(job)
        if jobs.count > idleCount, threadCount < limit {
            threadCount += 1
            Thread.detachNewThread { self.run() }
        }
        condition.signal()
    }

    private func run() {
        while true {
            condition.lock()
            idleCount += 1
            while jobs.isEmpty { condition.wait() }
            idleCount -= 1
            let job = jobs.removeFirst()
            condition.unlock()
            job.runSynchronously(on: asUnownedTaskExecutor())
        }
    }
}
