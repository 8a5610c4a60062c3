import RMQCommon
import RMQTestSupport
import Synchronization
import Testing

@testable import RMQRemoting

/// Under a clock by hand and a simulated poller: a run ends when the loop has nothing left to wait for.
@Suite(.takesTurns) struct PeriodicWorkTests {
    @Test func aTurnBeginsAPeriodAfterTheOneBeforeEnded() {
        let turns = Mutex(0)
        let log = SimulatedLoop().run { simulated in
            let own = Mutex<PeriodicWork?>(nil)
            let work = PeriodicWork("test", on: simulated.loop, after: .seconds(5), every: .seconds(10)) {
                simulated.note("turn")
                // The second one takes its time.
                let turn = turns.withLock { turns in
                    turns += 1
                    return turns
                }
                if turn == 2 { simulated.clock.advance(.seconds(25)) }
                if turn == 4 { own.withLock { $0 }?.stop() }
            }
            own.withLock { $0 = work }
            work.start()
            work.start()
        }
        #expect(log == ["turn at 5000", "turn at 15000", "turn at 50000", "turn at 60000"])
    }

    @Test func theFirstTurnIsAfterAPeriodUnlessSaidOtherwise() {
        let log = SimulatedLoop().run { simulated in
            let own = Mutex<PeriodicWork?>(nil)
            let work = PeriodicWork("test", on: simulated.loop, every: .seconds(10)) {
                simulated.note("turn")
                own.withLock { $0 }?.stop()
            }
            own.withLock { $0 = work }
            work.start()
        }
        #expect(log == ["turn at 10000"])
    }

    @Test("Case 4.2: turns come in their time, however the clock is set")
    func theTimeOfDayDoesNotMatter() {
        var step = Duration.seconds(7200)
        let simulated = SimulatedLoop { clock in
            clock.step(step)
            step = .zero - step
        }
        let work = PeriodicWork("test", on: simulated.loop, every: .seconds(10)) { simulated.note("turn") }
        let log = simulated.run { simulated in
            work.start()
            simulated.loop.schedule(after: .seconds(35)) { work.stop() }
        }
        #expect(log == ["turn at 10000", "turn at 20000", "turn at 30000"])
    }

    @Test func nothingIsDoneAfterAStop() {
        let simulated = SimulatedLoop()
        let work = PeriodicWork("test", on: simulated.loop, every: .seconds(10)) { simulated.note("turn") }
        let log = simulated.run { simulated in
            work.start()
            simulated.loop.schedule(after: .seconds(1)) {
                work.stop()
                work.stop()
                work.start()
            }
        }
        #expect(log == [])
    }

    @Test func workThatNobodyHoldsIsSilent() {
        let log = SimulatedLoop().run { simulated in
            PeriodicWork("test", on: simulated.loop, every: .seconds(10)) { simulated.note("turn") }.start()
        }
        #expect(log == [])
    }

    // MARK: Before its time

    @Test func theNextTurnCanBeBroughtForward() {
        let log = SimulatedLoop().run { simulated in
            let work = PeriodicWork("test", on: simulated.loop, after: .seconds(5), every: .seconds(10)) { simulated.note("turn") }
            work.hasten(gap: .zero)
            work.start()
            let loop = simulated.loop
            // Before the first turn there is no gap to keep.
            loop.schedule(after: .seconds(1)) { work.hasten(gap: .seconds(2)) }
            loop.schedule(after: .seconds(2)) { work.hasten(gap: .seconds(2)) }
            loop.schedule(after: .milliseconds(2500)) { work.hasten(gap: .seconds(2)) }
            // The next one is due sooner than that.
            loop.schedule(after: .seconds(12)) { work.hasten(gap: .seconds(60)) }
            loop.schedule(after: .seconds(14)) { work.stop() }
            loop.schedule(after: .seconds(15)) { work.hasten(gap: .zero) }
        }
        #expect(log == ["turn at 1000", "turn at 3000", "turn at 13000"])
    }

    @Test func aTurnUnderWayIsFollowedByAnotherOne() {
        let turns = Mutex(0)
        let log = SimulatedLoop().run { simulated in
            let own = Mutex<PeriodicWork?>(nil)
            let work = PeriodicWork("test", on: simulated.loop, every: .seconds(10)) {
                simulated.note("turn")
                let turn = turns.withLock { turns in
                    turns += 1
                    return turns
                }
                if turn == 1 { own.withLock { $0 }?.hasten(gap: .seconds(1)) }
                if turn == 3 { own.withLock { $0 }?.stop() }
            }
            own.withLock { $0 = work }
            work.start()
        }
        #expect(log == ["turn at 10000", "turn at 11000", "turn at 21000"])
    }

    // MARK: By a pool

    /// A thread that can be held up, and work for it that counts its turns.
    private final class Bench: Sendable {
        let simulated = SimulatedLoop()
        let pool: WorkerPool
        let gate = Gate()
        let begun = Atomic<Int>(0)
        let ended = Atomic<Int>(0)

        init(queueLimit: Int = 10) { pool = WorkerPool(name: "test", threadLimit: 1, queueLimit: queueLimit) }

        /// Every ten seconds.
        func work(_ atEnd: @escaping @Sendable () -> Void = {}) -> PeriodicWork {
            PeriodicWork("test", on: simulated.loop, every: .seconds(10), by: pool) { [self] in
                begun.add(1, ordering: .sequentiallyConsistent)
                gate.pass()
                atEnd()
                ended.add(1, ordering: .sequentiallyConsistent)
            }
        }

