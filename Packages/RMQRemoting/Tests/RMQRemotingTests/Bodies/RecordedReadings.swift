import Foundation
import RMQCommon
import RMQTestSupport
import Testing

@testable import RMQRemoting

/// One member of a header or body, and what the reference made of values for it that it did not expect.
struct RecordedMember: Sendable, CustomStringConvertible {
    struct Reading: Sendable {
        /// As it stands in the document; `missing` for none.
        let value: String
        /// What the reference would write for the member after reading it, or `refused`.
        let result: String
    }

    let body: String
    let path: String
    /// With `<>` in the place of the value.
    let document: String
    var readings: [Reading] = []

    var description: String { "\(body) \(path)" }

    func document(with value: String) -> String { document.replacing("<>", with: value) }

    /// The document without the member.
    var documentWithout: String { document.replacing(/"[A-Za-z0-9@]+":<>,?/, with: "") }

    /// The file `json-reading.txt`: a line for each member, and under it, behind a tab, one for each value.
    static var all: [RecordedMember] { get throws { try recorded.get() } }

    private static let recorded = Result {
        var members: [RecordedMember] = []
        for line in try GoldenData.text("cases/json-reading.txt").split(separator: "\n") {
            let parts = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            try #require(parts.count == 3, "\(line)")
            if parts[0].isEmpty {
                members[members.count - 1].readings.append(Reading(value: parts[1], result: parts[2]))
            } else {
                members.append(RecordedMember(body: parts[0], path: parts[1], document: parts[2]))
            }
        }
        return members
    }

    /// What we make of a document; times of just now are a word, so that two readings can be equal.
    func read(_ document: String) throws -> JSONValue {
        let now = WallClock.nowMilliseconds()
        return try Self.read(body, document.replacing(#""now""#, with: String(now))).replacingTimes(around: now)
    }

    private static func read(_ body: String, _ document: String) throws -> JSONValue {
        let bytes = Array(document.utf8)
        switch body {
        case "header": return try header(bytes)
        case "heartbeat": return try HeartbeatData(body: bytes).json
        case "sub": return try SubscriptionData(body: bytes).json
        case "lock": return try LockBatchRequest(body: bytes).json
        case "register": return try RegisterBrokerBody(body: bytes).json
        case "topics": return try TopicConfigTable(body: bytes).json
        case "group": return try SubscriptionGroupConfig(body: bytes).json
        case "groups": return try SubscriptionGroupTable(body: bytes).json
        case "offsets": return try ConsumerOffsetTable(body: bytes).json
        case "kvtable": return try KeyValueTable(body: bytes).json
        case "topiclist": return try TopicList(body: bytes).json
        case "ids": return try ConsumerIdList(body: bytes).json
        case "lockok": return try LockBatchResponse(body: bytes).json
        case "route": return try TopicRouteData(body: bytes).json
        case "cluster": return try ClusterInfo(body: bytes).json
        case "topicstats": return try TopicStatsTable(body: bytes).json
        case "consumestats": return try ConsumeStats(body: bytes).json
        case "cconn": return try ConsumerConnection(body: bytes).json
        case "pconn": return try ProducerConnection(body: bytes).json
        case "qcq": return try ConsumeQueueEntries(body: bytes).json
        default: fatalError("no body is called \(body)")
        }
    }

    private static func header(_ bytes: [UInt8]) throws -> JSONValue {
        let frame = withUnsafeBytes(of: UInt32(bytes.count).bigEndian) { Array($0) } + bytes
        let command = try RemotingCommand.decode(frame: frame)
        var fields = JSONObject()
        for field in command.fields ?? [:] { fields.append(.string(field.name), .string(field.value)) }
        return [
            "code": JSONValue(command.code), "flag": JSONValue(command.flag), "opaque": JSONValue(command.opaque),
            "version": JSONValue(command.version), "language": JSONValue(command.language.description),
            "remark": JSONValue(command.remark), "extFields": .object(fields),
        ]
    }
}

extension JSONValue {
    fileprivate func replacingTimes(around now: Int64) -> JSONValue {
        switch self {
        case .integer(let time) where abs(time - now) < 600_000: "now"
        case .array(let elements): .array(elements.map { $0.replacingTimes(around: now) })
        case .object(let object): .object(JSONObject(object.members.map { ($0.key, $0.value.replacingTimes(around: now)) }))
        default: self
        }
    }
}
