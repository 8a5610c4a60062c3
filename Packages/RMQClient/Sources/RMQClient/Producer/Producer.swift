public import RMQCommon
import RMQRemoting
import Synchronization

/// Sends messages. Any number of tasks may use one producer at once.
///
/// ```swift
/// let producer = try await client.makeProducer(group: "orders-api")
/// try await producer.send(Message(topic: "Orders", text: "hello", tags: "created", keys: ["42"]))
/// try await producer.send(Message(topic: "Orders", text: "paid"), orderingKey: "customer-7")
/// try await producer.send(batch: lines.map { Message(topic: "Audit", text: $0) })
/// ```
///
/// A `send` that returns is stored on a broker; one that throws may be stored too, when the answer was lost. Cancelling
/// the task stops the waiting, not the message.
public final class Producer: Sendable {
    /// The name under which brokers know the producers of one kind.
    public let group: String
    /// As it was given to `makeProducer`.
    public let configuration: ProducerConfiguration
    private let core: ClientCore
    private let retries: RetryPolicy
    /// The turn of each topic.
    private let rotations = Mutex<[ByteText: QueueRotation]>([:])

    init(group: String, configuration: ProducerConfiguration, core: ClientCore) {
        self.group = group
        self.configuration = configuration
        self.core = core
        retries = RetryPolicy(configuration)
    }

    // MARK: Sending

    /// Sends to the next queue of the topic; a broker that fails is avoided by the retries.
    ///
    /// A topic that does not exist is made by the broker, where the cluster allows it.
    /// - Parameter timeout: the whole send with its retries and the search for the route; nil takes the configured one.
    @discardableResult
    public func send(_ message: Message, timeout: Duration? = nil) async throws(ClientError) -> SendResult {
        let message = core.namespace.wrap(message)
        try Validation.check(message, maxBytes: configuration.maxMessageBytes)
        return try await send(outgoing(message), timeout: timeout)
    }

    /// Sends to one queue, without retries.
    @discardableResult
    public func send(_ message: Message, to queue: MessageQueue, timeout: Duration? = nil) async throws(ClientError) -> SendResult {
        let (message, queue) = (core.namespace.wrap(message), core.namespace.wrap(queue))
        try Validation.check(message, maxBytes: configuration.maxMessageBytes)
        guard queue.topic.isExactly(message.topic) else {
            throw ClientError(.invalidMessage, "the message is for topic \(message.topic), the queue belongs to \(queue.topic)")
        }
        return try await attempt(outgoing(message), to: queue, deadline: deadline(timeout)).get()
    }

    /// Sends to the queue that `choose` picks from the topic's queues, which are sorted by broker name and id. Without retries.
    @discardableResult
    public func send(
        _ message: Message, timeout: Duration? = nil, choosing choose: @Sendable ([MessageQueue]) throws -> MessageQueue
    ) async throws(ClientError) -> SendResult {
        let message = core.namespace.wrap(message)
        try Validation.check(message, maxBytes: configuration.maxMessageBytes)
        let deadline = deadline(timeout)
        let queues = try await queues(for: message.topic, deadline: deadline)
        let queue: MessageQueue
        do {
            queue = try choose(core.namespace.unwrap(queues))
        } catch {
            throw ClientError(.invalidMessage, "the queue selector failed: \(error)")
        }
        return try await send(message, to: queue, timeout: deadline - .now)
    }

    /// Messages with equal keys go to the same queue, by the hash of the reference client. Without retries.
    @discardableResult
    public func send(_ message: Message, orderingKey: String, timeout: Duration? = nil) async throws(ClientError) -> SendResult {
        try await send(message, timeout: timeout) { queues in
            queues[OrderingKey.index(of: orderingKey, among: queues.count)]
        }
    }

    /// Sends messages of one topic as one request; they are stored next to each other, or none of them is.
    @discardableResult
    public func send(batch messages: [Message], timeout: Duration? = nil) async throws(ClientError) -> SendResult {
        try await send(outgoing(batch: messages), timeout: timeout)
    }

