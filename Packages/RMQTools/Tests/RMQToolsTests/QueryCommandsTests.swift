@testable import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
@testable import RMQTools
import Testing

/// Messages by id, by unique id and by key: whole commands, against servers that hold the recorded messages and groups.
@Suite(.takesTurns) struct QueryCommandsTests {
    @Test(arguments: ["queryMsgById", "queryMsgById-two", "queryMsgById-direct-noclient", "queryMsgByUniqueKey", "queryMsgByUniqueKey-a", "queryMsgByOffset"])
    func messageWithItsTracks(_ name: String) async throws {
        let recording = try Recording(name)
        let shown = try ShownMessage.all(in: recording)
        let run = try await Run(recording.words, servers: Self.servers(holding: shown))
        run.expect(recording)
        #expect(Set(run.bodies.keys) == Set(shown.map(\.message.messageId)))
        #expect(run.bodies.values.allSatisfy { $0 == ShownMessage.body })
    }

    /// Its body is compressed, and what was compressed is not in the recording.
    @Test func compressedMessage() throws {
        let recording = try Recording("queryMsgById-big")
        let shown = try #require(try ShownMessage.all(in: recording).first)
        let path = "/tmp/rocketmq/msgbodys/" + MessageDisplay.fileName(of: shown.message)
        let text = MessageDisplay.render(shown.message, bodyPath: path, time: .utc) + MessageDisplay.render(shown.tracks)
        #expect(text == recording.output)
    }

    @Test(arguments: ["queryMsgById-direct", "queryMsgByUniqueKey-direct"])
    func messageIsHandedToOneClient(_ name: String) async throws {
        let recording = try Recording(name)
        let servers = Self.servers(holding: try ShownMessage.all(in: Recording("queryMsgById"))) { _ in
            let spent = recording.output.split { "=]".contains($0) }.last ?? ""
            return .response(.success, body: Array("""
                {"autoCommit":true,"consumeResult":"CR_SUCCESS","order":false,"spentTimeMills":\(spent)}
                """.utf8))
        }
        try await Run(recording.words, servers: servers).expect(recording)
        let fields = try #require(servers.fields(asked: .consumeMessageDirectly).first)
        #expect(fields["msgId"] == "7F000001000078BF0000000000000000", "a broker finds the message by its offset id alone")
        #expect(fields["clientId"] == "192.0.2.2@golden_consumer")
        #expect(fields["consumerGroup"] == "golden_consumer")
    }

    @Test func clientThatIsNotThereIsToldInTheBrokersWords() async throws {
        let recording = try Recording("queryMsgByUniqueKey-direct-unknownClient")
        let refusal = try recording.refusal()
        let servers = Self.servers(holding: try ShownMessage.all(in: Recording("queryMsgById"))) { _ in refusal }
        try await Run(recording.words, servers: servers).expect(recording)
    }

    @Test func oneRefusedDeliveryDoesNotKeepTheOthersFromIt() async throws {
        let recording = try Recording("queryMsgById-two")
        let servers = Self.servers(holding: try ShownMessage.all(in: recording)) { _ in .response(.systemError, remark: "no") }
        let run = try await Run(recording.words + ["-g", "golden_consumer", "-d", "client"], servers: servers)
        #expect(servers.addresses(asked: .consumeMessageDirectly).count == 2)
        #expect(run.errors == "CODE: 1  DESC: no\nCODE: 1  DESC: no\n")
    }

    @Test func resentMessage() async throws {
        let recording = try Recording("queryMsgById-resend")
        var shown = try #require(try ShownMessage.all(in: Recording("queryMsgById-two")).first)
        shown.message.physicalOffset = 0x221
        shown.message.properties[PropertyName.realTopic] = "T"
        let sender = RecordingSender { _, _, _ in
            .stored(
                in: MessageQueue(topic: "GoldenPlain", brokerName: "golden-b", queueId: 1),
                id: "FD0000000000000000000000000000023B995FFD2B2767FE7CE80005", offsetId: "7F00000100007CA700000000000044D4", offset: 5, milliseconds: 1)
        }
        try await Run(recording.words, servers: Self.servers(holding: [shown]), sender: sender).expect(recording)
        let sent = try #require(sender.sent.first)
        #expect(sent.queue == nil)
        #expect(sent.message.body == ShownMessage.body)
        #expect(sent.message.uniqueId == shown.message.messageId, "it keeps its id")
        #expect(sent.message.properties["colour"] == "red")
        #expect(sent.message.properties[PropertyName.realTopic] == nil, "a producer may not send what a broker writes")
    }

