import RMQCommon
import Testing

@testable import RMQRemoting
import RMQTestSupport

/// Timers of a loop, under a clock by hand and a simulated poller.
@Suite(.takesTurns) struct LoopTimeTests {
    /// Somebody sets the time of day at every wake-up: two hours ahead, two hours back, two hours ahead …
    private func steppingLoop() -> SimulatedLoop {
        var step = Duration.seconds(7200)
        return SimulatedLoop { clock in
            clock.step(step)
            step = .zero - step
        }
    }

    @Test("Case 4.2: timers fire when they are due, however the clock is set")
    func timersFireInTime() {
        let log = steppingLoop().run { simulated in
            simulated.loop.schedule(after: .seconds(7200)) { simulated.note("two hours") }
            simulated.loop.schedule(after: .milliseconds(100)) { simulated.note("soon") }
            simulated.loop.schedule(after: .seconds(10)) {
                simulated.note("ten seconds")
                simulated.loop.schedule(after: .milliseconds(1)) { simulated.note("set by a timer") }
            }
        }
        #expect(log == ["soon at 100", "ten seconds at 10000", "set by a timer at 10001", "two hours at 7200000"])
    }

    @Test("Case 4.2: an alarm goes off at the earliest deadline, and at the next one that is set")
    func anAlarmForManyDeadlines() {
        let log = steppingLoop().run { simulated in
            let start = simulated.loop.now
            var left: [Duration] = [.seconds(10), .seconds(3600)]
            var alarm: LoopAlarm?
            alarm = LoopAlarm(on: simulated.loop) {
                simulated.note("alarm")
                if left.isEmpty { alarm = nil } else { alarm?.set(start + left.removeFirst()) }
            }
            alarm?.set(start + .seconds(10))
            alarm?.set(start + .milliseconds(100))
            alarm?.set(start + .seconds(5))
        }
        #expect(log == ["alarm at 100", "alarm at 10000", "alarm at 3600000"])
    }

    @Test func anAlarmThatNobodyHoldsIsSilent() {
        let log = SimulatedLoop().run { simulated in
            let alarm = LoopAlarm(on: simulated.loop) { simulated.note("alarm") }
            alarm.set(simulated.loop.now + .seconds(1))
            simulated.loop.schedule(after: .seconds(2)) { simulated.note("after") }
        }
        #expect(log == ["after at 2000"])
    }

    private final class NotedSource: EventSource {
        private let note: () -> Void
        init(_ note: @escaping () -> Void) { self.note = note }
        func ready(_ events: PollEvents) { note() }
        func loopStopped() {}
    }

    /// Work that is late already when it is set anew must not keep the loop from everything else.
    @Test func whatATimerSetsForThePastWaitsForTheNextWakeUp() {
        var turns = 0
        let log = SimulatedLoop().run { simulated in
            let loop = simulated.loop
            let id = SourceId.make(5)
            _ = loop.watch(5, id: id, events: .readable, NotedSource { simulated.note("source") })
            func again() {
                turns += 1
                simulated.note("turn \(turns)")
                guard turns < 3 else { return }
                simulated.announce(id, .readable)
                loop.scheduleLocally(at: loop.now + .seconds(-1), again)
            }
            loop.scheduleLocally(after: .seconds(1), again)
            loop.scheduleLocally(after: .seconds(1)) { simulated.note("other") }
        }
        #expect(log == ["turn 1", "other", "source", "turn 2", "source", "turn 3"].map { "\($0) at 1000" })
    }

    @Test func aTimerThatAnotherCancelsInTheSameMomentDoesNotRun() {
        let log = SimulatedLoop().run { simulated in
            var second: ScheduledWork?
            simulated.loop.scheduleLocally(after: .seconds(1)) {
                simulated.note("first")
                second?.cancel()
            }
            second = simulated.loop.scheduleLocally(after: .seconds(1)) { simulated.note("second") }
        }
        #expect(log == ["first at 1000"])
    }

    /// To wake a moment before the deadline would be to look in vain and to sleep again for no time.
    @Test func aLoopDoesNotWakeBeforeATimerIsDue() {
        let simulated = SimulatedLoop()
        let log = simulated.run { $0.loop.schedule(after: .nanoseconds(1_000_001)) { simulated.note("timer") } }
        #expect(log == ["timer at 2"])
        #expect(simulated.wakeUps == 3, "for the work handed over, for the timer, and to find that nothing is left")
    }

    /// The wall clock is read for stamps, once per wake-up like the other.
    @Test func stampsFollowTheClockThatIsSet() {
        let simulated = SimulatedLoop()
        let start = simulated.clock.wallMilliseconds
        var stamps: [Int64] = []
        _ = simulated.run { simulated in
            stamps.append(simulated.loop.wallMilliseconds - start)
            simulated.clock.step(.seconds(-3600))
            simulated.loop.scheduleLocally(after: .seconds(1)) { stamps.append(simulated.loop.wallMilliseconds - start) }
        }
        #expect(stamps == [0, -3_599_000])
    }
}
