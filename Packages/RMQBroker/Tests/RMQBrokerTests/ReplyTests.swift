@testable import RMQBroker
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Synchronization
import Testing

/// Codes 324 to 326: replies go to the client that asked, whatever else happens.
@Suite(.takesTurns) struct ReplyTests {
    /// A client that asks: it has told who it is, and keeps the replies that it is pushed.
    private final class Asker: Sendable {
        let client: RemotingClient
        private let heard: Heard

        private final class Heard: Sendable {
            let replies = Mutex<[RemotingCommand]>([])
        }

        init(_ id: String, at peer: Peer, answering answer: RemotingCommand? = .response(.success)) async throws {
            let heard = Heard()
            self.heard = heard
            client = peer.anotherClient { request in
                guard request.requestCode == .pushReplyMessageToClient else { return nil }
                heard.replies.withLock { $0.append(request) }
                return answer
            }
            #expect(try await peer.heartbeat(id, group: "askers", sends: "asking", from: client).code == 0)
        }

        var replies: [RemotingCommand] { heard.replies.withLock { $0 } }
    }

    private static let topic = "DefaultCluster_REPLY_TOPIC"

    private static func fields(to asker: String?, changing fields: [String: String] = [:]) -> [String: String] {
        let properties = asker.map { "CORRELATION_ID\u{1}one\u{2}REPLY_TO_CLIENT\u{1}\($0)\u{2}MSG_TYPE\u{1}reply" } ?? "CORRELATION_ID\u{1}one"
        return Peer.sendFields(topic, properties: properties).merging(fields) { $1 }
    }

    private func reply(_ peer: Peer, to asker: String?, _ text: String = "yes", changing fields: [String: String] = [:]) async throws -> RemotingCommand {
        try await peer.ask(.sendReplyMessageV2, Self.fields(to: asker, changing: fields), text: text)
    }

    /// As they lie there: what says that it is compressed here is not.
    private func stored(_ peer: Peer) async throws -> [StoredMessage] {
        try MessageRecord.decodeAll(try await peer.pull(Self.topic, from: 0).body, decompressing: false)
    }

    @Test func aReplyReachesWhoAskedAndIsStored() async throws {
        try await withPeer { peer in
            let asker = try await Asker("asker", at: peer)
            let answer = try await reply(peer, to: "asker", changing: ["f": "1", "h": "7"])
            #expect(answer.code == 0)
            #expect(answer.remark == nil)
            let message = try #require(try await stored(peer).first)
            #expect(answer.fields?["msgId"] == message.offsetMessageId)
            #expect(answer.fields?["queueId"] == "0")
            #expect(answer.fields?["queueOffset"] == "0")
            #expect(answer.fields?["MSG_REGION"] == "DefaultRegion")
            #expect(answer.fields?["TRACE_ON"] == "true")
            #expect(message.text == "yes")
            #expect(message.systemFlag.contains(.compressed), "whoever reads it has to know")
            #expect(message.properties["PUSH_REPLY_TIME"] == nil)

            let push = try #require(asker.replies.first)
            let header = try push.header(ReplyPushHeader.self)
            #expect(push.text == "yes")
            #expect(header.topic == Self.topic)
            #expect(header.producerGroup == "p")
            #expect(header.systemFlag == 1)
            #expect(header.flag == 7)
            #expect(header.storeHost == "127.0.0.1:\(peer.broker.port)")
            #expect(header.bornHost.hasPrefix("127.0.0.1:"))
            let properties = MessageProperties(decoding: Array((header.properties ?? "").utf8))
            #expect(properties["CORRELATION_ID"] == "one")
            #expect(properties["REPLY_TO_CLIENT"] == "asker")
            #expect(properties["PUSH_REPLY_TIME"] == "\(header.storeTimestamp)")
        }
    }

    @Test func theLongNamesMeanTheSame() async throws {
        try await withPeer { peer in
            let asker = try await Asker("asker", at: peer)
            let fields = [
                "producerGroup": "p", "topic": Self.topic, "defaultTopic": "TBW102", "defaultTopicQueueNums": "4", "queueId": "-1", "sysFlag": "0",
                "bornTimestamp": "1", "flag": "0", "properties": "REPLY_TO_CLIENT\u{1}asker",
            ]
            #expect(try await peer.ask(.sendReplyMessage, fields, text: "yes").code == 0)
            #expect(asker.replies.map(\.text) == ["yes"])
        }
    }

