import RMQCommon

/// One record as a line of text or of JSON.
struct RecordFormat {
    var asJSON: Bool
    var withBody: Bool

    /// - Parameter bytes: one record that passed the structural check.
    func line(_ bytes: UnsafeRawBufferPointer) -> String {
        do throws(RecordError) {
            let (message, _) = try MessageRecord.decode(bytes, decompressing: false)
            let isIntact = CRC32.rocketMQ(message.body) == message.bodyCRC
            return asJSON ? json(message, isIntact).text(.standard) : text(message, isIntact)
        } catch {
            return "# \(error)"
        }
    }

    private func text(_ message: StoredMessage, _ isIntact: Bool) -> String {
        var line = "\(message.physicalOffset) \(message.storeSize) \(message.topic) \(message.queueId) \(message.queueOffset) "
            + "\(CalendarTime(milliseconds: message.storeTimestamp).text) body=\(message.body.count)\(isIntact ? "" : " CHECKSUM-DIFFERS")"
        if message.systemFlag.rawValue != 0 { line += " sysflag=\(message.systemFlag.rawValue)" }
        for (name, value) in message.properties { line += " \(name)=\(value)" }
        return withBody ? line + "\n\(body(message))" : line
    }

    private func json(_ message: StoredMessage, _ isIntact: Bool) -> JSONValue {
        var object = JSONObject()
        func add(_ name: String, _ value: JSONValue) { object.append(.string(name), value) }
        add("physicalOffset", JSONValue(message.physicalOffset))
        add("size", JSONValue(message.storeSize))
        add("topic", .string(message.topic))
        add("queueId", JSONValue(message.queueId))
        add("queueOffset", JSONValue(message.queueOffset))
        add("storeTimestamp", JSONValue(message.storeTimestamp))
        add("bornTimestamp", JSONValue(message.bornTimestamp))
        add("bornHost", .string(message.bornHost.description))
        add("storeHost", .string(message.storeHost.description))
        add("flag", JSONValue(message.flag))
        add("sysFlag", JSONValue(message.systemFlag.rawValue))
        add("reconsumeTimes", JSONValue(message.reconsumeTimes))
        add("preparedTransactionOffset", JSONValue(message.preparedTransactionOffset))
        add("messageId", .string(message.offsetMessageId))
        add("bodyLength", JSONValue(message.body.count))
        add("bodyCRC", JSONValue(message.bodyCRC))
        add("bodyIsIntact", .bool(isIntact))
        add("properties", .object(JSONObject(message.properties.map { (JSONValue.string($0.name), JSONValue.string($0.value)) })))
        if withBody { add("body", .string(body(message))) }
        return .object(object)
    }

    /// As text if it is UTF-8 without control characters, otherwise `0x` and hex.
    private func body(_ message: StoredMessage) -> String {
        if let text = String(validating: message.body, as: UTF8.self), !text.unicodeScalars.contains(where: { $0.value < 32 && $0 != "\n" && $0 != "\t" }) {
            return text
        }
        return "0x" + Hex.text(message.body)
    }
}
