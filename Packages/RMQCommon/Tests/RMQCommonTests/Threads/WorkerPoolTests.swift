import RMQTestSupport
import Synchronization
import Testing

@testable import RMQCommon

@Suite(.takesTurns) struct WorkerPoolTests {
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

    @Test func memoryIsBoundedWithWhatIsBeingDone() async throws {
        let pool = WorkerPool(name: "test", threadLimit: 1, queueLimit: 100, byteLimit: 1_000)
        let gate = Gate()
        #expect(pool.run(holding: 600) { gate.pass() })
        try await eventually("the first has begun") { pool.waitingCount == 0 }
        #expect(pool.run(holding: 400) {})
        #expect(pool.run(holding: 1) {} == false)
        #expect(pool.run {}, "what holds nothing has a place")
        gate.open()
        try await eventually("there is room again") { pool.run(holding: 1_000) {} }
        pool.stop()
    }

    /// Or a request as large as a frame may be could never be answered by a pool with a smaller bound.
    @Test func aPieceLargerThanTheBoundIsTakenAlone() async throws {
        let pool = WorkerPool(name: "test", threadLimit: 2, queueLimit: 100, byteLimit: 1_000)
        let gate = Gate()
        #expect(pool.run(holding: 5_000) { gate.pass() })
        #expect(pool.run(holding: 1) {} == false)
        gate.open()
        try await eventually("it is done") { pool.run(holding: 1) {} }
        try await eventually("the other is done, too") { pool.run(holding: 5_000) {} }
        pool.stop()
    }

    @Test func whatAStopDropsHoldsNothing() async throws {
        let dropped = Mutex(false)
        let pool = WorkerPool(name: "test", threadLimit: 1, queueLimit: 10)
        let gate = Gate()
        #expect(pool.run { gate.pass() })
        try await eventually("it has begun") { pool.waitingCount == 0 }
        do {
            let held = Held { dropped.withLock { $0 = true } }
            #expect(pool.run { _ = held })
        }
        let opener = SystemThread(name: "opener") {
            Latch().wait(for: .milliseconds(20))
            gate.open()
        }
        pool.stop()
        #expect(dropped.withLock { $0 })
        opener?.join()
    }

    @Test(arguments: [1, 3]) func aFinishingStopDoesWhatWaits(threadLimit: Int) async throws {
        let pool = WorkerPool(name: "test", threadLimit: threadLimit, queueLimit: 2_000)
        let gate = Gate()
        let done = Mutex<[Int]>([])
        for _ in 0..<threadLimit { #expect(pool.run { gate.pass() }) }
        // More than are kept before those that are done are removed from the queue's front.
        for number in 0..<1_500 { #expect(pool.run { done.withLock { $0.append(number) } }) }
        gate.open()
        pool.stop(finishing: true)
        #expect(done.withLock { $0.sorted() } == Array(0..<1_500))
        #expect(pool.waitingCount == 0)
        #expect(pool.run {} == false)
        pool.stop(finishing: true)
    }

    @Test func everyStopWaitsForTheEnd() async throws {
        let pool = WorkerPool(name: "test", threadLimit: 1, queueLimit: 10)
        let gate = Gate()
        let ended = Mutex(false)
        #expect(pool.run {
            gate.pass()
            ended.withLock { $0 = true }
        })
        try await eventually("it has begun, or it would be dropped") { pool.waitingCount == 0 }
        let first = SystemThread(name: "first") { pool.stop() }
        try await eventually("the first has begun to stop it") { !pool.run {} }
        let opener = SystemThread(name: "opener") {
            Latch().wait(for: .milliseconds(20))
            gate.open()
        }
        pool.stop()
        #expect(ended.withLock { $0 })
        first?.join()
        opener?.join()
    }

    @Test func aStopByItsOwnWorkDoesNotWaitForItself() async throws {
        let pool = WorkerPool(name: "test", threadLimit: 2, queueLimit: 10)
        let gate = Gate()
        let stopped = Mutex(0)
        for _ in 0..<2 {
            #expect(pool.run {
                gate.pass()
                // Neither waits for the other, which waits as well.
                pool.stop()
                stopped.withLock { $0 += 1 }
            })
        }
        try await eventually("both have begun") { pool.waitingCount == 0 }
        gate.open()
        try await eventually("both have stopped it") { stopped.withLock { $0 } == 2 }
        pool.stop()
        #expect(!pool.isCurrent)
    }

    /// What is told when nobody holds it any more.
    private final class Held: Sendable {
        private let gone: @Sendable () -> Void
        init(_ gone: @escaping @Sendable () -> Void) { self.gone = gone }
        deinit { gone() }
    }

    @Test func aPoolMayEndWithItsOwnWork() async throws {
        let gate = Gate()
        let isDropped = Mutex(false)
        weak var gone: WorkerPool?
        do {
            let pool = WorkerPool(name: "test", threadLimit: 1, queueLimit: 10)
            gone = pool
            let isTaken = pool.run {
                gate.pass()
                #expect(pool.isCurrent)
            }
            #expect(isTaken)
            try await eventually("it has begun") { pool.waitingCount == 0 }
            let held = Held { isDropped.withLock { $0 = true } }
            #expect(pool.run { _ = held })
        }
        #expect(gone != nil, "its work holds it")
        gate.open()
        try await eventually("what waited is dropped") { isDropped.withLock { $0 } }
        #expect(gone == nil)
    }

    @Test func theLimitsAreTold() {
        #expect(WorkerPool(name: "test", threadLimit: 1, queueLimit: 12, byteLimit: 3 << 20).limits == "12 requests or 3 MiB")
    }
}