    @Test func repliesNeedNotBeStored() async throws {
        try await withPeer({ $0.storeReplyMessage = false }) { peer in
            let asker = try await Asker("asker", at: peer)
            let answer = try await reply(peer, to: "asker")
            #expect(answer.code == 0)
            #expect(answer.fields?["msgId"] == "0")
            #expect(answer.fields?["queueOffset"] == "0")
            #expect(asker.replies.count == 1)
            #expect(try await peer.ask(.getMaxOffset, ["topic": Self.topic, "queueId": "0"]).fields?["offset"] == "0")
            let lost = try await reply(peer, to: "nobody")
            #expect(lost.responseCode == .systemError)
            #expect(lost.fields?["msgId"] == nil)
            #expect(lost.fields?["TRACE_ON"] == "true")
            _ = try await peer.ask(.updateBrokerConfig, text: "storeReplyMessageEnable=true")
            #expect(try await reply(peer, to: "asker").fields?["msgId"] != "0")
        }
    }

    @Test func whoAskedIsGone() async throws {
        try await withPeer { peer in
            let unknown = try await reply(peer, to: "nobody")
            #expect(unknown.responseCode == .systemError)
            #expect(unknown.remark == "push reply message fail, channel of <nobody> not found.")
            #expect(unknown.fields?["queueOffset"] == "0", "it is stored all the same")
            let unnamed = try await reply(peer, to: nil)
            #expect(unnamed.responseCode == .systemError)
            #expect(unnamed.remark == "reply message properties[REPLY_TO_CLIENT] is null")
            let asker = try await Asker("asker", at: peer)
            asker.client.close()
            try await eventually("it is gone") { peer.broker.state.clients.producers.channel(of: "asker") == nil }
            #expect(try await reply(peer, to: "asker").remark == "push reply message fail, channel of <asker> not found.")
            #expect(try await stored(peer).count == 3)
        }
    }

    @Test func whoAskedRefuses() async throws {
        try await withPeer { peer in
            _ = try await Asker("asker", at: peer, answering: .response(.systemError, remark: "nobody waits for it"))
            let answer = try await reply(peer, to: "asker")
            #expect(answer.responseCode == .systemError)
            #expect(answer.remark?.contains("asker") == true)
            #expect(answer.remark?.contains("nobody waits for it") == true)
        }
    }

    @Test func whoAskedIsSilentAndOthersAreServed() async throws {
        let clock = HandClock()
        try await withPeer(clocks: clock.clocks, { $0.eventLoops = 1 }) { peer in
            let silent = try await Asker("silent", at: peer, answering: nil)
            let asker = try await Asker("asker", at: peer)
            let waiting = Task { try await reply(peer, to: "silent") }
            try await eventually("it is pushed") { silent.replies.count == 1 }
            let replier = peer.anotherClient()
            let other = try await peer.ask(.sendReplyMessageV2, Self.fields(to: "asker"), text: "yes", from: replier)
            #expect(other.code == 0)
            #expect(asker.replies.count == 1)
            clock.advance(.milliseconds(10_100))
            // Wakes the loop.
            _ = try await peer.ask(.getMaxOffset, ["topic": Self.topic, "queueId": "0"], from: replier)
            let answer = try await waiting.value
            #expect(answer.responseCode == .systemError)
            #expect(answer.remark?.contains("did not answer") == true)
            #expect(answer.fields?["queueOffset"] == "0")
        }
    }

    /// It comes back before the broker knows that its old connection is gone.
    @Test func aClientThatConnectsAgainIsFoundOnItsNewConnection() async throws {
        try await withPeer { peer in
            let old = try await Asker("asker", at: peer)
            let new = try await Asker("asker", at: peer)
            #expect(try await reply(peer, to: "asker").code == 0)
            #expect(old.replies.isEmpty)
            #expect(new.replies.count == 1)
            let connection = try #require(peer.broker.state.clients.producers.channel(of: "asker")?.connection)
            old.client.close()
            try await eventually("the old connection is gone") { peer.broker.state.clients.producers.channels(of: "asking")?.count == 1 }
            #expect(peer.broker.state.clients.producers.channel(of: "asker")?.connection == connection)
            #expect(try await reply(peer, to: "asker").code == 0)
            #expect(new.replies.count == 2)
        }
    }

