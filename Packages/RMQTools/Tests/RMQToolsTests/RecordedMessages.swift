import Foundation
import RMQCommon
import RMQRemoting
import RMQTestSupport
@testable import RMQTools
import Testing

/// The messages that recordings show, and servers that hold them.
enum RecordedMessages {
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
    static func messages(of recording: Recording) throws -> [StoredMessage] {
        try recording.output.split(separator: "\n").filter { $0.hasPrefix("MSGID") }.map { try message(String($0)) }
    }

    /// Servers that hold exactly these messages, of which those are found that have one of the tags asked for; every moment lies before them.
    /// - Parameters:
    ///   - end: where queues end, if there are more messages than these.
    ///   - ends: where some queues end.
    ///   - brokers: addresses by name; those of the recorded cluster have four queues, others two.
    static func servers(
        holding messages: [StoredMessage], end longer: Int64 = 0, ends: [MessageQueue: Int64] = [:], brokers: [String: String] = Golden.masters
    ) -> Servers {
        Servers { command, address in
            let broker = brokers.first { $0.value == address }?.key
            let queue = messages.filter { $0.brokerName == broker && "\($0.queueId)" == command.fields?["queueId"] }
            let place = MessageQueue(
                topic: command.fields?["topic"] ?? "", brokerName: broker ?? "", queueId: command.fields?["queueId"].flatMap { Int32($0) } ?? 0)
            let end = ends[place] ?? max(longer, (queue.map(\.queueOffset).max() ?? -1) + 1)
            switch command.requestCode {
            case .getMinOffset, .searchOffsetByTimestamp: return .response(.success, header: OffsetResponseHeader(offset: 0))
            case .getMaxOffset: return .response(.success, header: OffsetResponseHeader(offset: end))
            case .pullMessage: return pull(command, queue, end)
            case .getRouteinfoByTopic where brokers != Golden.masters:
                var route = Golden.route(queues: 2)
                route.queues = brokers.keys.sorted().map { name in
                    var queues = route.queues[0]
                    queues.brokerName = name
                    return queues
                }
                route.brokers = brokers.map { BrokerData(cluster: "GoldenAcl", brokerName: $0.key, addresses: [0: $0.value]) }
                return .response(.success, body: route.body)
            default: return Golden.answer(command, address)
            }
        }
    }

    private static func pull(_ command: RemotingCommand, _ queue: [StoredMessage], _ end: Int64) -> RemotingCommand {
        guard let header = try? command.header(PullMessageHeader.self) else { return .response(.systemError) }
        let tags = (command.fields?["subscription"] ?? "*").components(separatedBy: " || ")
        let found = queue.filter { $0.queueOffset >= header.queueOffset && (tags == ["*"] || tags.contains($0.tags ?? "")) }
            .sorted { $0.queueOffset < $1.queueOffset }.prefix(Int(header.maxMessages))
        let isLast = found.count < header.maxMessages
        let answer = PullMessageResponseHeader {
            $0.suggestedBrokerId = 0
            $0.nextBeginOffset = found.isEmpty || isLast ? max(end, header.queueOffset) : (found.last?.queueOffset ?? 0) + 1
            $0.minOffset = 0
            $0.maxOffset = end
        }
        let bodies = found.map { message in
            var stored = message
            stored.properties["MIN_OFFSET"] = nil
            stored.properties["MAX_OFFSET"] = nil
            return MessageRecord.encode(stored)
        }
        return .response(found.isEmpty ? .pullNotFound : .success, header: answer, body: bodies.flatMap { $0 })
    }

    /// Records made here have the recorded meaning, not always the recorded size: a stored record ends its properties with a separator.
    static func withoutSizes(_ text: String) -> String {
        text.split(separator: "storeSize=").enumerated().map { $0 == 0 ? String($1) : String($1.drop { $0.isNumber }) }.joined()
    }
}
