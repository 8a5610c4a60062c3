/// A checked topic name, safe as the name of a folder.
public struct TopicName: Hashable, Sendable, CustomStringConvertible {
    /// In bytes: what the length byte of a record can say.
    public static let byteLimit = 127

    @ByteText public private(set) var text: String

    public init(_ text: String) throws(NameError) {
        try NameCheck.check(text, limit: Self.byteLimit)
        self.text = text
    }

    public var description: String { text }
    public var isSystem: Bool { SystemTopic.isSystem(text) }
}

/// A group name that a client may choose, safe as the name of a file. Brokers take names of any characters.
public struct GroupName: Hashable, Sendable, CustomStringConvertible {
    /// In bytes, as the reference's clients have it.
    public static let byteLimit = 255

    @ByteText public private(set) var text: String

    public init(_ text: String) throws(NameError) {
        try NameCheck.check(text, limit: Self.byteLimit)
        self.text = text
    }

    public var description: String { text }
}