    @Test func severalAreResentByOneProducer() async throws {
        let shown = try ShownMessage.all(in: Recording("queryMsgById-two"))
        let sender = RecordingSender()
        let words = try Recording("queryMsgById-two").words + ["-s", "true", "-u", "unit1"]
        let run = try await Run(words + ["--json"], servers: Self.servers(holding: shown), sender: sender)
        #expect(sender.sent.map(\.message.body) == [ShownMessage.body, ShownMessage.body])
        #expect(sender.sent.allSatisfy { $0.queue == nil && $0.message.topic == "GoldenPlain" })
        #expect(sender.opened.map(\.group) == ["ReSendMsgById"])
        #expect(sender.opened.map(\.unitName) == ["unit1"])
        let lines = try run.output.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
        #expect(lines.map { $0["originalMsgId"]?.asString } == ["7F000001000078BF0000000000000000", "7F000001000078BF0000000000000110"])
    }

    @Test func nothingAtAnOffsetPrintsNothing() async throws {
        let recording = try Recording("queryMsgByOffset-none")
        try await Run(recording.words, servers: Self.servers(holding: [])).expect(recording)
        let unknown = try Recording("queryMsgByOffset-unknownBroker")
        let run = try await Run(unknown.words)
        #expect(run.output == unknown.output)
        #expect(run.errors.contains("Caused by: The broker[nobroker] not exist\n"))
        let negative = try await Run(["queryMsgByOffset", "-t", "T", "-b", "golden-a", "-i", "0", "-o", "-1"])
        #expect(negative.errors.contains("-o takes a whole number from 0"))
    }

    @Test func foundMessagesAsJSON() async throws {
        let shown = try ShownMessage.all(in: Recording("queryMsgById-two"))
        let words = try Recording("queryMsgById-two").words + ["--json"]
        let run = try await Run(words, servers: Self.servers(holding: shown))
        let lines = try run.output.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
        #expect(lines.map { $0["queueId"]?.asInt } == shown.map { Int($0.message.queueId) })
        #expect(lines[0]["properties"]?["colour"]?.asString == "red")
        #expect(lines[1]["tracks"]?.asArray?.last?["trackType"]?.asString == "CONSUMED_BUT_FILTERED")
        #expect(lines[0]["bodyPath"]?.asString?.hasSuffix(shown[0].message.messageId) == true)
    }

