/// What may be done with the queues of a topic.
public struct Permission: OptionSet, Hashable, Sendable, CustomStringConvertible {
    public let rawValue: Int32
    public init(rawValue: Int32) { self.rawValue = rawValue }

    /// The topic serves as a template for topics made by sending.
    public static let inherit = Permission(rawValue: 1)
    /// Producers may send.
    public static let write = Permission(rawValue: 2)
    /// Consumers may pull.
    public static let read = Permission(rawValue: 4)
    /// Both.
    public static let readWrite: Permission = [.read, .write]

    /// Whether consumers may pull.
    public var isReadable: Bool { contains(.read) }
    /// Whether producers may send.
    public var isWritable: Bool { contains(.write) }
    /// Whether topics that are made by sending take after this one.
    public var isInherited: Bool { contains(.inherit) }

    /// `RW-`, `RWX` and so on.
    public var description: String { (isReadable ? "R" : "-") + (isWritable ? "W" : "-") + (isInherited ? "X" : "-") }
}
