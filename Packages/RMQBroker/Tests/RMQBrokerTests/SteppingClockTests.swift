@testable import RMQBroker
import RMQCommon
import RMQRemoting
@testable import RMQStore
import RMQTestSupport
import Synchronization
import Testing

/// The time of day is set an hour back or ahead while something waits: it waits as long as it would have.
@Suite(.takesTurns) struct SteppingClockTests {
    static let steps: [Duration] = [.seconds(-3600), .seconds(3600)]

    @Test("Case 4.2: a held pull is answered when its time is over", arguments: steps)
    func aHeldPull(step: Duration) async throws {
        let clock = HandClock()
        try await withPeer(clocks: clock.clocks) { peer in
            _ = try await peer.createTopic("Held")
            let pull = Task { try await peer.pull("Held", from: 0, holdingMilliseconds: 15_000) }
            try await eventually("the pull is held") { try await peer.heldPulls() == 1 }
            clock.step(step)
            clock.advance(.milliseconds(14_900))
            // Each of these wakes the loop twice.
            for _ in 0..<3 { #expect(try await peer.heldPulls() == 1, "not before its time") }
            clock.advance(.milliseconds(200))
            try await eventually("the pull is let go") { try await peer.heldPulls() == 0 }
            #expect(try await pull.value.responseCode == .pullNotFound)
        }
    }

    @Test("Case 4.2: a held pull hears that what came did not match", arguments: steps)
    func aHeldPullThatSkipped(step: Duration) async throws {
        let clock = HandClock()
        try await withPeer(clocks: clock.clocks) { peer in
            _ = try await peer.createTopic("Skipped")
            let pull = Task { try await peer.pull("Skipped", from: 0, tags: "wanted", holdingMilliseconds: 30_000) }
            try await eventually("the pull is held") { try await peer.heldPulls() == 1 }
            clock.step(step)
            _ = try await peer.send("Skipped", "x", properties: "TAGS\u{1}other\u{2}")
            #expect(try await peer.heldPulls() == 1)
            clock.advance(.milliseconds(5_100))
            try await eventually("the pull is let go") { try await peer.heldPulls() == 0 }
            #expect(try await pull.value.fields?["nextBeginOffset"] == "1")
        }
    }

    @Test("Case 4.2: a send that waits for a sync is answered when its time is over", arguments: steps)
    func aSendThatWaits(step: Duration) async throws {
        let folder = try TemporaryFolder()
        let clock = HandClock()
        var configuration = StoreConfiguration(rootDirectory: folder.path)
        configuration.segmentBytes = 1 << 20
        configuration.flush = .synchronous
        configuration.syncFlushTimeout = .seconds(5)
        let store = try MessageStore(configuration, logger: quiet, clocks: clock.clocks)
        let group = EventLoopGroup(count: 1, name: "sends", clocks: clock.clocks)
        let loop = group.loops[0]
        let answers = Mutex<[AppendStatus]>([])
        /// Wakes the loop and returns when it has done what was due.
        func turn() async { for _ in 0..<2 { await withCheckedContinuation { done in loop.execute { done.resume() } } } }
        await withCheckedContinuation { done in
            loop.execute {
                let live = LiveConfiguration(BrokerConfiguration(), clock: clock.clocks.wall)
                let settings = LoopSettings(live) { HostAddress(ipv4: (127, 0, 0, 1), port: 1) }
                let durability = DurabilityWaits(
                    loopIndex: 0, loop: loop, store: store, loops: LoopSet(),
                    answers: WriteAnswers(loop: loop, settings: settings), waiting: WaitingSends())
                let result = AppendResult(physicalOffset: 0, byteCount: 1_000, queueOffset: 0, messageCount: 1, storeTimestamp: 0)
                let completion = WriteCompletion.call { outcome in
                    if case .stored(_, let status) = outcome { answers.withLock { $0.append(status) } }
                }
                // Behind the end of the log, which no sync reaches.
                durability.add(WrittenMessage(queueId: 0, result: result), completion, end: result.end)
                durability.completeConfirmed()
                // As long as the loop lives.
                loop.scheduleLocally(after: .seconds(1_000_000)) { _ = durability.areFull }
                done.resume()
            }
        }
        clock.step(step)
        clock.advance(.milliseconds(4_900))
        await turn()
        #expect(answers.withLock { $0 }.isEmpty, "not before its time")
        clock.advance(.milliseconds(200))
        await turn()
        #expect(answers.withLock { $0 } == [.flushDiskTimeout])
        group.stop()
        try store.close()
    }

    @Test("Case 4.2: a client that sends heartbeats is alive, a silent one is forgotten after two minutes", arguments: steps)
    func aClient(step: Duration) async throws {
        let clock = HandClock()
        try await withPeer(clocks: clock.clocks, { $0.listener.idleTimeout = .seconds(100_000) }) { peer in
            let state = peer.broker.state
            _ = try await peer.heartbeat("one")
            _ = try await peer.ask(.heartBeat, text: #"{"clientID":"c1","producerDataSet":[{"groupName":"p"}]}"#)
            clock.step(step)
            clock.advance(.seconds(119))
            state.clients.expire(now: clock.clocks.monotonic.now())
            #expect(state.clients.consumers["g"] != nil)
            #expect(state.clients.producers.channels(of: "p") != nil)
            clock.advance(.seconds(2))
            state.clients.expire(now: clock.clocks.monotonic.now())
            #expect(state.clients.consumers["g"] == nil)
            #expect(state.clients.producers.channels(of: "p") == nil)
        }
    }

    @Test("Case 4.2: a lock is held for a minute", arguments: steps)
    func aLock(step: Duration) async throws {
        let clock = HandClock()
        try await withPeer(clocks: clock.clocks, { $0.listener.idleTimeout = .seconds(100_000) }) { (peer: Peer) async throws in
            func lock(_ client: String) async throws -> Int {
                let queue = MessageQueue(topic: "T", brokerName: "broker-a", queueId: 0)
                let request = LockBatchRequest {
                    $0.consumerGroup = "g"
                    $0.clientId = client
                    $0.queues = [queue]
                }
                let answer = try await peer.ask(.lockBatchMq, body: request.body)
                return try LockBatchResponse(body: answer.body).lockedQueues.count
            }
            #expect(try await lock("one") == 1)
            clock.step(step)
            clock.advance(.seconds(59))
            #expect(try await lock("two") == 0, "another client does not get it")
            clock.advance(.seconds(2))
            #expect(try await lock("two") == 1, "its holder has not renewed it")
        }
    }

    @Test("Case 4.2: an idle connection is closed after its time and not before", arguments: steps)
    func anIdleConnection(step: Duration) async throws {
        let clock = HandClock()
        let closed = Mutex(false)
        try await withPeer(clocks: clock.clocks) { peer in
            peer.client.setConnectionClosedHandler { _ in closed.withLock { $0 = true } }
            _ = try await peer.createTopic("Idle")
            clock.step(step)
            clock.advance(.seconds(115))
            for _ in 0..<3 { _ = try await peer.heldPulls() }
            #expect(try await peer.topics["Idle"] != nil)
            let isClosed = closed.withLock { $0 }
            #expect(!isClosed, "not before its time")
            for _ in 0..<12 {
                clock.advance(.seconds(12))
                _ = try await peer.heldPulls()
            }
            try await eventually("it is closed") { closed.withLock { $0 } }
        }
    }

    @Test func ratesAndDaysSurviveASetClock() {
        let rates = RateSamples()
        func add(_ messages: Int, at second: Int64, day: Int) -> RateSamples.Rates {
            var statistics = StoreStatistics()
            statistics.appendedMessages = messages
            let now = MonotonicInstant(nanoseconds: 0) + .seconds(second)
            rates.add(statistics, now: now, day: day)
            return rates.rates(statistics, now: now)
        }
        _ = add(0, at: 0, day: 365)
        #expect(add(100, at: 10, day: 365).put == "10.0  ")
        // Midnight of the year's turn; then the clock is set back over it, and passes it again.
        _ = add(200, at: 20, day: 366)
        #expect(rates.days.today.appendedMessages == 200)
        #expect(rates.days.yesterday.appendedMessages == 0)
        #expect(add(300, at: 30, day: 365).put == "10.0  ")
        #expect(rates.days.today.appendedMessages == 200, "a day that comes again is not another one")
        _ = add(400, at: 40, day: 366)
        #expect(rates.days.today.appendedMessages == 400)
        #expect(rates.days.yesterday.appendedMessages == 200)
    }
}