    @Test(arguments: ["queryMsgByKey", "queryMsgByKey-several"])
    func messagesByKey(_ name: String) async throws {
        let recording = try Recording(name)
        let messages = try recording.output.split(separator: "\n").dropFirst().map { line in
            let words = line.split(separator: " ").map(String.init)
            var message = ShownMessage.empty
            message.properties = MessageProperties([(PropertyName.keys, "other " + recording.words[4]), (PropertyName.uniqueKey, words[0])])
            (message.queueId, message.queueOffset) = (try #require(Int32(words[1])), try #require(Int64(words[2])))
            return message
        }
        var stranger = ShownMessage.empty
        stranger.properties = MessageProperties([(PropertyName.keys, "sameHash"), (PropertyName.uniqueKey, "FD09")])
        let found = (messages + [stranger]).flatMap { MessageRecord.encode($0) }
        let answer = QueryMessageResponseHeader {
            $0.indexLastUpdateTimestamp = 1
            $0.indexLastUpdateOffset = 2
        }
        let servers = Servers { command, address in
            guard command.requestCode == .queryMessage else { return Golden.answer(command, address) }
            guard address == Golden.masters["golden-a"] else { return .response(.queryNotFound, remark: "can not find message") }
            return .response(.success, header: answer, body: found)
        }
        try await Run(recording.words, servers: servers).expect(recording)
        let json = try JSONValue(parsing: try await Run(recording.words + ["--json"], servers: servers).output).requireArray("messages")
        #expect(json.map { $0["msgId"]?.asString } == messages.map(\.messageId))
        let fields = servers.fields(asked: .queryMessage)
        #expect(fields.count == 4 && fields[0]["maxNum"] == "64" && fields[0]["endTimestamp"] == "9223372036854775807")
        #expect(fields[0]["_UNIQUE_KEY_QUERY"] == "false")
        #expect(fields[0]["beginTimestamp"] == "0")
        #expect(fields[0]["key"] == recording.words[4])
    }

    /// Two brokers have a message with one unique id: the one stored first is shown, with `-a` both.
    @Test func severalMessagesWithOneUniqueId() async throws {
        let shown = try ShownMessage.all(in: Recording("queryMsgByUniqueKey"))
        var later = try #require(shown.first).message
        later.storeTimestamp += 1
        later.queueOffset = 77
        let servers = Self.servers(holding: [ShownMessage(message: later, tracks: [])] + shown)
        let words = try Recording("queryMsgByUniqueKey").words
        let one = try await Run(words, servers: servers)
        #expect(!one.output.contains("77"))
        #expect(one.bodies.count == 1)
        let both = try await Run(words + ["-a"], servers: servers)
        #expect(both.output.contains("Queue Offset:        77"))
        #expect(Set(both.bodies.keys) == [later.messageId, later.messageId + "_1"])
        #expect(servers.fields(asked: .queryMessage)[0]["_UNIQUE_KEY_QUERY"] == "true")
        #expect(servers.fields(asked: .queryMessage)[0]["maxNum"] == "32")
    }

    // MARK: Servers

    /// One broker with these messages, and with the groups that have consumed them as their tracks say.
    private static func servers(
        holding shown: [ShownMessage], delivering: @escaping @Sendable (RemotingCommand) -> RemotingCommand? = { _ in nil }
    ) -> Servers {
        Servers { command, address in
            let group = command.fields?["consumerGroup"] ?? ""
            switch command.requestCode {
            case .getRouteinfoByTopic:
                var route = Golden.route()
                route.brokers.removeLast()
                return .response(.success, body: route.body)
            case .viewMessageById:
                let found = shown.first { "\($0.message.physicalOffset)" == command.fields?["offset"] }
                return found.map { .response(.success, body: MessageRecord.encode($0.message)) } ?? .response(.systemError)
            case .queryMessage:
                let found = shown.filter { $0.message.messageId == command.fields?["key"] }
                let answer = QueryMessageResponseHeader {
                    $0.indexLastUpdateTimestamp = 1
                    $0.indexLastUpdateOffset = 2
                }
                return .response(.success, header: answer, body: found.flatMap { MessageRecord.encode($0.message) })
            case .pullMessage:
                let answer = PullMessageResponseHeader {
                    $0.suggestedBrokerId = 0
                    $0.nextBeginOffset = 1
                    $0.minOffset = 0
                    $0.maxOffset = 6
                }
                guard var message = shown.first?.message else { return .response(.pullOffsetMoved, header: answer) }
                for name in [PropertyName.minOffset, PropertyName.maxOffset] { message.properties[name] = nil }
                return .response(.success, header: answer, body: MessageRecord.encode(message))
            case .queryTopicConsumeByWho:
                let groups = shown.last?.tracks.map { JSONValue($0.group) } ?? []
                return .response(.success, body: (["groupList": .array(groups)] as JSONValue).bytes(.fastjson))
            case .getConsumerConnectionList: return .response(.success, body: members(of: group, shown).body)
            case .getConsumeStats: return .response(.success, body: progress(of: group, shown).body)
            case .consumeMessageDirectly: return delivering(command)
            default: return Golden.answer(command, address)
            }
        }
    }

    private static func fates(of group: String, _ shown: [ShownMessage]) -> [(message: StoredMessage, fate: MessageTrack.Fate)] {
        shown.flatMap { one in one.tracks.filter { $0.group == group }.map { (one.message, $0.fate) } }
    }

    /// A group some of whose messages were filtered subscribes to the tags of those that were consumed.
    private static func members(of group: String, _ shown: [ShownMessage]) -> ConsumerConnection {
        let fates = fates(of: group, shown)
        let isFiltered = fates.contains { $0.fate == .consumedButFiltered }
        let tags = isFiltered ? fates.filter { $0.fate == .consumed }.compactMap(\.message.tags).joined(separator: " || ") : "*"
        return ConsumerConnection {
            $0.connections = [
                .init {
                    $0.clientId = "c"
                    $0.language = .java
                    $0.version = 409
                }
            ]
            $0.subscriptions = ["GoldenPlain": SubscriptionData(topic: "GoldenPlain", tagExpression: tags, version: 0)]
            $0.consumeType = .passively
            $0.messageModel = .clustering
            $0.consumeFromWhere = .firstOffset
        }
    }

    private static func progress(of group: String, _ shown: [ShownMessage]) -> ConsumeStats {
        var stats = ConsumeStats()
        for (message, fate) in fates(of: group, shown) {
            let queue = MessageQueue(topic: message.topic, brokerName: "golden-a", queueId: message.queueId)
            let consumed = fate == .notConsumedYet ? 0 : message.queueOffset + 1
            stats.queues[queue] = .init {
                $0.brokerOffset = message.queueOffset + 1
                $0.consumerOffset = consumed
            }
        }
        return stats
    }
}

/// A message as a command shows it, line by line, and what became of it in its groups.
struct ShownMessage {
    var message: StoredMessage
    var tracks: [MessageTrack]

