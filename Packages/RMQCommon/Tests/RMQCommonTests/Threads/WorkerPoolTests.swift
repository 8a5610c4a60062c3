import RMQTestSupport
import Synchronization
import Testing

@testable import RMQCommon

@Suite(.takesTurns) struct WorkerPoolTests {
    /// Holds workers up until it is opened.
    private final class Gate: Sendable {
        private let isOpen = Atomic<Bool>(false)
        func open() { isOpen.store(true, ordering: .releasing) }
        func pass() { while !isOpen.load(ordering: .acquiring) { Latch().wait(for: .milliseconds(1)) } }
    }

    @Test func workIsDoneInItsOrderByOneWorker() async throws {
        let pool = WorkerPool(name: "test", threadLimit: 1, queueLimit: 1_000)
        let done = Mutex<[Int]>([])
        for number in 0..<1_000 { #expect(pool.run { done.withLock { $0.append(number) } }) }
        try await eventually("all work is done") { pool.waitingCount == 0 }
        pool.stop()
        #expect(done.withLock { $0 } == Array(done.withLock { $0.indices }))
    }

    @Test func asManyWorkAtOnceAsThereAreThreads() async throws {
        let pool = WorkerPool(name: "test", threadLimit: 3, queueLimit: 100)
        let gate = Gate()
        let begun = Mutex(0)
        for _ in 0..<10 {
            #expect(pool.run {
                begun.withLock { $0 += 1 }
                gate.pass()
            })
        }
        try await eventually("three have begun") { begun.withLock { $0 } == 3 && pool.waitingCount == 7 }
        gate.open()
        try await eventually("all have begun") { begun.withLock { $0 } == 10 }
        pool.stop()
    }

    @Test func whatComesToAFullQueueIsRefused() async throws {
        let pool = WorkerPool(name: "test", threadLimit: 1, queueLimit: 2)
        let gate = Gate()
        #expect(pool.run { gate.pass() })
        try await eventually("the first has begun") { pool.waitingCount == 0 }
        #expect(pool.run {})
        #expect(pool.run {})
        #expect(pool.run {} == false)
        gate.open()
        try await eventually("there is room again") { pool.run {} }
        pool.stop()
    }

    @Test func aStopWaitsForWhatHasBegunAndDropsTheRest() async throws {
        let pool = WorkerPool(name: "test", threadLimit: 1, queueLimit: 10)
        let gate = Gate()
        let ended = Mutex(false)
        let late = Mutex(false)
        #expect(pool.run {
            gate.pass()
            ended.withLock { $0 = true }
        })
        try await eventually("it has begun") { pool.waitingCount == 0 }
        #expect(pool.run { late.withLock { $0 = true } })
        let opener = SystemThread(name: "opener") {
            Latch().wait(for: .milliseconds(20))
            gate.open()
        }
        pool.stop()
        #expect(ended.withLock { $0 })
        #expect(!late.withLock { $0 })
        #expect(pool.run {} == false)
        pool.stop()
        opener?.join()
    }
}
