public import RMQCommon
public import RMQRemoting

/// Sends messages that consumers see only when a local transaction was committed.
///
/// ```swift
/// let producer = try await client.makeTransactionProducer(group: "orders-tx") { message in
///     switch await database.state(of: message.messageId) {
///     case .done: .commit
///     case .failed: .rollback
///     case .open: .unknown            // asked again later
///     }
/// }
/// let result = try await producer.send(Message(topic: "Orders", text: order.json)) { transactionId in
///     try await database.insert(order, transactionId) ? .commit : .rollback
/// }
/// ```
///
/// The message is stored first, hidden: a half message. Then the local transaction runs, and the broker is told what became of it. When
/// that is unknown, or the word of it is lost, or this process dies, the broker asks: any producer of the group that is there, so
/// all of them must be able to answer for each other, from what they share (a database). It asks for the first time some seconds after
/// the message (the broker's `transactionTimeOut`, or `CHECK_IMMUNITY_TIME_IN_SECONDS` of the message), then every minute, and gives up
/// after 15 times; the message is never delivered then.
public final class TransactionProducer: Sendable {
    /// The producer of the same group, for messages without a transaction.
    public let producer: Producer
    private let checks: TransactionChecks
    private let core: ClientCore

    init(producer: Producer, check: @escaping @Sendable (StoredMessage) async throws -> TransactionDecision) {
        self.producer = producer
        core = producer.core
        checks = TransactionChecks(group: producer.group, logger: producer.core.logger, check: check)
    }

    /// The name that all producers share which can answer for each other.
    public var group: String { producer.group }

    /// Stores a half message, runs `body`, and tells the broker what it returned.
    ///
    /// A half message that is stored but not as safely as the broker is configured to is rolled back without running `body`. An
    /// error of `body` leaves the decision `unknown`. A delay level is removed: delayed messages cannot be part of a transaction.
    ///
    /// That the broker could not be told is no error: it asks. Cancelling the task does not keep the broker from being told.
    /// - Parameters:
    ///   - timeout: of the send of the half message; nil takes the configured one.
    ///   - body: the local transaction. It gets the transaction's id, which is the message's unique id.
    /// - Throws: when the half message was not sent; `body` did not run then.
    @discardableResult
    public func send(
        _ message: Message, timeout: Duration? = nil, _ body: @Sendable (_ transactionId: String) async throws -> TransactionDecision
    ) async throws(ClientError) -> TransactionResult {
        let half = try outgoing(message)
        let sent = try await producer.send(half, timeout: timeout)
        var decision = TransactionDecision.rollback
        var localError: (any Error)?
        if sent.status == .stored {
            do {
                decision = try await body(sent.messageId)
            } catch {
                decision = .unknown
                localError = error
            }
        }
        let end = TransactionReport(message: half, sent: sent, decision: decision, localError: localError, group: group)
        // In a task of its own, since this one may be cancelled.
        await Task { [core, producer] in await end.tell(core, timeout: producer.configuration.sendTimeout) }.value
        return TransactionResult(send: sent, decision: decision, localError: localError)
    }

    /// Leaves the group. Checks in hand end first, for at most `gracePeriod`; then they are cancelled, and the broker asks somebody else.
    public func close(gracePeriod: Duration = .seconds(10)) async {
        core.transactionProducers.remove(group)
        await producer.close()
        await checks.close(gracePeriod: gracePeriod)
    }

    /// A broker asks about a half message of the group.
    func receive(_ question: CheckQuestion) { checks.add(question, core) }

    private func outgoing(_ message: Message) throws(ClientError) -> OutgoingMessage {
        var message = core.namespace.wrap(message)
        message.delayLevel = 0
        // The application's own properties are checked before ours join them.
        try Validation.check(message, maxBytes: producer.configuration.maxMessageBytes)
        message.properties[PropertyName.transactionPrepared] = "true"
        message.properties[PropertyName.producerGroup] = group
        core.namespace.stamp(&message)
        var half = OutgoingMessage(unchecked: message, producer.configuration)
        half.systemFlag.transactionKind = .prepared
        return half
    }
}

extension RocketMQClient {
    /// A producer of `group` that takes part in transactions; the group must be new to this client.
    ///
    /// Brokers are told of it at once, as far as they can be found, so that they ask it about half messages of the whole group.
    /// - Parameter check: says what became of the transaction of a half message, of any producer of the group. `unknown`, or an error, has
    ///   the broker ask again. Up to 16 checks run at once.
    public func makeTransactionProducer(
        group: String, _ configuration: ProducerConfiguration = .init(),
        check: @escaping @Sendable (StoredMessage) async throws -> TransactionDecision
    ) async throws(ClientError) -> TransactionProducer {
        let producer = TransactionProducer(producer: try await makeProducer(group: group, configuration), check: check)
        core.transactionProducers.add(producer)
        do {
            try await core.refreshRoute(of: configuration.automaticTopicTemplate)
        } catch {
            core.logger.debug("no brokers yet for group \(group): \(error)")
        }
        await core.sendHeartbeats()
        return producer
    }
}