    /// No recording has the body itself.
    static let body: [UInt8] = [1, 2, 3]

    static let empty = StoredMessage(
        topic: "GoldenPlain", body: body, properties: MessageProperties([]), brokerName: "", queueId: 0, queueOffset: 0, physicalOffset: 0,
        storeSize: 0, bodyCRC: 0, flag: 0, systemFlag: [], bornTimestamp: 0, bornHost: .unspecified, storeTimestamp: 0,
        storeHost: HostAddress(ipv4: (127, 0, 0, 1), port: 30911))

    /// The tracks of one message and the first line of the next stand on one line.
    static func all(in recording: Recording) throws -> [ShownMessage] {
        var all: [ShownMessage] = []
        for line in recording.output.replacing("]OffsetID:", with: "]\nOffsetID:").split(separator: "\n") {
            if line.hasPrefix("Topic:") { all.append(ShownMessage(message: empty, tracks: [])) }
            if line.hasPrefix("OffsetID:") { continue }
            try all[all.count - 1].take(line)
        }
        return all
    }

    private mutating func take(_ line: Substring) throws {
        if line.hasPrefix("MessageTrack") {
            tracks = line.split(separator: "MessageTrack ").map { text in
                let parts = text.split { "=,]".contains($0) }
                return MessageTrack(group: String(parts[1]), fate: MessageTrack.Fate(rawValue: String(parts[3])) ?? .unknown)
            }
            return
        }
        let value = String(line.dropFirst(21))
        func number() throws -> Int64 { try #require(Int64(value)) }
        func time() throws -> Int64 {
            let words = value.split(separator: " ").map(String.init)
            return try #require(LocalTime.utc.parse(moment(words[0], words[1])))
        }
        switch line.prefix(20).prefix(while: { $0 != ":" }) {
        case "Topic": message.topic = value
        case "Queue ID": message.queueId = Int32(try number())
        case "Queue Offset": message.queueOffset = try number()
        case "CommitLog Offset": message.physicalOffset = try number()
        case "Born Timestamp": message.bornTimestamp = try time()
        case "Store Timestamp": message.storeTimestamp = try time()
        case "Born Host": message.bornHost = try #require(HostAddress(value))
        case "Store Host": message.storeHost = try #require(HostAddress(value))
        case "System Flag": message.systemFlag = SystemFlag(rawValue: Int32(try number()))
        case "Properties":
            message.properties = MessageProperties(value.dropFirst().dropLast().split(separator: ",").map { pair in
                let parts = pair.split(separator: "=", maxSplits: 1).map { String($0.drop { $0 == " " }) }
                return (parts[0], parts[1])
            })
        case "Tags", "Keys", "Reconsume Times", "Message Body Path": break   // follow from the others
        default: Issue.record("a line that no test knows: \(line)")
        }
    }
}
