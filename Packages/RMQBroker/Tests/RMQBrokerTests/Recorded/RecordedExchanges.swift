import Foundation
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

/// What the recorded clients asked the reference's brokers, and what those answered.
struct RecordedExchanges {
    struct Frame {
        let requestCode: Int32
        let from: String
        let to: String
        let command: RemotingCommand
    }

    private let frames: [Frame]

    init() throws {
        frames = try GoldenData.lines("frames.jsonl").map { line in
            let value = try JSONValue(parsing: line)
            let bytes = try #require(Hex.bytes(value["frame"]?.asString ?? ""))
            return Frame(
                requestCode: value["requestCode"]?.asInt32 ?? -1, from: value["from"]?.asString ?? "", to: value["to"]?.asString ?? "",
                command: try RemotingCommand.decode(frame: Array(bytes[4...])))
        }
    }

    /// The recording's fast port is written `broker-vip`.
    private func isBroker(_ name: String) -> Bool { name.utf8.starts(with: "broker".utf8) }

    /// The codes that the brokers were asked.
    var requestCodes: [Int32] {
        Set(frames.filter { isBroker($0.to) && !$0.command.isResponse }.map(\.requestCode)).sorted()
    }

    func requests(_ code: Int32) -> [RemotingCommand] {
        frames.filter { $0.requestCode == code && isBroker($0.to) && !$0.command.isResponse }.map(\.command)
    }

    /// What the brokers asked producers about their transactions.
    var questions: [RemotingCommand] { frames.filter { $0.requestCode == 39 && isBroker($0.from) }.map(\.command) }

    /// But for refusals of access control, which these brokers did not have.
    func answers(_ code: Int32) -> [RemotingCommand] {
        frames.filter { $0.requestCode == code && isBroker($0.from) && $0.command.isResponse }.map(\.command)
            .filter { $0.remark?.contains("AclException") != true }
    }

    /// What a client answered to a request of a broker.
    func clientAnswer(_ code: Int32) -> RemotingCommand? {
        frames.first { $0.requestCode == code && isBroker($0.to) && $0.command.isResponse }?.command
    }

    /// The longest recorded body of an answer: what the broker that had seen most had.
    func fullestBody(_ code: Int32) -> String {
        answers(code).filter { $0.code == 0 }.map { String(decoding: $0.body, as: UTF8.self) }.max { $0.utf8.count < $1.utf8.count } ?? "{}"
    }
}

/// What an answer looks like, apart from its values.
struct AnswerShape: Equatable, CustomStringConvertible {
    let code: Int32
    let fields: [String]
    let body: BodyShape

    init(_ command: RemotingCommand) {
        code = command.code
        fields = (command.fields?.map(\.name) ?? []).sorted()
        body = BodyShape(command.body)
    }

    /// Whether this may stand for the recorded one; where one of them has an empty list or table, nothing is known of its parts.
    func fits(_ recorded: AnswerShape) -> Bool { code == recorded.code && fields == recorded.fields && body.fits(recorded.body) }

    var description: String { "code \(code), fields \(fields), body \(body)" }
}

/// The kinds of the parts of a body.
indirect enum BodyShape: Equatable, CustomStringConvertible {
    case empty, records, text, number, string, flag, null
    case list(BodyShape?)
    /// Whose keys are data: queues, names, ids.
    case table(BodyShape?)
    case object([String: BodyShape])

    init(_ body: [UInt8]) {
        if body.isEmpty {
            self = .empty
        } else if (try? MessageRecord.decodeAll(body, decompressing: false)).map({ !$0.isEmpty }) == true {
            self = .records
        } else if body.first == UInt8(ascii: "{"), let value = try? JSONValue(parsing: body) {
            self = BodyShape(value, name: "")
        } else {
            self = .text
        }
    }

    /// Objects with names in them.
    private static let tables: Set<String> = [
        "topicConfigTable", "subscriptionGroupTable", "offsetTable", "data", "consumerTable", "mqTable", "subscriptionTable", "statusTable",
        "properties", "correctionOffsets", "table", "consumeStatsList",
    ]

    /// What brokers of ours say besides, and the reference passes over.
    private static let additions: Set<String> = ["logOffset"]

    private init(_ value: JSONValue, name: String) {
        switch value {
        case .null: self = .null
        case .bool: self = .flag
        case .integer, .double: self = .number
        case .string: self = .string
        case .array(let elements): self = .list(elements.map { BodyShape($0, name: name) }.reduce(nil) { BodyShape.joined($0, $1) })
        case .object(let object):
            let values = object.members.map { (key: $0.key.asString, shape: BodyShape($0.value, name: $0.key.asString ?? "")) }
            let namesAreData = Self.tables.contains(name) || object.members.contains { member in
                if case .string = member.key { false } else { true }
            }
            if namesAreData {
                self = .table(values.map(\.shape).reduce(nil) { BodyShape.joined($0, $1) })
            } else {
                self = .object(Dictionary(values.map { ($0.key ?? "", $0.shape) }) { $1 }.filter { !Self.additions.contains($0.key) })
            }
        }
    }

    /// What all elements of a list or table have in common: the first one's, with members that only others have.
    private static func joined(_ left: BodyShape?, _ right: BodyShape) -> BodyShape {
        switch (left, right) {
        case (.object(let left), .object(let right)): .object(left.merging(right) { joined($0, $1) })
        case (.table(let left), .table(let right)): .table(right.map { joined(left, $0) } ?? left)
        case (.list(let left), .list(let right)): .list(right.map { joined(left, $0) } ?? left)
        case (let left?, _): left
        case (nil, _): right
        }
    }

    func fits(_ recorded: BodyShape) -> Bool {
        switch (self, recorded) {
        case (.list(let own), .list(let theirs)), (.table(let own), .table(let theirs)):
            guard let own, let theirs else { return true }
            return own.fits(theirs)
        // A table without entries and an object without members look alike.
        case (.table(nil), .object(let members)), (.object(let members), .table(nil)): return members.isEmpty
        case (.table, .object(let members)), (.object(let members), .table): return members.isEmpty
        case (.object(let own), .object(let theirs)):
            return Set(own.keys) == Set(theirs.keys) && own.allSatisfy { $0.value.fits(theirs[$0.key]!) }
        default: return self == recorded
        }
    }

    var description: String {
        switch self {
        case .empty: "empty"
        case .records: "records"
        case .text: "text"
        case .number: "number"
        case .string: "string"
        case .flag: "flag"
        case .null: "null"
        case .list(let element): "[\(element.map { "\($0)" } ?? "")]"
        case .table(let value): "{…: \(value.map { "\($0)" } ?? "")}"
        case .object(let members): "{" + members.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", ") + "}"
        }
    }
}
