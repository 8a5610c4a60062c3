public import RMQCommon

extension RocketMQClient {
    /// A consumer of `group` that is asked for messages, not yet running; the group must be new to this client.
    public func makeLitePullConsumer(
        group: String, _ configuration: LitePullConfiguration = .init()
    ) async throws(ClientError) -> LitePullConsumer {
        try Validation.checkGroup(group, role: .consumer)
        try configuration.check()
        guard !core.isClosed else { throw .closedClient }
        let consumer = try LitePullConsumer(group: group, configuration: configuration, core: core)
        guard core.groups.add(consumer) else { throw Self.taken(group, "consumer") }
        maintenance.start()
        return consumer
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
        try Validation.checkGroup(group, role: .consumer)
        try filter.check()
        guard offset >= 0, maxCount > 0 else {
            throw ClientError(.invalidConfiguration, "a pull begins at 0 or above and asks for a message at least, not \(offset) and \(maxCount)")
        }
        let request = QueuePull(
            group: group, queue: queue, offset: offset, maxCount: maxCount, filter: filter, subscriptionVersion: 0, committed: nil,
            suspend: wait > .zero ? wait : nil, carriesExpression: true)
        return try await core.pull(request, preferring: 0, timeout: wait + Self.pullTimeout)
    }

    /// Beyond what the broker waits for a message.
    private static let pullTimeout = Duration.seconds(10)
}
