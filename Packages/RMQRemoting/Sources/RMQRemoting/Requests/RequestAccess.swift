internal import RMQCommon

/// What access control asks of a request, a column of the ``RequestTable``.
public enum RequestAccess: Sendable {
    /// An account, whatever its rights.
    case account
    /// An account of an administrator.
    case administrator
    /// An account with rights on the topics and groups that these header fields name.
    case fields(NamedRights)
    /// An account with rights on the topics and groups that are found in the request.
    case rights(@Sendable (RemotingCommand) throws -> [ResourceRight])
}

/// The rights that sends and pulls need, by the header fields with the topic and the group. A field that is absent asks nothing.
public struct NamedRights: Sendable {
    /// What is done with the topic.
    public let right: ResourceRight.Right
    /// The field with the topic; nil for none.
    public let topic: StaticString?
    /// The field with the group; nil for none. Who publishes needs none: a group's retry topic names the group.
    public let group: StaticString?

    /// How ``SignedRequestReader`` knows the two.
    let topicStart, groupStart: UInt64

    public init(_ right: ResourceRight.Right, topic: StaticString?, group: StaticString?) {
        topicStart = topic.map { SignedRequestReader.start(of: $0) } ?? 0
        groupStart = group.map { SignedRequestReader.start(of: $0) } ?? 0
        self.right = right
        self.topic = topic
        self.group = group
    }

    /// What a request needs.
    public func rights(of request: RemotingCommand) -> [ResourceRight] {
        rights(topic: topic.flatMap { request.fields?[$0.description] }, group: group.flatMap { request.fields?[$0.description] })
    }

    /// What a request needs that was read for the fields ``topic`` and ``group``.
    public func rights(of request: SignedRequest) -> [ResourceRight] {
        rights(topic: request.topic.map { String(decoding: $0, as: UTF8.self) }, group: request.group.map { String(decoding: $0, as: UTF8.self) })
    }

    private func rights(topic: String?, group: String?) -> [ResourceRight] {
        switch right {
        case .publish:
            guard let topic else { return [] }
            return [ResourceRight(RetryTopic.isRetry(topic) ? .subscribe : .publish, topic: topic)]
        case .subscribe:
            return [topic.map { ResourceRight(.subscribe, topic: $0) }, group.map { ResourceRight(.subscribe, group: $0) }].compactMap(\.self)
        }
    }
}
