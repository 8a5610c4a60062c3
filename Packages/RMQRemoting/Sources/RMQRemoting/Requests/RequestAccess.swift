public import RMQCommon

/// What access control asks of a request, a column of the ``RequestTable``.
public enum RequestAccess: Sendable {
    /// An account, whatever its rights.
    case account
    /// An account of an administrator.
    case administrator
    /// An account with rights on the topics and groups that the request names.
    case rights(@Sendable (RemotingCommand) throws -> [ResourceRight])
}

/// A right that a request needs.
public struct ResourceRight: Sendable, Equatable {
    public enum Right: Sendable { case publish, subscribe }

    /// A topic; a group is named by its retry topic.
    public let topic: String
    public let right: Right

    public init(_ right: Right, topic: String) {
        self.right = right
        self.topic = topic
    }

    public init(_ right: Right, group: String) {
        self.init(right, topic: RetryTopic.name(group))
    }

    public static func == (left: ResourceRight, right: ResourceRight) -> Bool {
        left.right == right.right && left.topic.isExactly(right.topic)
    }
}

/// Judges requests before they are handled.
public protocol AccessControl: Sendable {
    /// Called on the loop of the connection; it must not block.
    /// - Throws: a ``Refusal`` when the request's account may not do this.
    func check(_ request: RemotingCommand, needing access: RequestAccess, from remote: HostAddress) throws
}
