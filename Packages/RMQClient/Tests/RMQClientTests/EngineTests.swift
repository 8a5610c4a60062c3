@testable import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Synchronization
import Testing

/// The parts of the push consumer that hand messages out.
@Suite(.takesTurns) struct EngineTests {
    private let queue = AssignedQueue(queue: MessageQueue(topic: "T", brokerName: "b", queueId: 0), startOffset: 0)

    private func run(_ count: Int) -> PulledRun {
        PulledRun((0..<count).map { StoredMessage(topic: "T", body: [1], queueOffset: Int64($0)) }, of: queue)
    }

    // MARK: The inbox

    @Test func workersShareARunAndEachMessageIsTakenOnce() async {
        let inbox = RunInbox()
        let taken = Lines()
        await withTaskGroup(of: Void.self) { workers in
            for _ in 0..<8 {
                workers.addTask {
                    while case .run(let run) = await inbox.next() {
                        while let range = run.claim(atMost: 3) {
                            inbox.callHelp(beside: run)
                            for index in range { taken.add("\(run.messages[index].queueOffset)") }
                            await Task.yield()
                        }
                    }
                }
            }
            for _ in 0..<50 { inbox.put(run(40)) }
            while taken.count < 2000 { await Task.yield() }
            inbox.finish()
        }
        for offset in 0..<40 { #expect(taken.texts.count { $0 == "\(offset)" } == 50) }
    }

    @Test func workersThatWaitGetNothingWhenTheInboxIsFinished() async {
        let inbox = RunInbox()
        let waiting = (0..<3).map { _ in Task { await inbox.next() == nil } }
        inbox.finish()
        for task in waiting { #expect(await task.value) }
        inbox.put(run(1))
        #expect(await inbox.next() == nil)
    }

    @Test func aCancelledWorkerWaitsNoLongerAndTakesNothingAway() async {
        let inbox = RunInbox()
        let cancelled = Task { await inbox.next() == nil }
        cancelled.cancel()
        #expect(await cancelled.value)
        let other = run(1)
        inbox.put(other)
        guard case .run(let found) = await inbox.next() else {
            Issue.record("the run is lost")
            return
        }
        #expect(found === other)
    }

    /// All that one wake-up of the network brought is there before a worker goes on.
    @Test func aWorkerIsWokenBehindTheLastRunOfAWakeUp() async throws {
        let loops = EventLoopGroup(count: 1, name: "inbox")
        defer { loops.stop() }
        let inbox = RunInbox()
        let waiting = Task { await inbox.next() }
        let runs = [run(1), run(2), run(3)]
        let loop = loops.next()
        loop.execute { for run in runs { inbox.put(run, behindFlushOf: loop) } }
        guard case .run(let first) = await waiting.value else {
            Issue.record("no worker was woken")
            return
        }
        #expect(first === runs[0])
        for run in runs { _ = run.claim(atMost: 3) }
        // And so is one that comes later.
        let later = Task { await inbox.next() }
        let last = run(1)
        loop.execute { inbox.put(last, behindFlushOf: loop) }
        guard case .run(let second) = await later.value else {
            Issue.record("the worker was not woken again")
            return
        }
        #expect(second === last)
    }

    /// After quick handlers no worker wakes the next one at once; where a handler is slow all the same, the loop does.
    @Test func aSlowHandlerAfterQuickOnesHoldsUpNoMessage() async {
        let loops = EventLoopGroup(count: 1, name: "inbox")
        defer { loops.stop() }
        let loop = loops.next()
        let inbox = RunInbox()
        inbox.noteHandlers(100, took: .microseconds(10))
        let taken = Lines()
        let allTaken = Barrier()
        await withTaskGroup(of: Void.self) { workers in
            for _ in 0..<4 {
                workers.addTask {
                    while case .run(let run) = await inbox.next() {
                        while let index = run.claim(atMost: 1)?.lowerBound {
                            inbox.callHelp(beside: run)
                            taken.add("\(index)")
                            // Each waits until every message is in the hands of a worker.
                            if taken.count == 4 { allTaken.open() }
                            await allTaken.pass()
                        }
                    }
                }
            }
            let run = run(4)
            loop.execute { inbox.put(run, behindFlushOf: loop) }
            await allTaken.pass()
            inbox.finish()
        }
        #expect(taken.texts.sorted() == ["0", "1", "2", "3"])
    }

    @Test func whatComesAgainComesFirst() async {
        let inbox = RunInbox()
        let (old, new) = (run(2), run(2))
        inbox.put(new)
        inbox.put(again: old, 1)
        guard case .again(let found, 1) = await inbox.next() else {
            Issue.record("it is not first")
            return
        }
        #expect(found === old)
    }

    // MARK: Permits

    @Test func aPermitIsGivenOnAndComesBack() async {
        let permits = Permits(1)
        #expect(await permits.acquire())
        let order = Lines()
        var waiting: [Task<Void, Never>] = []
        for number in 0..<3 {
            let task = Task {
                guard await permits.acquire() else { return }
                order.add("\(number)")
                permits.release()
            }
            waiting.append(task)
        }
        permits.release()
        for task in waiting { await task.value }
        #expect(order.texts.sorted() == ["0", "1", "2"])
        await permits.drain()
    }

    @Test func nobodyGetsAPermitOfThoseThatAreFinished() async {
        let permits = Permits(1)
        #expect(await permits.acquire())
        let waiting = Task { await permits.acquire() }
        let cancelled = Task { await permits.acquire() }
        cancelled.cancel()
        #expect(await !cancelled.value)
        permits.finish()
        #expect(await !waiting.value)
        #expect(await !permits.acquire())
        let drained = Task { await permits.drain() }
        permits.release()
        await drained.value
    }

    // MARK: The life of a consumer

    @Test func aConsumerRunsInOneWayAndClosesOnce() throws {
        func running(_ mode: ConsumerLife.Mode) -> ConsumerLife.Running { ConsumerLife.Running(mode: mode, background: Task {}) }
        var life = ConsumerLife.idle
        #expect(life.running == nil)
        try life.start(.deliveries) { running(.deliveries) }
        var begun = 0
        try life.start(.deliveries) {
            begun += 1
            return running(.deliveries)
        }
        #expect(begun == 0)
        let other = refusal { () throws(ConsumerLife.Refusal) in try life.start(.handlers) { running(.handlers) } }
        #expect(other == .isRunning)
        let first = life.close { left in
            #expect(left?.mode == .deliveries)
            return Task {}
        }
        #expect(first != nil)
        #expect(life.running == nil)
        let second = life.close { _ in
            begun += 1
            return Task {}
        }
        #expect(second == first)
        #expect(begun == 0)
        let late = refusal { () throws(ConsumerLife.Refusal) in try life.start(.deliveries) { running(.deliveries) } }
        #expect(late == .isClosed)
        life = .closed
        let last = life.close { _ in Task {} }
        #expect(last == nil)
    }

    private func refusal(_ work: () throws(ConsumerLife.Refusal) -> Void) -> ConsumerLife.Refusal? {
        do {
            try work()
            return nil
        } catch {
            return error
        }
    }

    // MARK: Marks

    @Test func aMarkHoldsWhatItWasMadeOf() {
        for kind in [MessageMark.Kind.waiting, .inHand, .returning, .settled] {
            let mark = MessageMark(kind, attempt: 3, since: 123_456_789_012)
            #expect(mark.kind == kind)
            #expect(mark.attempt == 3)
            #expect(mark.since == 123_456_789_012)
        }
        #expect(MessageMark(.inHand, attempt: 0x4001, since: 1).attempt == 1)
    }
}
