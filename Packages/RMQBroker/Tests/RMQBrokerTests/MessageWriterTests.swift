import RMQCommon
import RMQRemoting
import RMQStore
import RMQTestSupport
import Synchronization
import Testing

@testable import RMQBroker

/// The writer as those use it that are no producers: the broker's own messages, and whoever answers by a closure.
@Suite(.takesTurns) struct MessageWriterTests {
    private static func write(
        _ text: String, to topic: String, queueId: Int32 = 0, properties: String = "", _ loop: LoopState,
        completion: WriteCompletion
    ) throws {
        loop.refresh()
        let route = try #require(Array(topic.utf8).withUnsafeBytes { loop.routes.topic($0) })
        try Array(text.utf8).withUnsafeBytes { body in
            try Array(properties.utf8).withUnsafeBytes { properties in
                let message = NewMessage(body: body, properties: properties, bornTimestamp: 1, bornHost: loop.settings.storeHost)
                try loop.writer.write(message, to: route, queueId: queueId, completion: completion)
            }
        }
    }

    @Test(arguments: FlushPolicy.allCases)
    func aWriterHearsOfHisMessageAndWritesTheNext(flush: FlushPolicy) async throws {
        try await withPeer({ $0.store.flush = flush }) { peer in
            _ = try await peer.createTopic("Chain")
            let stored = Mutex<[Int64]>([])
            let failures = Mutex<[String]>([])
            @Sendable func next(_ number: Int, _ loop: LoopState) {
                do {
                    try Self.write("\(number)", to: "Chain", loop, completion: .call { outcome in
                        guard case .stored(let message, .ok) = outcome else { return failures.withLock { $0.append("\(outcome)") } }
                        stored.withLock { $0.append(message.result.queueOffset) }
                        if number < 99 { next(number + 1, loop) }
                    })
                } catch {
                    failures.withLock { $0.append("\(error)") }
                }
            }
            peer.broker.state.loops.all[0].post { next(0, $0) }
            try await eventually("a hundred are stored") { stored.withLock { $0.count } == 100 }
            #expect(failures.withLock { $0 } == [])
            #expect(stored.withLock { $0 } == Array(0..<100))
            #expect(try await peer.pull("Chain", from: 90).messages.map(\.text) == (90..<100).map(String.init))
        }
    }

    @Test func aMessageOfTheBrokersOwnWakesWhoWaitsForIt() async throws {
        try await withPeer { peer in
            _ = try await peer.createTopic("Own")
            async let pulled = peer.pull("Own", from: 0, holdingMilliseconds: 600_000)
            try await eventually("the pull is held") { try await peer.heldPulls() == 1 }
            peer.broker.state.loops.all[0].post { loop in
                do { try Self.write("x", to: "Own", loop, completion: .none) } catch { Issue.record(error) }
            }
            #expect(try await pulled.messages.map(\.text) == ["x"])
        }
    }

    @Test func whatCannotBeStoredIsThrown() async throws {
        try await withPeer({ $0.store.maxMessageBytes = 100 }) { peer in
            _ = try await peer.createTopic("Small")
            let refusals = Mutex<[Refusal]>([])
            func refused(_ text: String, properties: String = "") async {
                await withCheckedContinuation { done in
                    peer.broker.state.loops.all[0].post { loop in
                        do {
                            try Self.write(text, to: "Small", properties: properties, loop, completion: .call { _ in Issue.record("told twice") })
                        } catch {
                            refusals.withLock { $0.append(error as? Refusal ?? Refusal(.systemError, "\(error)")) }
                        }
                        done.resume()
                    }
                }
            }
            await refused(String(repeating: "x", count: 101))
            await refused("x", properties: "DELAY\u{1}soon")
            #expect(refusals.withLock { $0.map(\.code) } == [.messageIllegal, .systemError])
            #expect(try await peer.send("Small", "x").code == 0)
        }
    }

    /// The event is written while a wake-up ends, when what it brought is in the log already.
    @Test func anEventOfTheEndOfAWakeUpIsKeptAtOnce() async throws {
        try await withPeer({ $0.eventLoops = 1 }) { peer in
            _ = try await peer.createTopic("Moved")
            #expect(try await peer.pull("Moved", from: 7).responseCode == .pullOffsetMoved)
            try await eventually("the event is there") {
                try await peer.pull("OFFSET_MOVED_EVENT", from: 0).messages.first?.text.contains("\"offsetRequest\":7") == true
            }
        }
    }
}