    /// As `send(batch:)`, to one queue and without retries.
    @discardableResult
    public func send(batch messages: [Message], to queue: MessageQueue, timeout: Duration? = nil) async throws(ClientError) -> SendResult {
        let batch = try outgoing(batch: messages)
        let queue = core.namespace.wrap(queue)
        guard queue.topic.isExactly(batch.topic) else {
            throw ClientError(.invalidMessage, "the batch is for topic \(batch.topic), the queue belongs to \(queue.topic)")
        }
        return try await attempt(batch, to: queue, deadline: deadline(timeout)).get()
    }

    /// Sends without waiting for an answer. Success means that the bytes were handed to a connection, nothing more.
    public func sendOneway(_ message: Message) async throws(ClientError) {
        let message = core.namespace.wrap(message)
        try Validation.check(message, maxBytes: configuration.maxMessageBytes)
        let deadline = deadline(nil)
        let (queue, _) = try await nextQueue(of: message.topic, avoiding: nil, deadline: deadline)
        let address = try await core.master(of: queue, deadline: deadline)
        try await core.sendOneway(command(outgoing(message), queue), to: address)
    }

    /// The queues of a topic that take messages. A topic that does not exist yet has those it would be created with.
    public func queues(for topic: String) async throws(ClientError) -> [MessageQueue] {
        core.namespace.unwrap(try await queues(for: core.namespace.wrap(topic), deadline: deadline(nil)))
    }

    /// Takes the group off the brokers. Sends still work afterwards; the group name is free again.
    public func close() async {
        await core.unregister(producerGroup: group)
    }

    // MARK: The retry loop

    private func send(_ outgoing: OutgoingMessage, timeout: Duration?) async throws(ClientError) -> SendResult {
        let deadline = deadline(timeout)
        var failures: [ClientError.Attempt] = []
        var lastFailed: String?
        var partial: SendResult?
        var number = 1
        while true {
            let (queue, hasAlternative) = try await nextQueue(of: outgoing.topic, avoiding: lastFailed, deadline: deadline)
            let start = MonotonicInstant.now
            guard start < deadline else {
                if let partial { return partial }
                throw giveUp(ClientError(.timedOut, "\(timeout ?? configuration.sendTimeout) are used up"), failures, outgoing.topic)
            }
            let budget = retries.timeout(ofAttempt: number, remaining: deadline - start, hasAlternative: hasAlternative)
            let result = await attempt(outgoing, to: queue, deadline: start + budget)
            let decision = retries.decide(after: outcome(of: result), attempt: number)
            switch result {
            case .success(let sent):
                if decision == .finish { return sent }
                partial = sent
            case .failure(let error):
                failures.append(failedAttempt(at: queue, since: start, error))
                guard decision == .tryAnotherBroker, error.code != .cancelled, error.code != .closed else {
                    if let partial { return partial }
                    throw giveUp(error, failures, outgoing.topic)
                }
                if error.isConnectionFailure { await core.refreshRouteAfterFailure(of: outgoing.topic, deadline: deadline) }
            }
            lastFailed = queue.brokerName
            number += 1
        }
    }

    private func outcome(of result: Result<SendResult, ClientError>) -> RetryPolicy.Outcome {
        switch result {
        case .success(let sent): .accepted(sent.status)
        case .failure(let error): error.responseCode.map { .refused($0) } ?? .unreachable
        }
    }

    private func failedAttempt(at queue: MessageQueue, since start: MonotonicInstant, _ error: ClientError) -> ClientError.Attempt {
        ClientError.Attempt(
            brokerName: queue.brokerName, address: core.routes[queue.topic]?.master(of: queue.brokerName) ?? "no address",
            elapsed: .now - start, reason: error.message)
    }

