import Foundation
import RMQCommon
import RMQRemoting
@testable import RMQTools
import Testing

struct MessageCommandsTests {
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

    /// Servers that hold exactly these messages.
    private static func servers(holding messages: [StoredMessage]) -> Servers {
        Servers { command, address in
            let broker = Golden.masters.first { $0.value == address }?.key
            let queue = messages.filter { $0.brokerName == broker && "\($0.queueId)" == command.fields?["queueId"] }
            let end = (queue.map(\.queueOffset).max() ?? -1) + 1
            switch command.requestCode {
            case .getMinOffset: return .response(.success, header: OffsetResponseHeader(offset: 0))
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
        let run = await Run(recording.words, servers: Self.servers(holding: try Self.messages(of: recording)))
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
        let run = await Run(recording.words)
        #expect(run.output == recording.output)
        #expect(run.exitCode == recording.exitCode)
    }

    @Test func offsetBehindTheEnd() async throws {
        let recording = try Recording("consumeMessage-b-i-o-large")
        #expect(await Run(recording.words, servers: Self.servers(holding: [])).output == recording.output)
    }

    @Test(arguments: ["sendMessage", "sendMessage-b", "sendMessage-b-i", "sendMessage-newTopic", "sendMessage-acl"])
    func sentMessage(_ name: String) throws {
        let recording = try Recording(name)
        let words = recording.output.split(separator: "\n")[1].split(separator: " ").map(String.init)
        let queue = MessageQueue(topic: recording.words[2], brokerName: words[0], queueId: try #require(Int32(words[1])))
        let sent = SentMessage(queue: queue, offset: 0, status: words[2], messageId: words[3], offsetMessageId: "")
        #expect(SendMessageCommand.render(sent) == recording.output)
    }

    @Test func unknownBrokerIsNamed() async throws {
        let recording = try Recording("sendMessage-badBroker")
        let run = await Run(recording.words)
        #expect(run.output == recording.output)
        #expect(run.errors == "SendMessageCommand command failed\nCaused by: The broker[nobroker] not exist\n")
    }

    @Test(arguments: ["queryMsgById", "queryMsgById-big"])
    func messageById(_ name: String) throws {
        let recording = try Recording(name)
        let lines = recording.output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        func value(_ index: Int) -> String { String(lines[index].dropFirst(21)) }
        func number(_ index: Int) throws -> Int64 { try #require(Int64(value(index))) }
        func time(_ index: Int) throws -> Int64 {
            let words = value(index).split(separator: " ").map(String.init)
            return try #require(LocalTime.utc.parse(moment(words[0], words[1])))
        }
        let id = try #require(OffsetMessageId(value(0)))
        let properties = value(13).dropFirst().dropLast().split(separator: ",").map { pair in
            let parts = pair.split(separator: "=", maxSplits: 1).map { String($0.drop { $0 == " " }) }
            return (parts[0], parts[1])
        }
        let message = StoredMessage(
            topic: value(1), body: [], properties: MessageProperties(properties), brokerName: "", queueId: Int32(try number(4)),
            queueOffset: try number(5), physicalOffset: id.physicalOffset, storeSize: 0, bodyCRC: 0, flag: 0,
            systemFlag: SystemFlag(rawValue: Int32(try number(12))), bornTimestamp: try time(8),
            bornHost: try #require(HostAddress(value(10))), storeTimestamp: try time(9), storeHost: id.storeHost)
        let path = "/tmp/rocketmq/msgbodys/" + MessageDisplay.fileName(of: message)
        let tracks = lines.last?.split(separator: "MessageTrack ").map { text in
            let parts = text.split { "=,]".contains($0) }
            return MessageTrack(group: String(parts[1]), fate: MessageTrack.Fate(rawValue: String(parts[3])) ?? .unknown)
        }
        let text = MessageDisplay.render(message, bodyPath: path, time: .utc)
        #expect(text + MessageDisplay.render(tracks ?? []) == recording.output)
    }

    @Test func resentMessage() throws {
        let recording = try Recording("queryMsgById-resend")
        let sent = SentMessage(
            queue: MessageQueue(topic: "GoldenPlain", brokerName: "golden-b", queueId: 1), offset: 5, status: "SEND_OK",
            messageId: "FD0000000000000000000000000000023B995FFD2B2767FE7CE80005", offsetMessageId: "7F00000100007CA700000000000044D4")
        #expect(recording.output == "prepare resend msg. originalMsgId=7F00000100007CA70000000000000221" + QueryMessageByIdCommand.render(sent))
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
        #expect(ClusterAccess.passes(message, tags))
        #expect(!ClusterAccess.passes(message, SubscriptionData(topic: "GoldenAsync", tagExpression: "TagZ", version: 0)))
        #expect(ClusterAccess.passes(message, SubscriptionData(topic: "GoldenAsync", tagExpression: "*", version: 0)))
    }

    // MARK: By key

    private static func keyed(_ broker: String, _ number: Int, storedAt time: Int64 = 1_795_235_931_000) -> StoredMessage {
        StoredMessage(
            topic: "GoldenPlain", body: [1], properties: MessageProperties([("KEYS", "ORDER_3 x\(number)"), ("UNIQ_KEY", "FD0\(number)")]), brokerName: broker,
            queueId: 1, queueOffset: Int64(number), physicalOffset: 1000, storeSize: 0, bodyCRC: 0, flag: 0, systemFlag: [], bornTimestamp: time,
            bornHost: .unspecified, storeTimestamp: time, storeHost: HostAddress(ipv4: (127, 0, 0, 1), port: 30911))
    }

    /// Each master has one message with key `ORDER_3`, and returns another with the same hash, as the reference does.
    private static func keyServers() -> Servers {
        Servers { command, address in
            guard command.requestCode == .queryMessage else { return Golden.answer(command, address) }
            guard let header = try? command.header(QueryMessageHeader.self), header.topic == "GoldenPlain", header.key != "absent" else {
                return .response(.queryNotFound, remark: "can not find message, maybe time range not correct")
            }
            let number = address == Golden.masters["golden-a"] ? 3 : 4
            let stored = [keyed("", number, storedAt: 1_795_235_931_000 - Int64(number)), keyed("", 9)]
            let answer = QueryMessageResponseHeader(indexLastUpdateTimestamp: 1, indexLastUpdateOffset: 2)
            return .response(.success, header: answer, body: stored.flatMap { MessageRecord.encode($0) })
        }
    }

    @Test func messagesByKey() async {
        let servers = Self.keyServers()
        let run = await Run(["queryMsgByKey", "-t", "GoldenPlain", "-k", "x3"], servers: servers)
        #expect(run.output == """
            #Message ID                                        #QID                                  #Offset
            FD03                                                  1                                        3

            """)
        let fields = servers.fields(asked: .queryMessage)
        #expect(fields.count == 2 && fields[0]["maxNum"] == "64" && fields[0]["endTimestamp"] == "9223372036854775807")
        #expect(fields[0]["_UNIQUE_KEY_QUERY"] == "false" && fields[0]["beginTimestamp"] == "0" && fields[0]["key"] == "x3")
        let none = await Run(["queryMsgByKey", "-t", "GoldenPlain", "-k", "absent"], servers: servers)
        #expect(none.output.isEmpty && none.errors.contains("CODE: 208  DESC: query message by key finished, but no message."))
    }

    @Test func messagesByUniqueKey() async {
        let servers = Self.keyServers()
        let run = await Run(["queryMsgByUniqueKey", "-t", "GoldenPlain", "-i", "FD09"], servers: servers)
        #expect(run.output.hasPrefix("Topic:               GoldenPlain\nTags:                [null]\nKeys:                [ORDER_3 x9]\n"))
        #expect(run.output.components(separatedBy: "CommitLog Offset").count == 2, "one message")
        let all = await Run(["queryMsgByUniqueKey", "-t", "GoldenPlain", "-i", "FD09", "-a"], servers: servers)
        #expect(all.output.components(separatedBy: "CommitLog Offset").count == 3 && all.output.contains("msgbodys/FD09_1\n"))
        #expect(servers.fields(asked: .queryMessage)[0]["_UNIQUE_KEY_QUERY"] == "true")
        #expect(servers.fields(asked: .queryMessage)[0]["maxNum"] == "32")
        let none = await Run(["queryMsgByUniqueKey", "-t", "GoldenPlain", "-i", "FD00"], servers: servers)
        #expect(none.errors.contains("CODE: 208"))
    }
}
