@testable import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Synchronization
import Testing

/// Every kind of frame that the reference's clients were recorded with, held against what this client sends: the same code, the same
/// fields, and a body of the same shape.
@Suite(.takesTurns) struct RecordedClientFramesTests {
    /// What a frame is like, whatever its values.
    struct Form: Hashable, CustomStringConvertible {
        var fields: Set<ByteText>
        var body: Shape
        var description: String { "\(fields.sortedTexts) with \(body)" }
    }

    /// What a body is like.
    indirect enum Shape: Hashable, CustomStringConvertible {
        case nothing, bytes, value, list
        case object([ByteText: Shape])

        /// Members whose own members are entries of a table, under names that say nothing.
        private static let tables: Set<ByteText> = ["properties", "statusTable"]

        /// Bytes that are no JSON are just that. The elements of a list are told as one, and so are the entries of a table.
        init(_ body: [UInt8]) {
            guard !body.isEmpty else { self = .nothing; return }
            guard let first = body.first, first == UInt8(ascii: "{") || first == UInt8(ascii: "["), let json = try? JSONValue(parsing: body) else {
                self = .bytes
                return
            }
            self = Shape(json)
        }

        /// - Parameter name: of the member; empty for none.
        private init(_ json: JSONValue, called name: String = "") {
            switch json {
            case .array(let elements): self = elements.map { Shape($0) }.reduce(.list) { $0.merged(with: $1) }
            case .object(let object):
                guard !Self.tables.contains(name), object.members.allSatisfy({ $0.key.asObject == nil }) else {
                    self = object.members.map { Shape($0.value) }.reduce(.list) { $0.merged(with: $1) }
                    return
                }
                self = .object(Dictionary(object.members.map { (ByteText($0.key.asString ?? "#"), Shape($0.value, called: $0.key.asString ?? "")) }) { $0.merged(with: $1) })
            default: self = .value
            }
        }

        /// Knows the members of both.
        func merged(with other: Shape) -> Shape {
            switch (self, other) {
            case (.object(let mine), .object(let theirs)): .object(mine.merging(theirs) { $0.merged(with: $1) })
            case (.list, _): other
            default: self
            }
        }

        /// Whether a body of this shape has members of `known` alone, and all of them where it says which.
        func isLike(_ known: Shape) -> Bool {
            switch (self, known) {
            case (.object(let mine), .object(let theirs)):
                mine.count == theirs.count && mine.allSatisfy { name, shape in theirs[name].map { shape.isLike($0) } ?? false }
            case (.list, _), (_, .list): true
            default: self == known
            }
        }

        var description: String {
            switch self {
            case .nothing: "no body"
            case .bytes: "bytes"
            case .value: "…"
            case .list: "[]"
            case .object(let members): "{" + members.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", ") + "}"
            }
        }
    }

    /// Fields of the recorded clients that are no part of a kind: signatures, and the mark of connections for streams.
    private static let passing: Set<ByteText> = ["AccessKey", "Signature", "ReqT"]

    /// Fields that this client sends and the recorded ones did not, by code.
    private static let added: [RequestCode: Set<ByteText>] = [
        // As newer clients: the answer is then JSON that any parser reads.
        .getRouteinfoByTopic: ["acceptStandardJsonOnly"],
        // The recorded one was made by hand; that with short names has the field.
        .sendMessage: ["bname"],
    ]

    /// Kinds in the recordings that no client sends: the recorder's own, to see what servers say to them.
    private static let probes: Set<Int32> = [13, 22, 23, 27, 43, 45, 103, 104, 209, 210, 211, 212, 213, 214, 220, 221, 301, 302, 322, 999]

    /// Kinds that this test does not see this client send, and what they belong to.
    private static let missing: [String: Set<Int32>] = [
        "administration of brokers": [25, 26, 306, 315, 316, 321, 323, 328, 329],
        "administration of groups": [207, 219, 222, 223, 303, 308, 314, 317],
        "administration of name servers": [102, 205, 304, 311, 312, 313, 318, 319, 327],
        "administration of topics": [305],
        "accounts": [50, 51, 52, 53],
    ]

    private struct Recorded: Sendable {
        var requests: [Int32: Set<Form>] = [:]
        var answers: [Int32: Set<Form>] = [:]
    }

    private static func recorded() throws -> Recorded {
        var recorded = Recorded()
        for line in try GoldenData.lines("frames.jsonl") {
            let record = try JSONValue(parsing: line)
            guard record["from"]?.asString.isExactly("client") == true, let code = record["requestCode"]?.asInt32 else { continue }
            let fields = Set(texts: record["header"]?["extFields"]?.asObject?.members.compactMap { $0.key.asString } ?? [])
            let frame = try #require(record["frame"]?.asString.flatMap { Hex.bytes($0) })
            let form = Form(fields: fields.subtracting(passing), body: Shape(Array(frame.suffix(record["bodyLength"]?.asInt ?? 0))))
            if record["kind"]?.asString.isExactly("response") == true {
                recorded.answers[code, default: []].insert(form)
            } else {
                recorded.requests[code, default: []].insert(form)
            }
        }
        return recorded
    }

    private static func form(_ command: RemotingCommand) -> Form {
        let names = Set(texts: (command.fields ?? [:]).map(\.name))
        return Form(fields: names.subtracting(added[command.requestCode] ?? []), body: Shape(command.body))
    }

    @Test func everyRequestIsLikeARecordedOne() async throws {
        let recorded = try Self.recorded().requests
        try await withFakeCluster(topics: ["T": 1, "c_REPLY_TOPIC": 1]) { cluster in
            try await Self.doEverything(with: cluster)
            let sent = cluster.state.withLock { $0.asked.map(\.command) }
            for (code, commands) in Dictionary(grouping: sent, by: \.code) {
                guard let known = recorded[code] else { continue }
                for form in Set(commands.map(Self.form)) {
                    let isKnown = known.contains { $0.fields == form.fields && form.body.isLike($0.body) }
                    #expect(isKnown, "\(RequestCode(rawValue: code)) has \(form), recorded are \(known.map(\.description).joined(separator: " and "))")
                }
            }
            let missing = Set(recorded.keys).subtracting(sent.map(\.code)).subtracting(Self.probes)
            #expect(missing.sorted() == Self.missing.values.joined().sorted())
        }
    }

    /// Sends each kind of request that this client has. What servers that know nothing answer to most of them is of no interest.
    private static func doEverything(with cluster: FakeCluster) async throws {
        cluster.fill("T", with: ["1"])
        try await cluster.withClient { client in
            let message = Message(topic: "T", text: "x", tags: "t", keys: ["k"])
            let producer = try await client.makeProducer(group: "p")
            _ = try await producer.send(message)
            _ = try? await producer.send(batch: [message, message])
            var fromFirst = ConsumerConfiguration()
            fromFirst.start = .first
            let consumer = try await client.makePushConsumer(group: "c", fromFirst)
            try await consumer.subscribe(to: "T")
            let running = Task { try await consumer.run { $0.reconsumeTimes == 0 ? .retry : .success } }
            let ordered = try await client.makePushConsumer(group: "o", fromFirst)
            try await ordered.subscribe(to: "T")
            let runningInOrder = Task { try await ordered.runOrdered { _ in .success } }
            let lite = try await client.makeLitePullConsumer(group: "l")
            try await lite.subscribe(to: "T", .sql("a = 1"))
            try await eventually("a message went back and a queue is locked") {
                !cluster.asked(.consumerSendMsgBack).isEmpty && !cluster.asked(.lockBatchMq).isEmpty && cluster.asked(.pullMessage).count > 3
            }
            await consumer.close()
            try await running.value
            await ordered.close()
            try await runningInOrder.value
            try await doTransactionsAndReplies(client, producer)
            await doAdministration(client.admin, at: cluster.address(of: "a"))
        }
        try await cluster.withClient({ $0.usesShortSendHeader = false }) { client in
            _ = try? await client.makeProducer(group: "p").send(Message(topic: "T", text: "x"))
        }
    }

    private static func doTransactionsAndReplies(_ client: RocketMQClient, _ producer: Producer) async throws {
        let transactions = try await client.makeTransactionProducer(group: "tx") { _ in .unknown }
        for decision in [TransactionDecision.commit, .rollback, .unknown] {
            _ = try await transactions.send(Message(topic: "T", text: "x")) { _ in decision }
        }
        let request = StoredMessage(topic: "T", body: [1], properties: [
            PropertyName.cluster: "c", PropertyName.correlationId: "1", PropertyName.replyToClient: client.clientId, PropertyName.timeToLive: "3000",
        ])
        _ = try? await producer.send(request.reply(text: "x"))
    }

    private static func doAdministration(_ admin: Admin, at broker: String) async {
        let queue = MessageQueue(topic: "T", brokerName: "a", queueId: 0)
        let id = OffsetMessageId(storeHost: HostAddress(ipv4: (127, 0, 0, 1), port: UInt16(broker.cut(atLast: ":")?.after ?? "") ?? 0), physicalOffset: 0).text
        _ = try? await admin.clusterInfo()
        _ = try? await admin.topics()
        _ = try? await admin.topics(ofCluster: "c")
        _ = try? await admin.setKeyValue("v", namespace: "n", key: "k")
        _ = try? await admin.keyValue(namespace: "n", key: "k")
        _ = try? await admin.createTopic(TopicConfig(topicName: "N"), at: broker)
        _ = try? await admin.deleteTopic("N", at: broker)
        _ = try? await admin.deleteRoute(of: "N", inCluster: "c")
        _ = try? await admin.createGroup(SubscriptionGroupConfig(groupName: "g"), at: broker)
        _ = try? await admin.topicStats("T")
        _ = try? await admin.topicConfigs(at: broker)
        _ = try? await admin.groupConfigs(at: broker)
        _ = try? await admin.brokerRuntimeInfo(at: broker)
        _ = try? await admin.consumeStats(group: "c")
        _ = try? await admin.consumeStats(group: "c", topic: "T")
        _ = try? await admin.consumerConnection(group: "c", topic: "T")
        _ = try? await admin.producerConnection(group: "p", topic: "T")
        _ = try? await admin.groups(consuming: "T", at: broker)
        _ = try? await admin.queues(heldBy: "id", in: "c", at: broker)
        _ = try? await admin.committedOffset(group: "c", queue: queue)
        _ = try? await admin.commit(group: "c", queue: queue, offset: 0)
        _ = try? await admin.minOffset(of: queue)
        _ = try? await admin.maxOffset(of: queue)
        _ = try? await admin.searchOffset(of: queue, at: 0)
        _ = try? await admin.earliestStoreTime(of: queue)
        _ = try? await admin.pull(from: queue, offset: 0)
        _ = try? await admin.messages(topic: "T", uniqueId: "7F000001000078BF0000000000000000")
        _ = try? await admin.message(id: id)
        _ = try? await admin.deliver(id, to: "id", of: "c", at: broker)
    }

    // MARK: Answers

    @Test func everyAnswerIsLikeARecordedOne() async throws {
        let recorded = try Self.recorded().answers
        try await withFakeCluster(topics: ["T": 1]) { cluster in
            cluster.fill("T", with: ["1"])
            try await cluster.withClient { client in
                let consumer = try await client.makePushConsumer(group: "c")
                try await consumer.subscribe(to: "T")
                let running = Task { try await consumer.run { _ in .success } }
                try await eventually("it pulls") { cluster.asked(.pullMessage).count > 3 }
                for question in Self.questions(client.clientId) {
                    let answer = try await cluster.ask(question, of: client.clientId)
                    #expect(answer.responseCode == .success, "\(question.requestCode): \(answer.remark ?? "")")
                    let form = Form(fields: Set(texts: (answer.fields ?? [:]).map(\.name)), body: Shape(answer.body))
                    let known = try #require(recorded[question.code])
                    let isKnown = known.contains { $0.fields == form.fields && form.body.isLike($0.body) }
                    #expect(isKnown, "\(question.requestCode) is answered with \(form), recorded are \(known.map(\.description).joined(separator: " and "))")
                }
                await consumer.close()
                try await running.value
            }
        }
    }

    private static func questions(_ client: String) -> [RemotingCommand] {
        let status = ConsumerStatusHeader {
            $0.topic = "T"
            $0.group = "c"
        }
        let info = ConsumerRunningInfoHeader {
            $0.consumerGroup = "c"
            $0.clientId = client
        }
        let direct = ConsumeDirectlyHeader {
            $0.consumerGroup = "c"
            $0.clientId = client
            $0.brokerName = "a"
        }
        let reply = ReplyPushHeader {
            $0.topic = "c_REPLY_TOPIC"
            $0.properties = "CORRELATION_ID\u{1}nobody waits\u{2}MSG_TYPE\u{1}reply\u{2}"
        }
        return [
            RemotingCommand(.getConsumerStatusFromClient, header: status), RemotingCommand(.getConsumerRunningInfo, header: info),
            RemotingCommand(.consumeMessageDirectly, header: direct, body: MessageRecord.encode(StoredMessage(topic: "T", body: [1]))),
            RemotingCommand(.pushReplyMessageToClient, header: reply, body: [1]),
        ]
    }
}
