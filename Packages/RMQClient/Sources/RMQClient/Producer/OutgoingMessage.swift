import RMQCommon
import RMQRemoting

/// A message, or a batch, as it will be written: with its ids, and compressed where that pays.
struct OutgoingMessage: Sendable {
    /// Which request it travels in.
    enum Kind: Sendable { case single, batch, reply }

    let topic: String
    /// What is written for it, beside what all messages to its queue have in common.
    var content: SendTemplate.Message
    let kind: Kind
    let messageIds: MessageIds

    var ids: [String] { messageIds.texts }
    var body: [UInt8] { content.body }
    var isBatch: Bool { kind == .batch }
    var systemFlag: SystemFlag {
        get { SystemFlag(rawValue: content.systemFlag) }
        set { content.systemFlag = newValue.rawValue }
    }

    /// - Parameter threshold: bodies of at least this many bytes are compressed; nil compresses none.
    init(_ message: Message, threshold: Int?, level: Int32) {
        let now = WallClock.nowMilliseconds()
        var body = message.body
        var systemFlag: SystemFlag = []
        // What does not get smaller travels as it is.
        if let threshold, body.count >= threshold, let smaller = try? Zlib.compress(body, level: level), smaller.count < body.count {
            body = smaller
            systemFlag.insert(.compressed)
        }
        let properties: [UInt8]
        (properties, messageIds) = Self.propertyText(message.properties, now: now)
        topic = message.topic
        kind = message.isReply ? .reply : .single
        content = SendTemplate.Message(
            systemFlag: systemFlag.rawValue, bornTimestamp: now, flag: message.flag, properties: properties, body: body)
    }

    /// - Parameter messages: at least one; all of one topic.
    init(batch messages: [Message], namespace: ClientNamespace = ClientNamespace(nil)) throws(ClientError) {
        let now = WallClock.nowMilliseconds()
        var body: [UInt8] = []
        body.reserveCapacity(messages.reduce(0) { $0 + $1.body.count + Self.usualPropertyBytes + BatchBody.fixedByteCount })
        for message in messages {
            do {
                try BatchBody.append(flag: message.flag, body: message.body, to: &body) { _ = Self.append(message.properties, to: &$0, now: now) }
            } catch {
                throw ClientError(.invalidMessage, "the batch cannot be encoded: \(error)")
            }
        }
        topic = messages[0].topic
        kind = .batch
        messageIds = MessageIds(ofBatch: body)
        var properties = PropertyText.pair(PropertyName.waitStoreMessage, messages[0].waitsForStore ? "true" : "false")
        // Of the request: its messages have no place for it.
        if !namespace.isNone { properties += "\u{2}" + PropertyText.pair(PropertyName.instanceId, namespace.name) }
        content = SendTemplate.Message(systemFlag: 0, bornTimestamp: now, flag: 0, properties: Array(properties.utf8), body: body)
    }

    // MARK: Properties

    /// Enough for the id and for a tag and a key or two.
    private static let usualPropertyBytes = 128

    /// The properties with an id.
    private static func propertyText(_ properties: MessageProperties, now: Int64) -> ([UInt8], MessageIds) {
        var text: [UInt8] = []
        text.reserveCapacity(properties.isEmpty ? idEntryBytes : usualPropertyBytes)
        let place = append(properties, to: &text, now: now)
        return (text, MessageIds(in: text, at: place))
    }

    /// Name, separator and an id of the longer form.
    private static let idEntryBytes = 8 + 1 + 56

    /// Adds the text of some properties, and an id where there is none: a message that already has one keeps it, for it is the same
    /// message, sent again.
    /// - Returns: where the id is.
    private static func append(_ properties: MessageProperties, to text: inout [UInt8], now: Int64) -> Range<Int> {
        let start = text.count
        var place: Range<Int>?
        for (name, value) in properties {
            if text.count > start { text.append(PropertyText.pairEnd) }
            text += name.utf8
            text.append(PropertyText.nameEnd)
            if name.isExactly(PropertyName.uniqueKey), !value.utf8.isEmpty { place = text.count..<text.count + value.utf8.count }
            text += value.utf8
        }
        if let place { return place }
        if text.count > start { text.append(PropertyText.pairEnd) }
        text += PropertyName.uniqueKey.utf8
        text.append(PropertyText.nameEnd)
        let idStart = text.count
        UniqueId.append(to: &text, now: now)
        return idStart..<text.count
    }
}
