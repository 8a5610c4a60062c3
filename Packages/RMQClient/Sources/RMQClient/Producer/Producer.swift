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
    let core: ClientCore
    /// What looks at each try; nil when nothing does.
    let watch: SendWatch?
    private let retries: RetryPolicy
    /// Where its messages go.
    let targets: TargetTable
    private let sendTimeoutNanoseconds: Int64

    /// - Parameter isTraced: false for the sends of the trace itself.
    init(group: String, configuration: ProducerConfiguration, core: ClientCore, isTraced: Bool = true) {
        self.group = group
        self.configuration = configuration
        self.core = core
        watch = SendWatch(configuration, isTraced: isTraced && core.tracer != nil)
        targets = TargetTable(of: group, configuration, core, watch: watch)
        retries = RetryPolicy(configuration)
        sendTimeoutNanoseconds = configuration.sendTimeout.nanoseconds
    }

    // MARK: Sending

    /// Sends to the next queue of the topic; a broker that fails is avoided by the retries.
    ///
    /// A topic that does not exist is made by the broker, where the cluster allows it.
    /// - Parameter timeout: the whole send with its retries and the search for the route; nil takes the configured one.
    @discardableResult
    public func send(_ message: Message, timeout: Duration? = nil) async throws(ClientError) -> SendResult {
        let outgoing = try outgoing(message)
        let first = firstAttempt(outgoing, timeout: timeout)
        if let first {
            await first.peer.run(first.request)
            if let sent = finished(first, outgoing) { return sent }
        }
        return try await send(outgoing, timeout: timeout, after: first)
    }

    /// Sends to one queue, without retries.
    @discardableResult
    public func send(_ message: Message, to queue: MessageQueue, timeout: Duration? = nil) async throws(ClientError) -> SendResult {
        let outgoing = try outgoing(message)
        return try await send(outgoing, to: known(queue, outgoing), timeout: timeout)
    }

    /// Sends to the queue that `choose` picks from the topic's queues, which are sorted by broker name and id. Without retries.
    @discardableResult
    public func send(
        _ message: Message, timeout: Duration? = nil, choosing choose: @Sendable ([MessageQueue]) throws -> MessageQueue
    ) async throws(ClientError) -> SendResult {
        let deadline = deadline(timeout)
        let outgoing = try outgoing(message)
        let queues = try await targets.queues(for: outgoing.topic, deadline: deadline)
        let queue = try known(QueueSelector.pick(among: core.namespace.unwrap(queues), by: choose), outgoing)
        return try await perform(outgoing, to: targets.target(queue, deadline: deadline), from: .now, until: deadline)
    }

    /// The queue of a message as brokers know it. Replies go to a topic of the cluster, which has no namespace.
    func known(_ queue: MessageQueue, _ outgoing: OutgoingMessage) throws(ClientError) -> MessageQueue {
        let known = outgoing.kind == .reply ? queue : core.namespace.wrap(queue)
        guard known.topic.isExactly(outgoing.topic) else {
            throw ClientError(
                .invalidMessage, "the message is for topic \(core.namespace.unwrap(outgoing.topic)), the queue belongs to \(queue.topic)")
        }
        return known
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
        return try await send(batch, to: known(queue, batch), timeout: timeout)
    }

    /// Sends without waiting for an answer. Success means that the bytes were handed to a connection, nothing more.
    public func sendOneway(_ message: Message) async throws(ClientError) {
        let outgoing = try outgoing(message)
        let deadline = deadline(nil)
        let draw = if let known = targets.nextKnownQueue(of: outgoing.topic, avoiding: nil) { known } else {
            try await targets.nextQueue(of: outgoing.topic, avoiding: nil, deadline: deadline)
        }
        let target = if let target = draw.target { target } else { try await targets.resolve(draw, of: outgoing.topic, deadline: deadline) }
        try await performOneway(outgoing, to: target, until: deadline)
    }

    /// The queues of a topic that take messages. A topic that does not exist yet has those it would be created with.
    public func queues(for topic: String) async throws(ClientError) -> [MessageQueue] {
        core.namespace.unwrap(try await targets.queues(for: core.namespace.wrap(topic), deadline: deadline(nil)))
    }

    /// Takes the group off the brokers. Sends still work afterwards; the group name is free again.
    public func close() async {
        await core.unregister(producerGroup: group)
    }

    // MARK: The usual send

    /// Sends what was checked. The same is written out in `send(_ message:)`, whose tasks keep less in memory for it.
    func send(_ outgoing: OutgoingMessage, timeout: Duration?) async throws(ClientError) -> SendResult {
        let first = firstAttempt(outgoing, timeout: timeout)
        if let first {
            await first.peer.run(first.request)
            if let sent = finished(first, outgoing) { return sent }
        }
        return try await send(outgoing, timeout: timeout, after: first)
    }

    /// A try to send to a queue that is known, with all that it needs at hand: nearly every send is one of these and nothing else.
    private struct FirstAttempt: Sendable {
        let target: PublishTarget
        let peer: RemotingPeer
        let request: PendingRequest
        /// Of the whole send.
        let deadline: MonotonicInstant
    }

    /// Nil when the route has to be looked at first, when something looks at each try, or when no time is left.
    private func firstAttempt(_ outgoing: OutgoingMessage, timeout: Duration?) -> FirstAttempt? {
        guard watch == nil, !core.isClosed, let target = targets.nextKnownTarget(of: outgoing.topic), let peer = target.peer else { return nil }
        let begin = MonotonicInstant.now
        let deadline = deadline(timeout, from: begin)
        guard begin < deadline else { return nil }
        let end = end(ofAttempt: 1, begin, deadline, target.hasAlternative)
        return FirstAttempt(target: target, peer: peer, request: request(outgoing, to: target, from: begin, until: end), deadline: deadline)
    }

    /// The result, when the message is stored as wished.
    private func finished(_ attempt: FirstAttempt, _ outgoing: OutgoingMessage) -> SendResult? {
        guard case .stored(let answer) = attempt.request.outcome, answer.code == .success || !configuration.retriesUnlessFullyStored else { return nil }
        return SendResult(answer, ids: outgoing.messageIds, askedFor: attempt.target.shownQueue)
    }

    private func request(
        _ outgoing: OutgoingMessage, to target: PublishTarget, from begin: MonotonicInstant, until end: MonotonicInstant
    ) -> PendingRequest {
        PendingRequest(sending: outgoing.content, by: target.template(for: outgoing.kind), from: begin, until: end)
    }

    // MARK: The retry loop

    /// - Parameter first: the first try, which has ended otherwise than well.
    private func send(_ outgoing: OutgoingMessage, timeout: Duration?, after first: FirstAttempt?) async throws(ClientError) -> SendResult {
        var first = first
        var begin = first?.request.begin ?? .now
        let deadline = first?.deadline ?? self.deadline(timeout, from: begin)
        var failures: [ClientError.Attempt] = []
        var lastFailed: String?
        var partial: SendResult?
        var number = 1
        while true {
            var known = first.map { QueueDraw($0.target) } ?? targets.nextKnownQueue(of: outgoing.topic, avoiding: lastFailed)
            if known == nil {
                do {
                    known = try await targets.nextQueue(of: outgoing.topic, avoiding: lastFailed, deadline: deadline)
                } catch {
                    if let partial { return partial }
                    throw failures.isEmpty ? error : giveUp(error, failures, outgoing.topic)
                }
                begin = .now
            }
            guard let draw = known, begin < deadline else {
                if let partial { return partial }
                throw giveUp(ClientError(.timedOut, "\(timeout ?? configuration.sendTimeout) are used up"), failures, outgoing.topic)
            }
            do {
                let sent: SendResult
                if let first {
                    sent = try result(of: first.request, outgoing, first.target)
                } else {
                    let end = end(ofAttempt: number, begin, deadline, draw.hasAlternative)
                    let target = if let target = draw.target { target } else { try await targets.resolve(draw, of: outgoing.topic, deadline: end) }
                    sent = try await perform(outgoing, to: target, number: number, from: begin, until: end)
                }
                guard retries.decide(after: .accepted(sent.status), attempt: number) == .tryAnotherBroker else { return sent }
                partial = sent
            } catch {
                failures.append(failedAttempt(at: draw, since: begin, error))
                let outcome = error.responseCode.map { RetryPolicy.Outcome.refused($0) } ?? .unreachable
                guard retries.decide(after: outcome, attempt: number) == .tryAnotherBroker, error.code != .cancelled, error.code != .closed else {
                    if let partial { return partial }
                    throw giveUp(error, failures, outgoing.topic)
                }
                if error.isConnectionFailure { await core.refreshRouteAfterFailure(of: outgoing.topic, deadline: deadline) }
            }
            first = nil
            lastFailed = draw.queue.brokerName
            number += 1
            begin = .now
        }
    }

    private func end(
        ofAttempt number: Int, _ begin: MonotonicInstant, _ deadline: MonotonicInstant, _ hasAlternative: Bool
    ) -> MonotonicInstant {
        hasAlternative ? begin + retries.timeout(ofAttempt: number, remaining: deadline - begin, hasAlternative: true) : deadline
    }

    private func failedAttempt(at draw: QueueDraw, since start: MonotonicInstant, _ error: ClientError) -> ClientError.Attempt {
        ClientError.Attempt(
            brokerName: draw.queue.brokerName, address: draw.target?.address ?? draw.address ?? "no address", elapsed: .now - start,
            reason: error.message)
    }

    private func giveUp(_ last: ClientError, _ attempts: [ClientError.Attempt], _ topic: String) -> ClientError {
        var error = ClientError(
            last.code, "a message for \(topic) was not sent: \(last.message)", responseCode: last.responseCode, remark: last.remark,
            server: last.server)
        error.attempts = attempts
        return error
    }

    func deadline(_ timeout: Duration?, from begin: MonotonicInstant = .now) -> MonotonicInstant {
        begin.advanced(nanoseconds: timeout?.nanoseconds ?? sendTimeoutNanoseconds)
    }

    // MARK: One attempt

    func send(_ outgoing: OutgoingMessage, to queue: MessageQueue, timeout: Duration?) async throws(ClientError) -> SendResult {
        let begin = MonotonicInstant.now
        let deadline = deadline(timeout, from: begin)
        return try await perform(outgoing, to: targets.target(queue, deadline: deadline), from: begin, until: deadline)
    }

    /// One try, without what looks at it.
    func attempt(
        _ outgoing: OutgoingMessage, to target: PublishTarget, from begin: MonotonicInstant, until deadline: MonotonicInstant
    ) async throws(ClientError) -> SendResult {
        let template = target.template(for: outgoing.kind)
        guard let peer = target.peer else {
            let answer = try await core.request(template.command(outgoing.content), to: target.address, timeout: deadline - .now)
            return try accepted(answer, outgoing, target)
        }
        guard !core.isClosed else { throw .closedClient }
        guard begin < deadline else { throw ClientError(.timedOut, "no time was left to ask \(target.address) for \(template.code)") }
        let request = request(outgoing, to: target, from: begin, until: deadline)
        await peer.run(request)
        return try result(of: request, outgoing, target)
    }

    private func result(of request: PendingRequest, _ outgoing: OutgoingMessage, _ target: PublishTarget) throws(ClientError) -> SendResult {
        switch request.outcome {
        case .stored(let answer): return SendResult(answer, ids: outgoing.messageIds, askedFor: target.shownQueue)
        case .other(let answer): return try accepted(answer, outgoing, target)
        case .failed(let error): throw ClientError(error)
        case .pulled: preconditionFailure("a send is not answered as a pull")
        }
    }

    private func accepted(_ answer: RemotingCommand, _ outgoing: OutgoingMessage, _ target: PublishTarget) throws(ClientError) -> SendResult {
        switch answer.responseCode {
        case .success, .flushDiskTimeout, .flushSlaveTimeout, .slaveNotAvailable: break
        default: throw .refused(answer, by: target.address, asked: "a message for \(target.queue)")
        }
        let header = try core.read(answer, SendMessageResponseHeader.self, target.address)
        return SendResult(StoredAnswer(code: answer.responseCode, header), ids: outgoing.messageIds, askedFor: target.shownQueue)
    }

    // MARK: Building

    /// Checked but for its topic, which is when its route is looked for.
    func outgoing(_ message: Message) throws(ClientError) -> OutgoingMessage {
        try Validation.checkContent(message, maxBytes: configuration.maxMessageBytes)
        var message = core.namespace.wrap(message)
        core.namespace.stamp(&message)
        return OutgoingMessage(message, threshold: configuration.compressionThreshold, level: configuration.compressionLevel)
    }

    private func outgoing(batch messages: [Message]) throws(ClientError) -> OutgoingMessage {
        let messages = messages.map { core.namespace.wrap($0) }
        try Validation.checkBatch(messages, maxBytes: configuration.maxMessageBytes)
        let batch = try OutgoingMessage(batch: messages, namespace: core.namespace)
        guard batch.body.count <= configuration.maxMessageBytes else {
            throw ClientError(.invalidMessage, "the batch needs \(batch.body.count) bytes, the limit is \(configuration.maxMessageBytes); split it")
        }
        return batch
    }
}
