@testable import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Synchronization
import Testing

@Suite(.takesTurns) struct RequestReplyTests {
    private struct Request {
        let correlationId: String
        let properties: MessageProperties
    }

    /// What brokers got as requests, in order.
    private func requests(_ cluster: FakeCluster) throws -> [Request] {
        try cluster.asked(.sendMessageV2).map { command in
            let text = try command.header(SendMessageHeaderV2.self).message.properties ?? ""
            let properties = MessageProperties(decoding: Array(text.utf8))
            return Request(correlationId: try #require(properties["CORRELATION_ID"]), properties: properties)
        }
    }

    /// The reply to a request as a broker passes it on.
    private func push(_ correlationId: String, _ text: String, flag: SystemFlag = []) throws -> RemotingCommand {
        let header = ReplyPushHeader {
            $0.producerGroup = "repliers"
            $0.topic = "c_REPLY_TOPIC"
            $0.queueId = 2
            $0.systemFlag = flag.rawValue
            $0.bornTimestamp = 11
            $0.storeTimestamp = 12
            $0.bornHost = "10.0.0.7:4000"
            $0.storeHost = "10.0.0.1:10911"
            $0.flag = 5
            $0.properties = "CORRELATION_ID\u{1}\(correlationId)\u{2}MSG_TYPE\u{1}reply\u{2}own\u{1}größe"
        }
        let body = flag.contains(.compressed) ? try Zlib.compress(Array(text.utf8), level: 5) : Array(text.utf8)
        return RemotingCommand(.pushReplyMessageToClient, header: header, body: body)
    }

    private static let topics: [String: Int32] = ["T": 1]

    @Test(arguments: [SystemFlag(), .zlibBody])
    func theReplyComesBackToWhoAsked(flag: SystemFlag) async throws {
        try await withFakeCluster(topics: Self.topics) { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "p")
                let asking = Task { try await producer.request(Message(topic: "T", text: "sku-1", keys: ["k"]), timeout: .generous) }
                try await eventually("the request") { !cluster.asked(.sendMessageV2).isEmpty }
                let request = try #require(try requests(cluster).first)
                #expect(request.properties["REPLY_TO_CLIENT"] == client.clientId)
                #expect(request.properties["TTL"] == "60000")
                #expect(request.properties["KEYS"] == "k")
                #expect(request.properties["MSG_TYPE"] == nil)
                #expect(request.correlationId.utf8.count == 36)

                #expect(try await cluster.ask(push(request.correlationId, "19.99 €", flag: flag), of: client.clientId).responseCode == .success)
                let reply = try await asking.value
                #expect(reply.text == "19.99 €")
                #expect(reply.topic == "c_REPLY_TOPIC")
                #expect(reply.queueId == 2)
                #expect(reply.flag == 5)
                #expect(reply.bornTimestamp == 11)
                #expect(reply.storeTimestamp == 12)
                #expect(reply.bornHost == HostAddress("10.0.0.7:4000"))
                #expect(reply.storeHost == HostAddress("10.0.0.1:10911"))
                #expect(reply.properties["own"] == "größe")
                #expect(reply.properties["ARRIVE_TIME"].flatMap { Int64($0) } != nil)
                // A second one finds nobody, and the replier is told that all is well.
                #expect(try await cluster.ask(push(request.correlationId, "again"), of: client.clientId).responseCode == .success)
                #expect(client.core.replies.count == 0)
            }
        }
    }

    @Test func aRequestMayGoToOneQueue() async throws {
        try await withFakeCluster(topics: ["T": 4]) { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "p")
                let queue = MessageQueue(topic: "T", brokerName: "a", queueId: 2)
                let asking = Task { try await producer.request(Message(topic: "T", text: "x"), to: queue, timeout: .generous) }
                try await eventually("the request") { !cluster.asked(.sendMessageV2).isEmpty }
                #expect(try #require(cluster.asked(.sendMessageV2).first).header(SendMessageHeaderV2.self).message.queueId == 2)
                _ = try await cluster.ask(push(try #require(try requests(cluster).first).correlationId, "y"), of: client.clientId)
                #expect(try await asking.value.text == "y")
                let error = await failure { () throws(ClientError) in _ = try await producer.request(Message(topic: "U", text: "x"), to: queue) }
                #expect(error?.code == .invalidMessage)
            }
        }
    }

    @Test func aRequestMayGoWhereASelectorSays() async throws {
        try await withFakeCluster(topics: ["T": 8]) { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "p")
                let asking = Task { try await producer.request(Message(topic: "T", text: "x"), selecting: .hash(of: "a"), timeout: .generous) }
                try await eventually("the request") { !cluster.asked(.sendMessageV2).isEmpty }
                #expect(try #require(cluster.asked(.sendMessageV2).first).header(SendMessageHeaderV2.self).message.queueId == 97 % 8)
                _ = try await cluster.ask(push(try #require(try requests(cluster).first).correlationId, "y"), of: client.clientId)
                #expect(try await asking.value.text == "y")
            }
        }
    }

    @Test func brokersKnowTheClientBeforeTheyGetARequest() async throws {
        try await withFakeCluster(brokers: ["a", "b"], topics: ["T": 1, "TBW102": 1]) { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "p")
                func ask() async throws {
                    let before = cluster.asked(.sendMessageV2).count
                    let asking = Task { try await producer.request(Message(topic: "T", text: "x"), timeout: .generous) }
                    try await eventually("the request") { cluster.asked(.sendMessageV2).count > before }
                    let request = try #require(try requests(cluster).last)
                    _ = try await cluster.ask(push(request.correlationId, "y"), of: client.clientId)
                    _ = try await asking.value
                }
                try await ask()
                let order = cluster.state.withLock { $0.asked.filter { [.heartBeat, .sendMessageV2].contains($0.command.requestCode) } }
                let first = try #require(order.firstIndex { $0.command.requestCode == .sendMessageV2 })
                #expect(Set(order[..<first].map(\.server)) == ["a", "b"])
                let heartbeat = try HeartbeatData(body: try #require(cluster.asked(.heartBeat).first).body)
                #expect(heartbeat.clientId == client.clientId)
                #expect(heartbeat.producers.map(\.group) == ["CLIENT_INNER_PRODUCER"])

                // Known from now on, until the connection is lost.
                func introductions(to server: String) throws -> Int {
                    try cluster.asked(.heartBeat, of: server).filter { try HeartbeatData(body: $0.body).producers.count == 1 }.count
                }
                try await ask()
                #expect(try introductions(to: "a") == 1)
                try cluster.hangUp(on: client.clientId, at: "b")
                try await eventually("the client knows") {
                    try await ask()
                    return try introductions(to: "b") == 2
                }
                #expect(try introductions(to: "a") == 1)
            }
        }
    }

    @Test func aRequestThatNobodyAnswersTimesOut() async throws {
        try await withFakeCluster(topics: Self.topics) { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "p")
                let error = await failure { () throws(ClientError) in
                    _ = try await producer.request(Message(topic: "T", text: "x"), timeout: .milliseconds(500))
                }
                #expect(error?.code == .requestTimedOut)
                #expect(error?.isTransient == true)
                #expect(error?.message.contains("T") == true)
                #expect(client.core.replies.count == 0)
            }
        }
    }

    @Test func aRequestThatIsNotSentFailsAtOnce() async throws {
        try await withFakeCluster(topics: Self.topics) { _, command in
            command.requestCode == .sendMessageV2 ? .answer(.response(.messageIllegal, remark: "no")) : .usual
        } _: { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "p")
                let error = await failure { () throws(ClientError) in
                    _ = try await producer.request(Message(topic: "T", text: "x"), timeout: .generous)
                }
                #expect(error?.code == .refused)
                #expect(error?.remark == "no")
                #expect(client.core.replies.count == 0)
            }
        }
    }

    /// The reply counts although the broker never said that it has the request.
    @Test func aReplyMayComeBeforeTheAnswerToTheSend() async throws {
        try await withFakeCluster(topics: Self.topics) { _, command in command.requestCode == .sendMessageV2 ? .silent : .usual } _: { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "p")
                let asking = Task { try await producer.request(Message(topic: "T", text: "x"), timeout: .generous) }
                try await eventually("the request") { !cluster.asked(.sendMessageV2).isEmpty }
                let request = try #require(try requests(cluster).first)
                _ = try await cluster.ask(push(request.correlationId, "early"), of: client.clientId)
                #expect(try await asking.value.text == "early")
            }
        }
    }

    @Test func cancellingTheTaskEndsTheWaiting() async throws {
        try await withFakeCluster(topics: Self.topics) { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "p")
                let asking = Task {
                    await failure { () throws(ClientError) in _ = try await producer.request(Message(topic: "T", text: "x"), timeout: .seconds(300)) }
                }
                try await eventually("the request") { !cluster.asked(.sendMessageV2).isEmpty }
                asking.cancel()
                #expect(await asking.value?.code == .cancelled)
                #expect(client.core.replies.count == 0)
            }
        }
    }

    @Test func shuttingDownEndsTheWaiting() async throws {
        try await withFakeCluster(topics: Self.topics) { cluster in
            let asking = try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "p")
                let asking = Task {
                    await failure { () throws(ClientError) in _ = try await producer.request(Message(topic: "T", text: "x"), timeout: .seconds(300)) }
                }
                try await eventually("the request is sent") { !cluster.asked(.sendMessageV2).isEmpty }
                return asking
            }
            let code = await asking.value?.code
            #expect(code == .closed || code == .connectionLost)
        }
    }

    @Test func manyRequestsGetTheirOwnReplies() async throws {
        try await withFakeCluster(topics: Self.topics) { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "p")
                let asking = Task {
                    try await withThrowingTaskGroup(of: Bool.self) { group in
                        for number in 0..<50 {
                            group.addTask {
                                try await producer.request(Message(topic: "T", text: "\(number)"), timeout: .generous).text == "reply to \(number)"
                            }
                        }
                        return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
                    }
                }
                try await eventually("all are sent") { cluster.asked(.sendMessageV2).count == 50 }
                for (request, command) in zip(try requests(cluster), cluster.asked(.sendMessageV2)).reversed() {
                    let text = "reply to " + String(decoding: command.body, as: UTF8.self)
                    _ = try await cluster.ask(push(request.correlationId, text), of: client.clientId)
                }
                #expect(try await asking.value == 50)
            }
        }
    }

    @Test func aReplyThatCannotBeReadIsAnsweredWithAnError() async throws {
        try await withFakeCluster(topics: Self.topics) { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "p")
                let asking = Task {
                    await failure { () throws(ClientError) in _ = try await producer.request(Message(topic: "T", text: "x"), timeout: .generous) }
                }
                try await eventually("the request") { !cluster.asked(.sendMessageV2).isEmpty }
                let request = try #require(try requests(cluster).first)
                var torn = try push(request.correlationId, "y", flag: .zlibBody)
                torn.body = [1, 2, 3]
                let answer = try await cluster.ask(torn, of: client.clientId)
                #expect(answer.responseCode == .systemError)
                #expect(answer.remark?.hasPrefix("process reply message fail") == true)
                let empty = try await cluster.ask(RemotingCommand(.pushReplyMessageToClient), of: client.clientId)
                #expect(empty.responseCode == .systemError)
                asking.cancel()
                #expect(await asking.value?.code == .cancelled)
            }
        }
    }

    // MARK: Replying

    private static let request = StoredMessage(
        topic: "T", body: [1],
        properties: [
            PropertyName.cluster: "c", PropertyName.correlationId: "id-1", PropertyName.replyToClient: "10.0.0.1@7", PropertyName.timeToLive: "3000",
            PropertyName.uniqueKey: "U",
        ])

    @Test func aReplyGoesToTheClientThatAsked() async throws {
        let reply = try Self.request.reply(text: "19.99")
        #expect(reply.topic == "c_REPLY_TOPIC")
        #expect(reply.text == "19.99")
        #expect(
            reply.properties == ["MSG_TYPE": "reply", "CORRELATION_ID": "id-1", "REPLY_TO_CLIENT": "10.0.0.1@7", "TTL": "3000"])
        try await withFakeCluster(topics: ["c_REPLY_TOPIC": 1]) { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "repliers")
                #expect(try await producer.send(reply).status == .stored)
                let sent = try #require(cluster.asked(.sendReplyMessageV2).first)
                let header = try sent.header(SendMessageHeaderV2.self).message
                #expect(header.topic == "c_REPLY_TOPIC")
                #expect(header.properties?.contains("REPLY_TO_CLIENT\u{1}10.0.0.1@7") == true)
                let recorded = try #require(try RecordedFrames.commands(of: .sendReplyMessageV2).first)
                #expect(Set(sent.fields?.map(\.name) ?? []) == Set(recorded.fields?.map(\.name) ?? []))
            }
            try await cluster.withClient { $0.usesShortSendHeader = false } _: { client in
                let producer = try await client.makeProducer(group: "repliers")
                _ = try? await producer.send(reply)
                #expect(cluster.asked(.sendReplyMessage).first?.fields?["topic"] == "c_REPLY_TOPIC")
            }
        }
    }

    @Test(arguments: [PropertyName.cluster, PropertyName.correlationId, PropertyName.replyToClient])
    func whatIsNoRequestCannotBeRepliedTo(missing: String) throws {
        var message = Self.request
        message.properties[missing] = nil
        let error = #expect(throws: ClientError.self) { try message.reply(body: [1]) }
        #expect(error?.code == .notARequest)
        #expect(error?.message.contains(missing) == true)
    }

    @Test func recordedRepliesAreRead() throws {
        let recorded = try RecordedFrames.commands(of: .pushReplyMessageToClient)
        #expect(recorded.count == 2)
        for command in recorded {
            let reply = try StoredMessage(pushed: command)
            #expect(reply.topic == "GoldenCluster_REPLY_TOPIC")
            #expect(reply.properties["CORRELATION_ID"]?.utf8.count == 36)
            #expect(reply.body.count == 13)
            #expect(reply.storeHost == HostAddress("127.0.0.1:20911"))
        }
    }

    @Test func correlationIdsAreRandomUUIDs() {
        let ids = (0..<100).map { _ in CorrelationId.make() }
        #expect(Set(ids).count == 100)
        for id in ids {
            let parts = id.split(separator: "-").map(String.init)
            #expect(parts.map(\.utf8.count) == [8, 4, 4, 4, 12])
            #expect(parts[2].utf8.first == UInt8(ascii: "4"))
            #expect("89ab".utf8.contains(parts[3].utf8.first ?? 0))
            #expect(id.utf8.allSatisfy { "0123456789abcdef-".utf8.contains($0) })
        }
    }

    @Test func aBrokerThatCouldNotBeToldIsLeftAloneForAWhile() {
        var introductions = Introductions()
        let all: Set<ByteText> = ["a", "b"]
        #expect(Set(introductions.due(among: all, now: .at(0)).map(\.address)) == all)
        let visits = introductions.due(among: ["a"], now: .at(0))
        introductions.told(visits[0])
        introductions.failed("b", now: .at(0))
        #expect(introductions.due(among: all, now: .at(29_999)).isEmpty)
        #expect(introductions.due(among: all, now: .at(30_000)).map(\.address) == ["b"])
        introductions.lost("a")
        #expect(introductions.due(among: all, now: .at(1)).map(\.address) == ["a"])
    }

    /// The answer is read before the connection closes, and its task goes on afterwards.
    @Test func anAnswerBeforeTheConnectionWasLostDoesNotCount() {
        var introductions = Introductions()
        let visit = introductions.due(among: ["a"], now: .at(0))[0]
        introductions.lost("a")
        introductions.told(visit)
        let next = introductions.due(among: ["a"], now: .at(0))
        #expect(next.map(\.address) == ["a"])
        introductions.told(next[0])
        #expect(introductions.due(among: ["a"], now: .at(0)).isEmpty)
    }
}
