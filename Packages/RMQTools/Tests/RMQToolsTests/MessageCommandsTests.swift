@testable import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
@testable import RMQTools
import Testing

@Suite(.takesTurns) struct MessageCommandsTests {
    /// The message that a line of a recording shows.
    static func message(_ line: String) throws -> StoredMessage {
        func value(_ name: String, until end: String = ",") throws -> String {
            let start = try #require(line.firstRange(of: name))
            let rest = line[start.upperBound...]
            return String(rest[..<(try #require(rest.firstRange(of: end)).lowerBound)])
        }
        let properties = try value("properties={", until: "}").split(separator: ",").map { pair in
            let parts = pair.split(separator: "=", maxSplits: 1).map { String($0.drop { $0 == " " }) }
            return (parts[0], parts[1])
        }
        return StoredMessage(
            topic: try value("topic='", until: "'"),
            body: try value("body=[", until: "]").split(separator: ",").map { UInt8(bitPattern: try #require(Int8($0.drop { $0 == " " }))) },
            properties: MessageProperties(properties),
            brokerName: try value("brokerName="), queueId: try #require(Int32(value("queueId="))),
            queueOffset: try #require(Int64(value("queueOffset="))), physicalOffset: try #require(Int64(value("commitLogOffset="))),
            storeSize: try #require(Int32(value("storeSize="))), bodyCRC: try #require(Int32(value("bodyCRC="))),
            flag: try #require(Int32(value(" flag="))), systemFlag: SystemFlag(rawValue: try #require(Int32(value("sysFlag=")))),
            bornTimestamp: try #require(Int64(value("bornTimestamp="))), bornHost: try #require(HostAddress(value("bornHost=/"))),
            storeTimestamp: try #require(Int64(value("storeTimestamp="))), storeHost: try #require(HostAddress(value("storeHost=/"))))
    }

    /// Every queue of the recording with its messages.
    private static func messages(of recording: Recording) throws -> [StoredMessage] {
        try recording.output.split(separator: "\n").filter { $0.hasPrefix("MSGID") }.map { try message(String($0)) }
    }

    /// Servers that hold exactly these messages; every moment lies before them.
    /// - Parameter end: where queues end, if there are more messages than these.
    private static func servers(holding messages: [StoredMessage], end longer: Int64 = 0) -> Servers {
        Servers { command, address in
            let broker = Golden.masters.first { $0.value == address }?.key
            let queue = messages.filter { $0.brokerName == broker && "\($0.queueId)" == command.fields?["queueId"] }
            let end = max(longer, (queue.map(\.queueOffset).max() ?? -1) + 1)
            switch command.requestCode {
            case .getMinOffset, .searchOffsetByTimestamp: return .response(.success, header: OffsetResponseHeader(offset: 0))
            case .getMaxOffset: return .response(.success, header: OffsetResponseHeader(offset: end))
            case .pullMessage:
                guard let header = try? command.header(PullMessageHeader.self) else { return .response(.systemError) }
                let found = queue.filter { $0.queueOffset >= header.queueOffset }.sorted { $0.queueOffset < $1.queueOffset }.prefix(Int(header.maxMessages))
                let next = found.last.map { $0.queueOffset + 1 } ?? header.queueOffset
                let answer = PullMessageResponseHeader(suggestedBrokerId: 0, nextBeginOffset: next, minOffset: 0, maxOffset: end)
                let bodies = found.map { message in
                    var stored = message
                    stored.properties["MIN_OFFSET"] = nil
                    stored.properties["MAX_OFFSET"] = nil
                    return MessageRecord.encode(stored)
                }
                return .response(found.isEmpty ? .pullNotFound : .success, header: answer, body: bodies.flatMap { $0 })
            default: return Golden.answer(command, address)
            }
        }
    }

    @Test(arguments: ["consumeMessage", "consumeMessage-b"])
    func wholeTopic(_ name: String) async throws {
        let recording = try Recording(name)
        let run = try await Run(recording.words, servers: Self.servers(holding: try Self.messages(of: recording)))
        #expect(Self.withoutSizes(run.output) == Self.withoutSizes(recording.output))
        #expect(run.errors.isEmpty)
    }

    /// Records made here have the recorded meaning, not always the recorded size: a stored record ends its properties with a separator.
    private static func withoutSizes(_ text: String) -> String {
        text.split(separator: "storeSize=").enumerated().map { $0 == 0 ? String($1) : String($1.drop { $0.isNumber }) }.joined()
    }

    @Test func messageTextIsAsRecorded() throws {
        for name in ["consumeMessage", "consumeMessage-b-i-o", "consumeMessage-c", "consumeMessage-acl"] {
            for line in try Recording(name).output.split(separator: "\n") where line.hasPrefix("MSGID") {
                let shown = ConsumeMessageCommand.render(try Self.message(String(line)))
                #expect(shown == line + "\n")
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

    @Test func chosenQueue() async throws {
        let recording = try Recording("consumeMessage-b-i")
        let messages = try Self.messages(of: recording)
        let end = try #require(messages[0].properties["MAX_OFFSET"].flatMap { Int64($0) })
        let run = try await Run(recording.words, servers: Self.servers(holding: messages, end: end))
        #expect(Self.withoutSizes(run.output) == Self.withoutSizes(recording.output))
    }

    @Test func countIsSharedByTheQueues() async throws {
        let recording = try Recording("consumeMessage-g")
        let servers = Self.servers(holding: try Self.messages(of: recording))
        let run = try await Run(recording.words, servers: servers)
        #expect(Self.withoutSizes(run.output) == Self.withoutSizes(recording.output))
        #expect(servers.fields(asked: .pullMessage).allSatisfy { $0["consumerGroup"] == "golden_cli_group" })
    }

    @Test func timesBecomeOffsets() async throws {
        let recording = try Recording("consumeMessage-s-e")
        let servers = Self.servers(holding: try Self.messages(of: Recording("consumeMessage")))
        let run = try await Run(recording.words, servers: servers)
        #expect(Self.withoutSizes(run.output) == Self.withoutSizes(recording.output))
        #expect(Set(servers.fields(asked: .searchOffsetByTimestamp).map { $0["timestamp"] }) == ["1795233600000", "1795234200000"])
    }

    @Test func failedPullEndsItsQueueOnly() async throws {
        let recording = try Recording("consumeMessage")
        let all = Self.servers(holding: try Self.messages(of: recording))
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
        #expect(try await Run(recording.words, servers: Self.servers(holding: [])).output == recording.output)
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

    @Test func traceIsRefused() async throws {
        let sender = RecordingSender()
        let run = try await Run(try Recording("sendMessage-m").words, sender: sender)
        #expect(run.errors.contains("-m true: this build records no message traces"))
        #expect(sender.sent.isEmpty)
    }

    @Test func unknownBrokerIsNamed() async throws {
        let recording = try Recording("sendMessage-badBroker")
        let run = try await Run(recording.words)
        #expect(run.output == recording.output)
        #expect(run.errors == "SendMessageCommand command failed\nCaused by: The broker[nobroker] not exist\n")
    }

    @Test func bodyIsNeverWrittenOutsideItsFolder() throws {
        var message = try Self.message(String(try #require(try Recording("consumeMessage-c").output.split(separator: "\n").dropFirst(2).first)))
        message.properties[PropertyName.uniqueKey] = "../../etc/cron.d/x"
        #expect(MessageDisplay.fileName(of: message) == message.offsetMessageId)
        message.properties[PropertyName.uniqueKey] = "FD00"
        #expect(MessageDisplay.fileName(of: message) == "FD00")
    }

    @Test func tagFilterDecidesTheTrack() throws {
        let message = try Self.message(String(try #require(try Recording("consumeMessage").output.split(separator: "\n").dropFirst().first)))
        let tags = SubscriptionData(topic: "GoldenAsync", tagExpression: "TagA || TagB", version: 0)
        #expect(MessageTrack.passes(message, tags))
        #expect(!MessageTrack.passes(message, SubscriptionData(topic: "GoldenAsync", tagExpression: "TagZ", version: 0)))
        #expect(MessageTrack.passes(message, SubscriptionData(topic: "GoldenAsync", tagExpression: "*", version: 0)))
    }
}
