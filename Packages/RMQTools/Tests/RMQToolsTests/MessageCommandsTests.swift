@testable import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
@testable import RMQTools
import Testing

@Suite(.takesTurns) struct MessageCommandsTests {
    @Test(arguments: ["consumeMessage", "consumeMessage-b"])
    func wholeTopic(_ name: String) async throws {
        let recording = try Recording(name)
        let run = try await Run(recording.words, servers: RecordedMessages.servers(holding: try RecordedMessages.messages(of: recording)))
        #expect(RecordedMessages.withoutSizes(run.output) == RecordedMessages.withoutSizes(recording.output))
        #expect(run.errors.isEmpty)
    }

    @Test func messageTextIsAsRecorded() throws {
        for name in ["consumeMessage", "consumeMessage-b-i-o", "consumeMessage-c", "consumeMessage-acl"] {
            for line in try Recording(name).output.split(separator: "\n") where line.hasPrefix("MSGID") {
                let message = try RecordedMessages.message(String(line))
                #expect(QueueReading.text(message, body: message.text) == line + "\n")
            }
        }
    }

    @Test(arguments: [
        "consumeMessage-i-without-b", "consumeMessage-negative", "consumeMessage-o-without-i", "consumeMessage-s-after-e",
        "consumeMessage-s-future", "sendMessage-i-without-b",
    ])
    func contradictionsAreTold(_ name: String) async throws {
        let recording = try Recording(name)
        let run = try await Run(recording.words)
        #expect(run.output == recording.output)
        #expect(run.exitCode == recording.exitCode)
    }

    @Test(arguments: ["consumeMessage-b-i", "consumeMessage-b-i-o", "consumeMessage-c"])
    func aCountIsKept(_ name: String) async throws {
        let recording = try Recording(name)
        let messages = try RecordedMessages.messages(of: recording)
        let end = try #require(messages[0].properties["MAX_OFFSET"].flatMap { Int64($0) })
        let run = try await Run(recording.words, servers: RecordedMessages.servers(holding: messages, end: end))
        #expect(RecordedMessages.withoutSizes(run.output) == RecordedMessages.withoutSizes(recording.output))
    }

    /// A cluster of one broker, which asks for an account; the line about older messages is the reference's.
    @Test func ofABrokerWithAccounts() async throws {
        let recording = try Recording("consumeMessage-acl"), brokers = ["golden-c": "127.0.0.1:33911"]
        let held = RecordedMessages.servers(holding: try RecordedMessages.messages(of: recording), brokers: brokers)
        let run = try await Run(recording.words, servers: held)
        #expect(RecordedMessages.withoutSizes(run.output) == RecordedMessages.withoutSizes(recording.output))
        let unsigned = try Recording("consumeMessage-acl-unsigned"), refusal = try unsigned.refusal()
        let refusing = Servers { command, address in command.requestCode == .getRouteinfoByTopic ? held.answer(command, address) : refusal }
        try await Run(unsigned.words, servers: refusing).expect(unsigned)
    }

    @Test func messagesAreJSONLines() async throws {
        let messages = try RecordedMessages.messages(of: Recording("consumeMessage"))
        let run = try await Run(["consumeMessage", "-t", "GoldenAsync", "--json"], servers: RecordedMessages.servers(holding: messages))
        let lines = try run.output.split(separator: "\n").map { try JSONValue(parsing: String($0)).requireObject("line") }
        let shown = lines.filter { $0["msgId"] != nil }
        #expect(shown.compactMap { $0["msgId"]?.asString } == messages.map(\.messageId))
        #expect(shown.first?["body"]?.asString == messages.first?.text)
        #expect(shown.first?["properties"]?["KEYS"]?.asString == messages.first?.properties["KEYS"])
        #expect(lines.last?["status"]?.asString == "NO_NEW_MSG")
    }

    /// A body that is no text is lost in one, so that its bytes are there too.
    @Test func bytesThatAreNoTextAreShownInBase64() throws {
        let facts = StoredMessage(topic: "T", body: [0, 0xFF]).facts(text: "x")
        #expect(facts["bodyBase64"]?.asString == "AP8=")
        #expect(StoredMessage(topic: "T", body: [0x41]).facts(text: "A")["bodyBase64"] == nil)
        #expect(StoredMessage(topic: "T", body: [0x41]).facts(text: nil)["body"] == nil)
    }

    @Test func countIsSharedByTheQueues() async throws {
        let recording = try Recording("consumeMessage-g")
        let servers = RecordedMessages.servers(holding: try RecordedMessages.messages(of: recording))
        let run = try await Run(recording.words, servers: servers)
        #expect(RecordedMessages.withoutSizes(run.output) == RecordedMessages.withoutSizes(recording.output))
        #expect(servers.fields(asked: .pullMessage).allSatisfy { $0["consumerGroup"] == "golden_cli_group" })
    }

