@testable import RMQBroker
import RMQCommon
import RMQRemoting
@testable import RMQStore
import RMQTestSupport
import Synchronization
import Testing

/// A broker that cannot keep up says so: SYSTEM_BUSY with the word by which clients know it, then the cause, the value and the limit.
@Suite(.takesTurns) struct FlowControlTests {
    /// As if an append of another loop had been writing for two seconds.
    private func hangAppend(_ peer: Peer) {
        peer.broker.state.store.lockedSince.store(CoarseClock.milliseconds() - 2_000, ordering: .relaxed)
    }

    private func endAppend(_ peer: Peer) { peer.broker.state.store.lockedSince.store(0, ordering: .relaxed) }

    @Test func whileAnAppendHangsMessagesAreRejected() async throws {
        try await withPeer { peer in
            #expect(try await peer.send("T", "0").code == 0)
            _ = try await peer.heartbeat("c")
            hangAppend(peer)
            let sent = try await peer.send("T", "1")
            #expect(sent.responseCode == .systemBusy)
            #expect(sent.remark?.hasPrefix("[REJECTREQUEST]system busy, start flow control for a while: an append has been writing for ") == true)
            #expect(sent.remark?.hasSuffix("osPageCacheBusyTimeOutMills is 1000 ms") == true, "\(sent.remark ?? "")")
            #expect(sent.fields?["MSG_REGION"] == "DefaultRegion")
            let back = try await peer.ask(.consumerSendMsgBack, ["offset": "0", "group": "g", "delayLevel": "0"])
            #expect(back.responseCode == .systemBusy)
            #expect(back.remark?.hasPrefix("[REJECTREQUEST]") == true)
            #expect(try await peer.pull("T", from: 0).messages.map(\.text) == ["0"], "consumers are served")
            endAppend(peer)
            #expect(try await peer.send("T", "2").code == 0)
            #expect(try await peer.pull("T", from: 0).messages.map(\.text) == ["0", "2"])
        }
    }

    /// They were taken before the append began to hang, and do not wait behind it.
    @Test(arguments: [true, false]) func whatIsStagedWhenAnAppendHangsIsRefused(fastFailure: Bool) async throws {
        try await withPeer({ $0.fastFailure = fastFailure }) { peer in
            _ = try await peer.createTopic("T")
            let outcomes = Mutex<[WriteOutcome]>([])
            let message = OwnedMessage(
                topic: "T", queueId: 0, body: [1], properties: [], bornTimestamp: 1, bornHost: peer.broker.state.storeHost)
            peer.broker.state.loops.all[0].post { loop in
                do {
                    for _ in 0..<2 { try message.write(on: loop, completion: .call { outcome in outcomes.withLock { $0.append(outcome) } }) }
                } catch {
                    Issue.record(error)
                }
                hangAppend(peer)
            }
            try await eventually("both are told") { outcomes.withLock { $0.count } == 2 }
            for outcome in outcomes.withLock({ $0 }) {
                switch outcome {
                case .stored: #expect(!fastFailure)
                case .failed(let refusal):
                    #expect(fastFailure)
                    #expect(refusal.code == .systemBusy)
                    #expect(refusal.remark.hasPrefix("[PCBUSY_CLEAN_QUEUE]broker busy, start flow control for a while, size of queue: 2: "))
                }
            }
            endAppend(peer)
            let end = try await peer.ask(.getMaxOffset, ["topic": "T", "queueId": "0"])
            #expect(end.fields?["offset"] == (fastFailure ? "0" : "2"))
        }
    }

    // MARK: Requests that waited

    private func frame(_ opaque: Int32, _ code: RequestCode, _ fields: [String: String], body: [UInt8] = []) -> [UInt8] {
        var command = RemotingCommand(code: code.rawValue, body: body)
        command.opaque = opaque
        var header = HeaderFields()
        for (name, value) in fields { header[name] = value }
        command.fields = header
        return command.encoded()
    }

    /// Of each kind one request, by its number.
    private var requests: [[UInt8]] {
        let heartbeat = HeartbeatData {
            $0.clientId = "c"
            // A consumer would be told of its group, too.
            $0.producers = [ProducerData(group: "p")]
        }
        let pull = [
            "consumerGroup": "g", "topic": "T", "queueId": "0", "queueOffset": "0", "maxMsgNums": "32", "sysFlag": "4", "commitOffset": "0",
            "suspendTimeoutMillis": "0", "subscription": "*", "subVersion": "0",
        ]
        return [
            frame(0, .sendMessageV2, Peer.sendFields("T"), body: [1]), frame(1, .consumerSendMsgBack, ["offset": "0", "group": "g", "delayLevel": "0"]),
            frame(2, .pullMessage, pull), frame(3, .heartBeat, [:], body: heartbeat.body), frame(4, .getMaxOffset, ["topic": "T", "queueId": "0"]),
        ]
    }

