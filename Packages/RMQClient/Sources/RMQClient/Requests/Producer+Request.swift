public import RMQCommon

extension Producer {
    /// Sends a request and waits for its reply, which some consumer of the topic makes with `StoredMessage.reply(body:)`.
    ///
    /// ```swift
    /// let answer = try await producer.request(Message(topic: "Prices", text: "sku-1"), timeout: .seconds(2))
    /// print(answer.text)
    /// ```
    ///
    /// A request is an ordinary message: it is stored, consumed at least once, and consumed too when nobody waits for the reply any more.
    /// Only the first reply counts.
    /// - Parameter timeout: for everything: the route, the send with its retries, and the reply.
    /// - Returns: the reply. It comes past the queues, so it has no offsets.
    /// - Throws: `requestTimedOut` when there is no reply in time; else what kept the request from being sent.
    public func request(_ message: Message, timeout: Duration = .seconds(3)) async throws(ClientError) -> StoredMessage {
        try await request(message, timeout) { (outgoing, deadline) throws(ClientError) in
            _ = try await self.send(outgoing, timeout: deadline - .now)
        }
    }

    /// As ``request(_:timeout:)``, to one queue and without retries.
    public func request(_ message: Message, to queue: MessageQueue, timeout: Duration = .seconds(3)) async throws(ClientError) -> StoredMessage {
        let (message, queue) = (core.namespace.wrap(message), core.namespace.wrap(queue))
        guard queue.topic.isExactly(message.topic) else {
            throw ClientError(.invalidMessage, "the request is for topic \(message.topic), the queue belongs to \(queue.topic)")
        }
        return try await request(message, timeout) { (outgoing, deadline) throws(ClientError) in
            _ = try await self.send(outgoing, to: queue, timeout: deadline - .now)
        }
    }

    /// As ``request(_:timeout:)``, to the queue that `selector` picks and without retries.
    public func request(
        _ message: Message, selecting selector: QueueSelector, timeout: Duration = .seconds(3)
    ) async throws(ClientError) -> StoredMessage {
        let deadline = MonotonicInstant.now + timeout
        let queues = core.namespace.unwrap(try await targets.queues(for: core.namespace.wrap(message.topic), deadline: deadline))
        let queue: MessageQueue
        do {
            queue = try selector.choose(queues)
        } catch {
            throw ClientError(.invalidMessage, "the queue selector failed: \(error)")
        }
        return try await request(message, to: queue, timeout: deadline - .now)
    }

    private typealias Send = @Sendable (_ outgoing: OutgoingMessage, _ deadline: MonotonicInstant) async throws(ClientError) -> Void

    private func request(_ message: Message, _ timeout: Duration, send: @escaping Send) async throws(ClientError) -> StoredMessage {
        let deadline = MonotonicInstant.now + timeout
        let message = core.namespace.wrap(message)
        try Validation.check(message, maxBytes: configuration.maxMessageBytes)
        let correlationId = CorrelationId.make()
        var request = message
        request.properties[PropertyName.correlationId] = correlationId
        request.properties[PropertyName.replyToClient] = core.clientId
        request.properties[PropertyName.timeToLive] = String(max(0, timeout.milliseconds))
        core.namespace.stamp(&request)
        let outgoing = OutgoingMessage(unchecked: request, configuration)
        try await meetBrokers(of: message.topic, deadline: deadline)
        let waiter = try core.replies.add(correlationId)
        defer { core.replies.remove(correlationId) }
        let timedOut = ClientError(.requestTimedOut, "nobody replied to a request to topic \(message.topic) within \(timeout)")
        return try await Self.outcome(of: waiter, until: deadline, orElse: timedOut) { () throws(ClientError) in
            try await send(outgoing, deadline)
        }.get()
    }

    /// The first of: the reply, a send that failed, the deadline, the cancellation of the task.
    private static func outcome(
        of waiter: ReplyWaiter, until deadline: MonotonicInstant, orElse timedOut: ClientError,
        send: @escaping @Sendable () async throws(ClientError) -> Void
    ) async -> ReplyWaiter.Outcome {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                do throws(ClientError) {
                    try await send()
                } catch {
                    // That no broker confirmed the request does not mean that nobody has it.
                    if error.code != .timedOut { waiter.finish(.failure(error)) }
                }
            }
            group.addTask {
                guard (try? await Task.sleep(for: max(.zero, deadline - .now))) != nil else { return }
                waiter.finish(.failure(timedOut))
            }
            let outcome = await waiter.outcome()
            group.cancelAll()
            return outcome
        }
    }

    /// Has the brokers that may get the reply know this client. They are those of the topic, and those that create topics on demand:
    /// a replier sends to any broker of its cluster.
    private func meetBrokers(of topic: String, deadline: MonotonicInstant) async throws(ClientError) {
        _ = try await targets.queues(for: topic, deadline: deadline)
        let template = configuration.automaticTopicTemplate
        if core.routes[template] == nil, core.routes.mayAskAfterFailure(template) {
            do {
                try await core.refreshRoute(of: template, deadline: deadline)
            } catch {
                core.logger.debug("route of \(template) not found: \(error)")
            }
        }
        await core.introduce(until: deadline)
    }
}
