public import RMQCommon

extension RocketMQClient {
    /// A consumer of `group` that is asked for messages, not yet running; the group must be new to this client.
    public func makeLitePullConsumer(
        group: String, _ configuration: LitePullConfiguration = .init()
    ) async throws(ClientError) -> LitePullConsumer {
        try configuration.check()
        core.warnOfOffsets(of: group, configuration.model)
        return try register(group) { (group) throws(ClientError) in try LitePullConsumer(group: group, configuration: configuration, core: core) }
    }

    /// One pull from one queue, as `group`, outside of any consumer: nothing is shared out, and no offset moves.
    ///
    /// - Parameters:
    ///   - offset: of the first message that is wanted.
    ///   - wait: how long the broker waits for a message when there is none; zero answers at once.
    /// - Returns: also what is no message: the end of the queue, an offset outside of it.
    public func pull(
        from queue: MessageQueue, offset: Int64, maxCount: Int32 = 32, filter: SubscriptionFilter = .all, group: String,
        wait: Duration = .zero
    ) async throws(ClientError) -> PullResult {
        let group = try wrapped(group, .consumer)
        try filter.check()
        guard offset >= 0, maxCount > 0 else {
            throw ClientError(.invalidConfiguration, "a pull begins at 0 or above and asks for a message at least, not \(offset) and \(maxCount)")
        }
        let request = QueuePull(
            group: group, queue: core.namespace.wrap(queue), offset: offset, maxCount: maxCount, filter: filter, subscriptionVersion: 0, committed: nil,
            suspend: wait > .zero ? wait : nil, carriesExpression: true)
        var result = try await core.pull(request, preferring: 0, timeout: wait + Self.pullTimeout)
        result.messages = core.namespace.unwrap(result.messages)
        return result
    }

    /// Beyond what the broker waits for a message.
    private static let pullTimeout = Duration.seconds(10)
}
