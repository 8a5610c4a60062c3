import RMQCommon
import RMQTestSupport
import Synchronization
import Testing

@testable import RMQRemoting

@Suite(.takesTurns) struct EventLoopTests {
    @Test func workRunsInOrderOnTheLoop() async throws {
        let group = EventLoopGroup(count: 1, name: "order")
        let seen = Mutex<[Int]>([])
        let loop = group.loops[0]
        for number in 0..<1000 {
            loop.execute { seen.withLock { $0.append(loop.isCurrent ? number : -1) } }
        }
        try await eventually("all work") { seen.withLock { $0.count } == 1000 }
        #expect(seen.withLock { $0 } == Array(0..<1000))
        #expect(!loop.isCurrent)
        group.stop()
    }

    @Test func timersRunInOrderAndCancelledOnesDoNot() async throws {
        let group = EventLoopGroup(count: 1, name: "timers")
        let seen = Mutex<[String]>([])
        let loop = group.loops[0]
        let cancelled = loop.schedule(after: .milliseconds(20)) { seen.withLock { $0.append("cancelled") } }
        loop.schedule(after: .milliseconds(60)) { seen.withLock { $0.append("late") } }
        loop.schedule(after: .milliseconds(1)) { seen.withLock { $0.append("early") } }
        cancelled.cancel()
        try await eventually("two timers") { seen.withLock { $0.count } == 2 }
        #expect(seen.withLock { $0 } == ["early", "late"])
        group.stop()
    }

    @Test func workBehindTheFlushRunsInTheSameWakeUp() {
        final class Output: EventSource {
            let onFlush: () -> Void
            init(_ onFlush: @escaping () -> Void) { self.onFlush = onFlush }
            func ready(_ events: PollEvents) {}
            func flush() { onFlush() }
            func loopStopped() {}
        }
        let simulated = SimulatedLoop { $0.advance(.milliseconds(1)) }
        let log = simulated.run { simulated in
            simulated.loop.deferBehindFlush {
                simulated.note("behind")
                simulated.loop.deferBehindFlush { simulated.note("behind that") }
            }
            simulated.loop.needsFlush(Output { simulated.note("flush") })
            simulated.loop.deferToEnd { simulated.note("end") }
            simulated.loop.execute { simulated.note("next wake-up") }
        }
        #expect(log == ["end at 1", "flush at 1", "behind at 1", "behind that at 1", "next wake-up at 2"])
    }

    @Test func theHeapSortsAndForgetsCancelled() {
        var heap = TimerHeap()
        var tokens: [ScheduledWork] = []
        for number in 0..<1000 {
            let token = ScheduledWork()
            tokens.append(token)
            heap.insert(at: MonotonicInstant(nanoseconds: Int64((number * 7919) % 1000)), token: token) {}
        }
        for index in stride(from: 0, to: 1000, by: 2) { tokens[index].cancel() }
        var deadlines: [MonotonicInstant] = []
        while let due = heap.popDue(MonotonicInstant(nanoseconds: 998)) { deadlines.append(due.deadline) }
        #expect(deadlines == deadlines.sorted())
        #expect(deadlines.count == 500 || deadlines.count == 499)
        while heap.popDue(.distantFuture) != nil {}
        #expect(heap.earliest == nil)
    }

    @Test(arguments: TransportKind.allCases)
    func aStoppedLoopFailsWhatIsHandedToIt(over transport: TransportKind) async throws {
        let loopback = try Loopback(over: transport)
        _ = try await loopback.client.request(RemotingCommand(code: 10), to: loopback.address, timeout: .generous)
        loopback.group.stop()
        await #expect(throws: RemotingError.closed) {
            try await loopback.client.request(RemotingCommand(code: 10), to: loopback.address, timeout: .generous)
        }
    }
}