    /// Of several groups of a client one is enough to find it.
    @Test func aClientThatLeavesOneGroupIsStillFound() async throws {
        try await withPeer { peer in
            let asker = try await Asker("asker", at: peer)
            _ = try await peer.heartbeat("asker", sends: "more", from: asker.client)
            _ = try await peer.ask(.unregisterClient, ["clientID": "asker", "producerGroup": "asking"], from: asker.client)
            #expect(try await reply(peer, to: "asker").code == 0)
            _ = try await peer.ask(.unregisterClient, ["clientID": "asker", "producerGroup": "more"], from: asker.client)
            #expect(try await reply(peer, to: "asker").responseCode == .systemError)
        }
    }

    @Test func repliesComeInTheirOrder() async throws {
        try await withPeer { peer in
            let asker = try PipelinedSendTests.Pipe(port: peer.broker.port)
            let heartbeat = HeartbeatData {
                $0.clientId = "asker"
                $0.producers = [ProducerData(group: "asking")]
            }
            asker.send([RemotingCommand(code: 34, opaque: 1, body: heartbeat.body).encoded()])
            _ = try asker.answers(1)
            let replier = try PipelinedSendTests.Pipe(port: peer.broker.port)
            var header = HeaderFields()
            for (name, value) in Self.fields(to: "asker") { header[name] = value }
            replier.send((0..<200).map { RemotingCommand(code: 325, opaque: $0, fields: header, body: Array("\($0)".utf8)).encoded() })
            let pushed = try (0..<200).map { _ in try #require(try asker.answers(1).values.first) }
            #expect(pushed.map(\.text) == (0..<200).map { "\($0)" })
            asker.send(pushed.map { RemotingCommand(code: 0, opaque: $0.opaque, flag: RemotingCommand.Flag.response).encoded() })
            let answers = try replier.answers(200)
            #expect(answers.values.allSatisfy { $0.code == 0 })
        }
    }

    @Test func aLongReplyIsPushed() async throws {
        try await withPeer { peer in
            let asker = try await Asker("asker", at: peer)
            let body = [UInt8](repeating: 7, count: 3 << 20)
            #expect(try await peer.ask(.sendReplyMessageV2, Self.fields(to: "asker"), body: body).code == 0)
            #expect(asker.replies.first?.body == body)
        }
    }

    @Test(arguments: [
        ("SCHEDULE_TOPIC_XXXX", "0", ResponseCode.noPermission), ("a/b", "0", .systemError), ("DefaultCluster_REPLY_TOPIC", "1", .systemError),
    ])
    func whatMayNotBeSentIsNotPushed(topic: String, queue: String, code: ResponseCode) async throws {
        try await withPeer { peer in
            let asker = try await Asker("asker", at: peer)
            #expect(try await reply(peer, to: "asker", changing: ["b": topic, "e": queue]).responseCode == code)
            #expect(asker.replies.isEmpty)
        }
    }

    /// What waits for one client that does not answer has a bound, and stops nobody else.
    @Test func aClientThatNeverAnswersFillsItsOwnShareOnly() async throws {
        try await withPeer { peer in
            _ = try await Asker("silent", at: peer, answering: nil)
            let asker = try await Asker("asker", at: peer)
            let calls = peer.broker.state.clients.calls
            let silent = try #require(peer.broker.state.clients.producers.channel(of: "silent"))
            let limit = ClientCalls.callLimit / ClientCalls.clientShare
            for _ in 0..<limit { try calls.ask(silent, RemotingCommand(.pushReplyMessageToClient)) { _ in } }
            let refused = #expect(throws: Refusal.self) { try calls.ask(silent, RemotingCommand(.pushReplyMessageToClient)) { _ in } }
            #expect(refused?.code == .systemBusy)
            #expect(try await reply(peer, to: "silent").remark?.contains("wait for answers") == true)
            #expect(try await reply(peer, to: "asker").code == 0)
            #expect(asker.replies.count == 1)
        }
    }
}