        var begunCount: Int { begun.load(ordering: .sequentiallyConsistent) }
        var endedCount: Int { ended.load(ordering: .sequentiallyConsistent) }

        /// Waits on the loop's thread, whose clock stands still meanwhile.
        func untilBegun() {
            let deadline = MonotonicInstant.now + .generous
            while begunCount == 0, MonotonicInstant.now < deadline { Latch().wait(for: .milliseconds(1)) }
        }
    }

    @Test func aTurnThatTakesLongIsTheOnlyOne() {
        let bench = Bench()
        let work = bench.work()
        _ = bench.simulated.run { simulated in
            work.start()
            simulated.loop.schedule(after: .seconds(100)) {
                bench.untilBegun()
                #expect(bench.pool.waitingCount == 0)
            }
        }
        #expect(bench.begunCount == 1)
        #expect(bench.endedCount == 0)
        bench.gate.open()
        bench.pool.stop()
        #expect(bench.endedCount == 1)
    }

    @Test func aStopDuringATurnIsTheEnd() {
        let bench = Bench()
        let work = bench.work()
        _ = bench.simulated.run { simulated in
            work.start()
            simulated.loop.schedule(after: .seconds(100)) {
                bench.untilBegun()
                work.stop()
                bench.gate.open()
                bench.pool.stop()
            }
        }
        #expect(bench.begunCount == 1)
        #expect(bench.endedCount == 1)
        #expect(bench.simulated.wakeUps == 4, "for the start, the turn, the stop, and to find that nothing is left")
    }

    /// What the turn uses may stop next.
    @Test(arguments: [true, false]) func everyStopFromOutsideWaitsForTheTurn(byPool: Bool) async throws {
        let group = EventLoopGroup(count: 1, name: "turns")
        defer { group.stop() }
        let pool = WorkerPool(name: "test", threadLimit: 1, queueLimit: 10)
        let gate = Gate()
        let begun = Mutex(0)
        let ended = Mutex(0)
        let work = PeriodicWork("test", on: group.loops[0], every: .milliseconds(1), by: byPool ? pool : nil) {
            begun.withLock { $0 += 1 }
            gate.pass()
            ended.withLock { $0 += 1 }
        }
        work.start()
        try await eventually("the turn is in work") { begun.withLock { $0 } == 1 }
        let seen = Mutex(0)
        let other = SystemThread(name: "other") {
            work.stop()
            seen.withLock { $0 = ended.withLock { $0 } }
        }
        let opener = SystemThread(name: "opener") {
            Latch().wait(for: .milliseconds(20))
            gate.open()
        }
        work.stop()
        #expect(ended.withLock { $0 } == 1)
        other?.join()
        opener?.join()
        #expect(seen.withLock { $0 } == 1)
        pool.stop()
        #expect(begun.withLock { $0 } == 1)
    }

    @Test func aStopByTheTurnItselfDoesNotWait() async throws {
        let group = EventLoopGroup(count: 1, name: "turns")
        defer { group.stop() }
        let pool = WorkerPool(name: "test", threadLimit: 1, queueLimit: 10)
        let own = Mutex<PeriodicWork?>(nil)
        let turns = Mutex(0)
        let work = PeriodicWork("test", on: group.loops[0], every: .milliseconds(1), by: pool) {
            own.withLock { $0 }?.stop()
            turns.withLock { $0 += 1 }
        }
        own.withLock { $0 = work }
        work.start()
        try await eventually("the turn has ended") { turns.withLock { $0 } == 1 }
        work.stop()
        pool.stop()
        own.withLock { $0 = nil }
    }

    @Test func aStopReachesATurnThatWaitsForItsThread() {
        let bench = Bench()
        let work = bench.work()
        #expect(bench.pool.run { bench.gate.pass() })
        _ = bench.simulated.run { simulated in
            work.start()
            simulated.loop.schedule(after: .seconds(15)) { work.stop() }
        }
        bench.gate.open()
        bench.pool.stop(finishing: true)
        #expect(bench.begunCount == 0)
    }

    @Test func aFullPoolLeavesATurnOut() async throws {
        let bench = Bench(queueLimit: 1)
        let began = Mutex<MonotonicInstant?>(nil)
        let start = bench.simulated.clock.now
        let own = Mutex<PeriodicWork?>(nil)
        let work = bench.work {
            began.withLock { $0 = bench.simulated.clock.now }
            own.withLock { $0 }?.stop()
        }
        own.withLock { $0 = work }
        #expect(bench.pool.run { bench.gate.pass() })
        try await eventually("the thread is held up") { bench.pool.waitingCount == 0 }
        #expect(bench.pool.run {})
        _ = bench.simulated.run { simulated in
            work.start()
            simulated.loop.schedule(after: .seconds(15)) {
                bench.gate.open()
                // Nothing but these two has been waiting.
                let deadline = MonotonicInstant.now + .generous
                while bench.pool.waitingCount > 0, MonotonicInstant.now < deadline { Latch().wait(for: .milliseconds(1)) }
                #expect(bench.begunCount == 0)
            }
        }
        bench.pool.stop(finishing: true)
        #expect(bench.begunCount == 1)
        #expect(began.withLock { $0 } == start + .seconds(20))
    }
}
