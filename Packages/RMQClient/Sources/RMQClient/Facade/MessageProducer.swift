import RMQCommon

// What application code depends on that sends and receives, and need not know by what. A program is given a client's producers and
// consumers, its tests those of an `InMemoryMessaging`.

/// Sends messages.
public protocol MessageProducer: Sendable {
    /// Sends a message, and returns once it is stored.
    /// - Returns: the id of the message.
    /// - Throws: when it is not known to be stored. It may be all the same.
    @discardableResult
    func publish(_ message: Message) async throws -> String
}

/// Receives messages as a member of a group, which shares them.
public protocol MessageConsumer: Sendable {
    /// Asks for the messages of a topic: those with one of these tags, or all.
    func subscribe(to topic: String, tags: [String]?) async throws

    /// Hands each message to `handler` until the consumer is stopped or the task is cancelled. Once for each consumer.
    ///
    /// A handler that returns is done with the message. One that throws gets it again, or another member does; after too many times the message is
    /// set aside as a dead letter.
    func consume(_ handler: @escaping @Sendable (StoredMessage) async throws -> Void) async throws

    /// Ends ``consume(_:)``, after the handlers that are at work.
    func stop() async
}

extension Producer: MessageProducer {
    @discardableResult
    public func publish(_ message: Message) async throws(ClientError) -> String { try await send(message).messageId }
}

extension PushConsumer: MessageConsumer {
    public func subscribe(to topic: String, tags: [String]?) async throws(ClientError) {
        try await subscribe(to: topic, tags.map { SubscriptionFilter.tags(Set(texts: $0)) } ?? .all)
    }

    public func consume(_ handler: @escaping @Sendable (StoredMessage) async throws -> Void) async throws(ClientError) {
        try await run { message in
            try await handler(message)
            return .success
        }
    }

    public func stop() async { await close() }
}
