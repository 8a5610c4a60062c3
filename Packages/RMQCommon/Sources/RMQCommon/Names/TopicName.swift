/// A checked topic name, safe as the name of a folder.
public struct TopicName: Hashable, Sendable, CustomStringConvertible {
    /// In bytes: what the length byte of a record can say.
    public static let byteLimit = 127

    /// The name as it was given, without a change.
    @ByteText public private(set) var text: String

    /// Checks a name.
    /// - Throws: ``NameError`` when it is empty, too long or has a character that is not allowed.
    public init(_ text: String) throws(NameError) {
        try NameCheck.check(text, limit: Self.byteLimit)
        self.text = text
    }

    public var description: String { text }
    /// Whether the topic belongs to the system, see ``SystemTopic/isSystem(_:)``.
    public var isSystem: Bool { SystemTopic.isSystem(text) }
}

/// A group name that a client may choose, safe as the name of a file. Brokers take names of any characters.
public struct GroupName: Hashable, Sendable, CustomStringConvertible {
    /// In bytes, as the reference's clients have it.
    public static let byteLimit = 255

    /// The name as it was given, without a change.
    @ByteText public private(set) var text: String

    /// Checks a name.
    /// - Throws: ``NameError`` when it is empty, too long or has a character that is not allowed.
    public init(_ text: String) throws(NameError) {
        try NameCheck.check(text, limit: Self.byteLimit)
        self.text = text
    }

    public var description: String { text }
}
