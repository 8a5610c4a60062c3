import RMQCommon

/// A right that a request needs.
public struct ResourceRight: Sendable, Equatable {
    /// What may be done with a topic.
    public enum Right: Sendable { case publish, subscribe }

    /// A topic; a group is named by its retry topic.
    public let topic: String
    /// What the request does with it.
    public let right: Right

    /// A right on a topic itself.
    public init(_ right: Right, topic: String) {
        self.right = right
        self.topic = topic
    }

    /// A right on a consumer group.
    public init(_ right: Right, group: String) {
        self.init(right, topic: RetryTopic.name(group))
    }

    public static func == (left: ResourceRight, right: ResourceRight) -> Bool {
        left.right == right.right && left.topic.isExactly(right.topic)
    }
}