    /// The answers to one request of each kind that a loop finds when it comes back after 60 ms.
    private func answersAfterAStall(_ settings: String) async throws -> [Int32: RemotingCommand] {
        var answers: [Int32: RemotingCommand] = [:]
        try await withPeer({ $0.eventLoops = 1 }) { peer in
            _ = try await peer.send("T", "x")
            let pipe = try PipelinedSendTests.Pipe(port: peer.broker.port)
            pipe.send([frame(9, .sendMessageV2, Peer.sendFields("T"), body: [1])])
            #expect(try pipe.answers(1)[9]?.code == 0)
            #expect(try await peer.ask(.updateBrokerConfig, text: settings).code == 0)
            let gate = Latch()
            let isAway = Atomic<Bool>(false)
            peer.broker.state.loops.all[0].post { _ in
                isAway.store(true, ordering: .releasing)
                gate.wait(for: .generous)
            }
            try await eventually("the loop is away") { isAway.load(ordering: .acquiring) }
            pipe.send(requests)
            let sent = MonotonicInstant.now
            try await eventually("the requests have waited") { MonotonicInstant.now - sent >= .milliseconds(60) }
            gate.open()
            answers = try pipe.answers(requests.count)
            // Unless the loop is held up once more.
            try await eventually("what comes now does not wait") {
                pipe.send([frame(10, .sendMessageV2, Peer.sendFields("T"), body: [1])])
                return try pipe.answers(1)[10]?.code == 0
            }
        }
        return answers
    }

    @Test(arguments: [
        ("waitTimeMillsInSendQueue", [0, 1]), ("waitTimeMillsInPullQueue", [2]), ("waitTimeMillsInHeartbeatQueue", [3]),
    ] as [(String, [Int32])])
    func aRequestThatWaitedTooLongIsRefused(key: String, refused: [Int32]) async throws {
        let answers = try await answersAfterAStall("\(key)=20")
        for (opaque, answer) in answers {
            guard refused.contains(opaque) else {
                #expect(answer.code == 0, "\(opaque): \(answer.remark ?? "")")
                continue
            }
            #expect(answer.responseCode == .systemBusy)
            let remark = answer.remark ?? ""
            #expect(remark.hasPrefix("[TIMEOUT_CLEAN_QUEUE]broker busy, start flow control for a while, period in queue: "), "\(remark)")
            #expect(remark.hasSuffix("the event loop of the connection was held up; \(key) is 20 ms"), "\(remark)")
        }
    }

    @Test(arguments: [
        (RequestCode.sendMessage, "Send"), (.sendMessageV2, "Send"), (.sendBatchMessage, "Send"), (.consumerSendMsgBack, "Send"), (.pullMessage, "Pull"),
        (.heartBeat, "Heartbeat"), (.endTransaction, "Transaction"),
    ])
    func eachKindOfRequestHasItsLimit(code: RequestCode, kind: String) throws {
        var configuration = BrokerConfiguration()
        let keys = ["Send", "Pull", "Heartbeat", "Transaction"].map { (key: "waitTimeMillsIn\($0)Queue", value: $0 == kind ? "20" : "600000") }
        #expect(try configuration.apply(keys) == [])
        let patience = RequestPatience(configuration)
        #expect(patience.refusal(of: code, waitedNanoseconds: 19_999_999) == nil)
        let refusal = try #require(patience.refusal(of: code, waitedNanoseconds: 20_000_000))
        #expect(refusal.code == .systemBusy)
        #expect(refusal.remark.hasSuffix("waitTimeMillsIn\(kind)Queue is 20 ms"))
        #expect(patience.refusal(of: .getMaxOffset, waitedNanoseconds: .max) == nil, "others may wait")
        configuration.fastFailure = false
        #expect(RequestPatience(configuration).shortestNanoseconds == .max)
    }

    @Test func requestsMayWaitAsLongAsTheyLikeWhereThatIsSaid() async throws {
        let answers = try await answersAfterAStall("brokerFastFailureEnable=false\nwaitTimeMillsInSendQueue=20")
        for (opaque, answer) in answers { #expect(answer.code == 0, "\(opaque): \(answer.remark ?? "")") }
    }
}