    private func giveUp(_ last: ClientError, _ attempts: [ClientError.Attempt], _ topic: String) -> ClientError {
        var error = ClientError(
            last.code, "a message for \(topic) was not sent: \(last.message)", responseCode: last.responseCode, remark: last.remark,
            server: last.server)
        error.attempts = attempts
        return error
    }

    private func deadline(_ timeout: Duration?) -> MonotonicInstant { .now + (timeout ?? configuration.sendTimeout) }

    private func queues(for topic: String, deadline: MonotonicInstant) async throws(ClientError) -> [MessageQueue] {
        try Validation.checkTopic(topic)
        let queues = try await core.publishRoute(
            of: topic, template: configuration.automaticTopicTemplate, queueCount: configuration.automaticTopicQueueCount, deadline: deadline
        ).publishQueues
        guard !queues.isEmpty else {
            throw ClientError(.routeNotFound, "topic \(topic) has no queue that takes messages: it is read-only, or no master of its brokers is registered")
        }
        return queues
    }

    /// The next queue, and whether another broker has one too.
    private func nextQueue(
        of topic: String, avoiding lastFailed: String?, deadline: MonotonicInstant
    ) async throws(ClientError) -> (MessageQueue, hasAlternative: Bool) {
        let queues = try await queues(for: topic, deadline: deadline)
        let queue = rotations.withLock { rotations in
            rotations[topic, default: QueueRotation(start: .random(in: 0...1000))].next(of: queues, avoiding: lastFailed)
        }
        // The queues of a broker stand together: with two brokers the ends differ.
        return (queue, !queues[0].brokerName.isExactly(queues[queues.count - 1].brokerName))
    }

    // MARK: One attempt

    private func attempt(
        _ outgoing: OutgoingMessage, to queue: MessageQueue, deadline: MonotonicInstant
    ) async -> Result<SendResult, ClientError> {
        do {
            let address = try await core.master(of: queue, deadline: deadline)
            let response = try await core.request(command(outgoing, queue), to: address, timeout: deadline - .now)
            return .success(try result(response, outgoing, queue, address))
        } catch {
            return .failure(error)
        }
    }

    private func command(_ outgoing: OutgoingMessage, _ queue: MessageQueue) -> RemotingCommand {
        outgoing.command(group: group, queue: queue, configuration: configuration, shortNames: core.configuration.usesShortSendHeader)
    }

    private func result(
        _ response: RemotingCommand, _ outgoing: OutgoingMessage, _ queue: MessageQueue, _ address: String
    ) throws(ClientError) -> SendResult {
        let status: SendResult.Status
        switch response.responseCode {
        case .success: status = .stored
        case .flushDiskTimeout: status = .flushTimedOut
        case .flushSlaveTimeout: status = .replicationTimedOut
        case .slaveNotAvailable: status = .noReplica
        default: throw .refused(response, by: address, asked: "a message for \(queue)")
        }
        let header = try core.read(response, SendMessageResponseHeader.self, address)
        return SendResult(
            status: status, messageIds: outgoing.ids, offsetMessageIds: header.messageId.split(ascii: ","),
            queue: core.namespace.unwrap(MessageQueue(topic: queue.topic, brokerName: queue.brokerName, queueId: header.queueId)), queueOffset: header.queueOffset)
    }

    // MARK: Building

    private func outgoing(_ message: Message) -> OutgoingMessage {
        OutgoingMessage(message, threshold: configuration.compressionThreshold, level: configuration.compressionLevel)
    }

    private func outgoing(batch messages: [Message]) throws(ClientError) -> OutgoingMessage {
        let messages = messages.map { core.namespace.wrap($0) }
        try Validation.checkBatch(messages, maxBytes: configuration.maxMessageBytes)
        let batch = try OutgoingMessage(batch: messages)
        guard batch.body.count <= configuration.maxMessageBytes else {
            throw ClientError(.invalidMessage, "the batch needs \(batch.body.count) bytes, the limit is \(configuration.maxMessageBytes); split it")
        }
        return batch
    }
}
