/// A checked topic name, safe as the name of a folder.
public struct TopicName: Hashable, Sendable, CustomStringConvertible {
    public static let byteLimit = 127

    public let text: String

    public init(_ text: String) throws(NameError) {
        try NameCheck.check(text, limit: Self.byteLimit)
        self.text = text
    }

    public var description: String { text }
    public var isSystem: Bool { SystemTopic.isSystem(text) }
}

/// A checked group name, safe as the name of a file.
public struct GroupName: Hashable, Sendable, CustomStringConvertible {
    public static let byteLimit = 255

    public let text: String

    public init(_ text: String) throws(NameError) {
        try NameCheck.check(text, limit: Self.byteLimit)
        self.text = text
    }

    public var description: String { text }
}
