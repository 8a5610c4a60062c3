import RMQCommon

/// Facts as `--json` shows them.
extension JSONValue {
    /// The number that a text is, where JSON writes that number with the same bytes; else the text. For values that travel as text, such as those of a broker.
    static func numberOrText(_ text: String) -> JSONValue {
        if let number = Int64(text), String(number).isExactly(text) { return .integer(number) }
        guard let number = Double(text), JSONValue.double(number).text(.standard).isExactly(text) else { return .string(text) }
        return .double(number)
    }

    /// Milliseconds since 1970; null for 0, which stands for never.
    static func moment(_ milliseconds: Int64) -> JSONValue { milliseconds == 0 ? .null : .integer(milliseconds) }

    /// An object of texts, sorted by name.
    static func table(_ values: [ByteText: String]) -> JSONValue {
        .object(JSONObject(values.sorted { $0.key < $1.key }.map { (.string($0.key.text), numberOrText($0.value)) }))
    }
}

extension JSONObject {
    /// The members that name a queue, and those that tell about it.
    init(_ queue: MessageQueue, _ facts: [(JSONValue, JSONValue)]) {
        let name: [(JSONValue, JSONValue)] = [
            ("topic", .string(queue.topic)), ("brokerName", .string(queue.brokerName)), ("queueId", JSONValue(queue.queueId)),
        ]
        self.init(name + facts)
    }
}
