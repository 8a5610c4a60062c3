/// A message as an application sends it.
public struct Message: Sendable, Equatable {
    /// Where it goes. Checked when it is sent: 1 to 127 letters, digits, `%`, `|`, `-` and `_`.
    @ByteText public var topic: String
    /// The content, never looked at by the system. A message to send needs at least one byte.
    public var body: [UInt8]
    /// Free for the application; the system carries it along.
    public var flag: Int32
    /// Names and values that travel along; the system's own are among them (``PropertyName``).
    public var properties: MessageProperties

    public init(
        topic: String, body: [UInt8], tags: String? = nil, keys: [String] = [], properties: MessageProperties = [:], flag: Int32 = 0
    ) {
        self.topic = topic
        self.body = body
        self.flag = flag
        self.properties = properties
        if let tags { self.tags = tags }
        if !keys.isEmpty { self.keys = keys }
    }

    /// A message whose body is the UTF-8 text.
    public init(
        topic: String, text: String, tags: String? = nil, keys: [String] = [], properties: MessageProperties = [:], flag: Int32 = 0
    ) {
        self.init(topic: topic, body: [UInt8](text.utf8), tags: tags, keys: keys, properties: properties, flag: flag)
    }

    /// The body as UTF-8; what is none is repaired with U+FFFD.
    public var text: String { String(decoding: body, as: UTF8.self) }

    /// The one word by which consumers select; nil for none.
    public var tags: String? {
        get { properties[PropertyName.tags] }
        set { properties[PropertyName.tags] = newValue }
    }

    /// What the message can be looked up by. A key with a space counts as several.
    public var keys: [String] {
        get { properties.keys }
        set { properties.keys = newValue }
    }

    /// Whether the answer to the send waits for flush and replication. True unless the property says otherwise.
    public var waitsForStore: Bool {
        get { !properties[PropertyName.waitStoreMessage].isExactly("false") }
        set { properties[PropertyName.waitStoreMessage] = newValue ? "true" : "false" }
    }

    /// How long the broker keeps the message before consumers see it; 0 delivers it at once.
    ///
    /// The broker's setting `messageDelayLevel` says what a level means. By default, from level 1 on: 1 s, 5 s, 10 s, 30 s,
    /// 1 to 10 min (levels 5 to 14), 20 min, 30 min, 1 h, 2 h (level 18). A higher level counts as the highest. The messages
    /// of a batch cannot be delayed.
    public var delayLevel: Int {
        get { properties[PropertyName.delayLevel].flatMap { Int($0) } ?? 0 }
        set { properties[PropertyName.delayLevel] = newValue > 0 ? String(newValue) : nil }
    }

    /// The id that a producer gives a message when it is first sent; nil before.
    public var uniqueId: String? {
        get { properties[PropertyName.uniqueKey] }
        set { properties[PropertyName.uniqueKey] = newValue }
    }
}

extension MessageProperties {
    /// The business keys, which the text form separates by one space.
    public var keys: [String] {
        get { self[PropertyName.keys]?.split(ascii: PropertyName.keySeparator) ?? [] }
        set { self[PropertyName.keys] = newValue.isEmpty ? nil : newValue.joined(separator: String(PropertyName.keySeparator)) }
    }
}
