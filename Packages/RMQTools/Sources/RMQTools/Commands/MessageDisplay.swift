import RMQClient
import RMQCommon

/// What the commands do with a single message that they found.
enum MessageDisplay {
    /// Shows a message and its tracks, and puts its body into a file.
    /// - Parameter number: of several messages with one id; all but number 0 have it in the name of that file.
    static func show(
        _ message: StoredMessage, number: Int = 0, withOffsetId: Bool = true, _ context: CommandContext
    ) async throws {
        let path = context.bodyFolder + "/" + fileName(of: message) + (number > 0 ? "_\(number)" : "")
        do throws(SystemFailure) {
            try OutputFile.write(message.body, to: path)
        } catch {
            throw CommandFailure.failed("the body cannot be written: \(error)")
        }
        do {
            let tracks = try await context.admin.tracks(of: message)
            show(message, tracks, bodyPath: path, withOffsetId: withOffsetId, context)
        } catch {
            show(message, nil, bodyPath: path, withOffsetId: withOffsetId, context)
            context.note(error)
        }
    }

    /// - Parameter tracks: nil when they are not known.
    private static func show(
        _ message: StoredMessage, _ tracks: [MessageTrack]?, bodyPath: String, withOffsetId: Bool, _ context: CommandContext
    ) {
        var facts = message.facts(text: message.text)
        facts.append("bodyPath", .string(bodyPath))
        facts.append("tracks", tracks.map { JSONValue.array($0.map { json($0) }) } ?? .null)
        context.show(
            .object(facts),
            text: render(message, withOffsetId: withOffsetId, bodyPath: bodyPath, time: context.time) + (tracks.map { render($0) } ?? ""))
    }

    /// The unique id where it is safe as a file name (a sender may write anything there), else the offset id.
    static func fileName(of message: StoredMessage) -> String {
        let id = message.messageId
        let isSafe = !id.isEmpty && id.utf8.count <= 128 && id.utf8.allSatisfy { byte in
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte & 0xDF)
        }
        return isSafe ? id : message.offsetMessageId
    }

    static func render(_ message: StoredMessage, withOffsetId: Bool = true, bodyPath: String, time: LocalTime) -> String {
        let lines: [(String, String)] = [
            ("OffsetID:", message.offsetMessageId), ("Topic:", message.topic), ("Tags:", "[\(message.tags ?? "null")]"),
            ("Keys:", "[\(message.properties[PropertyName.keys] ?? "null")]"), ("Queue ID:", "\(message.queueId)"),
            ("Queue Offset:", "\(message.queueOffset)"), ("CommitLog Offset:", "\(message.physicalOffset)"),
            ("Reconsume Times:", "\(message.reconsumeTimes)"), ("Born Timestamp:", time.milliseconds(message.bornTimestamp)),
            ("Store Timestamp:", time.milliseconds(message.storeTimestamp)), ("Born Host:", "\(message.bornHost)"),
            ("Store Host:", "\(message.storeHost)"), ("System Flag:", "\(message.systemFlag.rawValue)"),
            ("Properties:", ObjectText.properties(message.properties)), ("Message Body Path:", bodyPath),
        ]
        return lines.dropFirst(withOffsetId ? 0 : 1).map { Columns.left($0.0, 20) + " " + $0.1 + "\n" }.joined()
    }

    static func render(_ tracks: [MessageTrack]) -> String {
        "\n\n" + (tracks.isEmpty ? "WARN: No Consumer" : tracks.map(text).joined())
    }

    private static func text(_ track: MessageTrack) -> String {
        "MessageTrack [consumerGroup=\(track.group), trackType=\(track.fate.rawValue), exceptionDesc=\(reason(track) ?? "null")]"
    }

    private static func reason(_ track: MessageTrack) -> String? {
        track.failure.map { failure in
            failure.responseCode.map { "CODE:\($0.rawValue) DESC:\(failure.remark ?? "")" } ?? FailureText(failure).detail
        }
    }

    private static func json(_ track: MessageTrack) -> JSONValue {
        ["consumerGroup": .string(track.group), "trackType": .string(track.fate.rawValue), "exceptionDesc": JSONValue(reason(track))]
    }

    // MARK: Delivery

    /// Has one client consume a message, and shows how that went.
    static func deliver(
        _ message: StoredMessage, _ id: String, to client: String, of group: String, _ context: CommandContext
    ) async throws {
        let delivery = try await context.change {
            try await context.admin.deliver(id, to: client, of: group, at: "\(message.storeHost)")
        }
        context.show(json(delivery, id), text: render(delivery))
    }

    static func render(_ delivery: DirectDelivery) -> String {
        func text(_ value: (some CustomStringConvertible)?) -> String { value?.description ?? "null" }
        return "ConsumeMessageDirectlyResult [order=\(text(delivery.isOrdered)), autoCommit=\(text(delivery.commitsAutomatically)), "
            + "consumeResult=\(text(delivery.result)), remark=\(text(delivery.remark)), spentTimeMills=\(text(delivery.elapsed?.milliseconds))]"
    }

    private static func json(_ delivery: DirectDelivery, _ id: String) -> JSONValue {
        [
            "offsetMsgId": .string(id), "order": delivery.isOrdered.map { .bool($0) } ?? .null,
            "autoCommit": delivery.commitsAutomatically.map { .bool($0) } ?? .null, "consumeResult": JSONValue(delivery.result),
            "remark": JSONValue(delivery.remark), "spentTimeMills": delivery.elapsed.map { .integer($0.milliseconds) } ?? .null,
        ]
    }
}