    @Test func timesBecomeOffsets() async throws {
        let recording = try Recording("consumeMessage-s-e")
        let servers = RecordedMessages.servers(holding: try RecordedMessages.messages(of: Recording("consumeMessage")))
        let run = try await Run(recording.words, servers: servers)
        #expect(RecordedMessages.withoutSizes(run.output) == RecordedMessages.withoutSizes(recording.output))
        #expect(Set(servers.fields(asked: .searchOffsetByTimestamp).map { $0["timestamp"] }) == ["1795233600000", "1795234200000"])
    }

    @Test func failedPullEndsItsQueueOnly() async throws {
        let recording = try Recording("consumeMessage")
        let all = RecordedMessages.servers(holding: try RecordedMessages.messages(of: recording))
        let servers = Servers { command, address in
            guard command.requestCode == .pullMessage, command.fields?["queueId"] == "0" else { return all.answer(command, address) }
            return .response(.systemError, remark: "no")
        }
        let run = try await Run(recording.words, servers: servers)
        #expect(run.errors == "CODE: 1  DESC: no BROKER: 127.0.0.1:31911\nCODE: 1  DESC: no BROKER: 127.0.0.1:30911\n")
        #expect(run.output.contains("queueId=3] print msg finished"))
        #expect(!run.output.contains("queueId=0] print"))
    }

    @Test func topicThatMayNotBeReadIsNamed() async throws {
        let servers = Servers { command, address in
            guard command.requestCode == .getRouteinfoByTopic else { return Golden.answer(command, address) }
            var route = Golden.route()
            for index in route.queues.indices { route.queues[index].permission = .write }
            return .response(.success, body: route.body)
        }
        let run = try await Run(["consumeMessage", "-t", "x"], servers: servers)
        #expect(run.output.isEmpty)
        #expect(run.errors.contains("no queue of x may be read"))
    }

    @Test func offsetBehindTheEnd() async throws {
        let recording = try Recording("consumeMessage-b-i-o-large")
        #expect(try await Run(recording.words, servers: RecordedMessages.servers(holding: [])).output == recording.output)
    }

    @Test(arguments: ["sendMessage", "sendMessage-b", "sendMessage-b-i", "sendMessage-newTopic", "sendMessage-acl"])
    func sentMessage(_ name: String) throws {
        let recording = try Recording(name)
        let words = recording.output.split(separator: "\n")[1].split(separator: " ").map(String.init)
        let queue = MessageQueue(topic: recording.words[2], brokerName: words[0], queueId: try #require(Int32(words[1])))
        let sent = SendResult(status: .stored, messageIds: [words[3]], offsetMessageIds: [], queue: queue, queueOffset: 0)
        #expect(SendMessageCommand.render(sent) == recording.output)
    }

    @Test(arguments: [(["-b", "golden-a", "-i", "2"], 2), (["-b", "golden-a"], nil), (["-b", "golden-a", "-i", "-1"], nil)] as [([String], Int32?)])
    func queueIsChosenByBrokerAndNumberTogether(_ place: [String], _ queueId: Int32?) async throws {
        let sender = RecordingSender()
        let run = try await Run(["sendMessage", "-t", "T", "-p", " hello ", "-k", "a b", "-c", "TagA"] + place, sender: sender)
        #expect(run.errors.isEmpty)
        #expect(sender.sent.first?.queue == queueId.map { MessageQueue(topic: "T", brokerName: "golden-a", queueId: $0) })
        #expect(sender.sent.first?.message.body == Array("hello".utf8))
        #expect(sender.sent.first?.message.properties[PropertyName.keys] == "a b")
        #expect(sender.sent.first?.message.properties[PropertyName.tags] == "TagA")
    }

    @Test func unknownBrokerIsNamed() async throws {
        let recording = try Recording("sendMessage-badBroker")
        let run = try await Run(recording.words)
        #expect(run.output == recording.output)
        #expect(run.errors == "SendMessageCommand command failed\nCaused by: The broker[nobroker] not exist\n")
    }

    @Test func bodyIsNeverWrittenOutsideItsFolder() throws {
        var message = try RecordedMessages.message(String(try #require(try Recording("consumeMessage-c").output.split(separator: "\n").dropFirst(2).first)))
        message.properties[PropertyName.uniqueKey] = "../../etc/cron.d/x"
        #expect(MessageDisplay.fileName(of: message) == message.offsetMessageId)
        message.properties[PropertyName.uniqueKey] = "FD00"
        #expect(MessageDisplay.fileName(of: message) == "FD00")
    }

    @Test func tagFilterDecidesTheTrack() throws {
        let message = try RecordedMessages.message(String(try #require(try Recording("consumeMessage").output.split(separator: "\n").dropFirst().first)))
        let tags = SubscriptionData(topic: "GoldenAsync", tagExpression: "TagA || TagB", version: 0)
        #expect(MessageTrack.passes(message, tags))
        #expect(!MessageTrack.passes(message, SubscriptionData(topic: "GoldenAsync", tagExpression: "TagZ", version: 0)))
        #expect(MessageTrack.passes(message, SubscriptionData(topic: "GoldenAsync", tagExpression: "*", version: 0)))
    }
}
