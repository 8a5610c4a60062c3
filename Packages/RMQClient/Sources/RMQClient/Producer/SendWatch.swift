import RMQCommon
import Synchronization

/// What looks at every try of a producer: the application's interceptors, the trace and the table of slow brokers.
///
/// A producer that has none of them has no watch, and its sends cost nothing for it.
final class SendWatch: Sendable {
    let interceptors: [any SendInterceptor]
    let isTraced: Bool
    /// Nil while latency does not decide about queues.
    private let faults: Mutex<FaultTable?>

    /// Nil when there is nothing to look with.
    init?(_ configuration: ProducerConfiguration, isTraced: Bool) {
        guard isTraced || !configuration.interceptors.isEmpty || configuration.faultAvoidance != nil else { return nil }
        interceptors = configuration.interceptors
        self.isTraced = isTraced
        faults = Mutex(configuration.faultAvoidance.map { FaultTable($0) })
    }

    /// The place of the next queue by the latencies that were seen; nil when these do not decide.
    /// - Parameter queues: of one topic, at least one.
    func nextPlace(among queues: [MessageQueue]) -> Int? { faults.withLock { $0?.nextPlace(among: queues, now: .now) } }

    /// A try at `broker` has ended.
    func note(_ broker: String, after latency: Duration, isFailure: Bool) {
        faults.withLock { $0?.note(broker, latency: latency, isFailure: isFailure, now: .now) }
    }
}

extension Producer {
    /// One try, with all that looks at it.
    /// - Parameter number: counted from 1.
    func perform(
        _ outgoing: OutgoingMessage, to target: PublishTarget, number: Int = 1, from begin: MonotonicInstant, until deadline: MonotonicInstant
    ) async throws(ClientError) -> SendResult {
        guard let watch else { return try await attempt(outgoing, to: target, from: begin, until: deadline) }
        do {
            let result = try await watched(outgoing, to: target, number: number, watch, until: deadline)
            watch.note(target.queue.brokerName, after: .now - begin, isFailure: false)
            return result
        } catch {
            if let isFailure = isFailureOfBroker(error) { watch.note(target.queue.brokerName, after: .now - begin, isFailure: isFailure) }
            throw error
        }
    }

    /// Whether the broker failed; nil when the try says nothing about it.
    private func isFailureOfBroker(_ error: ClientError) -> Bool? {
        // A broker that refuses a message for what it is works well.
        if let code = error.responseCode { return configuration.retryableResponseCodes.contains(code) }
        return error.isConnectionFailure || error.code == .timedOut || error.code == .overloaded || error.code == .malformedAnswer ? true : nil
    }

    private func watched(
        _ outgoing: OutgoingMessage, to target: PublishTarget, number: Int, _ watch: SendWatch, until deadline: MonotonicInstant
    ) async throws(ClientError) -> SendResult {
        guard !watch.interceptors.isEmpty else { return try await traced(outgoing, to: target, until: deadline) }
        let attempt = try begin(outgoing, to: target, number: number, isOneway: false)
        let result = try await intercept(attempt) { attempt in
            try await self.traced(self.changed(outgoing, by: attempt), to: target, until: deadline)
        }
        guard let result else {
            throw ClientError(.refusedByInterceptor, "an interceptor ended a send to \(target.queue) without a result")
        }
        return result
    }

    /// Sends without an answer.
    func performOneway(_ outgoing: OutgoingMessage, to target: PublishTarget, until deadline: MonotonicInstant) async throws(ClientError) {
        guard let watch, !watch.interceptors.isEmpty else { return try await attemptOneway(outgoing, to: target, until: deadline) }
        let attempt = try begin(outgoing, to: target, number: 1, isOneway: true)
        _ = try await intercept(attempt) { attempt in
            try await self.attemptOneway(self.changed(outgoing, by: attempt), to: target, until: deadline)
            return nil
        }
    }

    private func attemptOneway(_ outgoing: OutgoingMessage, to target: PublishTarget, until deadline: MonotonicInstant) async throws(ClientError) {
        try await core.sendOneway(target.template(for: outgoing.kind).command(outgoing.content), to: target.address, timeout: deadline - .now)
    }

    /// The try as the application sees it: under its own names.
    private func begin(_ outgoing: OutgoingMessage, to target: PublishTarget, number: Int, isOneway: Bool) throws(ClientError) -> SendAttempt {
        SendAttempt(
            messages: core.namespace.unwrap(try outgoing.messages), group: core.namespace.unwrap(group), queue: target.shownQueue,
            brokerAddress: target.address, number: number, isOneway: isOneway, isHalfMessage: outgoing.isHalf)
    }

    /// Passes the try through all interceptors to `last`.
    private func intercept(_ attempt: SendAttempt, last: @escaping SendAttempt.Next) async throws(ClientError) -> SendResult? {
        var next = last
        for interceptor in configuration.interceptors.reversed() {
            next = { [next] attempt in try await interceptor.send(attempt, next: next) }
        }
        do {
            return try await next(attempt)
        } catch let error as ClientError {
            throw error
        } catch is CancellationError {
            throw ClientError(.cancelled, "an interceptor was cancelled")
        } catch {
            throw ClientError(.refusedByInterceptor, "an interceptor refused a send to \(attempt.queue): \(error)")
        }
    }

    /// One try with its record in the trace.
    private func traced(_ outgoing: OutgoingMessage, to target: PublishTarget, until deadline: MonotonicInstant) async throws(ClientError) -> SendResult {
        let (time, start) = (WallClock.nowMilliseconds(), MonotonicInstant.now)
        let sent = try await attempt(outgoing, to: target, from: start, until: deadline)
        guard watch?.isTraced == true, let tracer = core.tracer, !tracer.isTrace(outgoing.topic) else { return sent }
        // The broker may have switched tracing off.
        guard let region = sent.tracedRegion else { return sent }
        let cost = (MonotonicInstant.now - start).milliseconds
        let properties = outgoing.messageProperties
        tracer.record(
            .sent(
                TraceRecord.Sent(
                    time: time, region: region, group: core.namespace.unwrap(group), topic: core.namespace.unwrap(outgoing.topic), messageId: sent.messageIds.joined(separator: ","),
                    tags: properties[PropertyName.tags], keys: properties[PropertyName.keys], brokerAddress: target.address,
                    bodyBytes: outgoing.body.count, cost: cost, kind: outgoing.traceKind, offsetMessageId: sent.offsetMessageIds.joined(separator: ","),
                    isSuccess: sent.status == .stored)),
            via: core)
        return sent
    }

    /// What interceptors made of it; itself when they changed nothing.
    private func changed(_ outgoing: OutgoingMessage, by attempt: SendAttempt) throws(ClientError) -> OutgoingMessage {
        let (old, shown) = (try outgoing.messages, attempt.messages)
        guard shown != core.namespace.unwrap(old) else { return outgoing }
        let new = shown.map { core.namespace.wrap($0) }
        guard new.count == old.count, zip(new, old).allSatisfy({ $0.topic.isExactly($1.topic) && $0.uniqueId.isExactly($1.uniqueId) }) else {
            throw ClientError(.refusedByInterceptor, "an interceptor changed the number, the topic or the ids of the messages")
        }
        if outgoing.isBatch {
            try Validation.checkBatch(new, maxBytes: configuration.maxMessageBytes)
            return try OutgoingMessage(batch: new, namespace: core.namespace)
        }
        // What the system set, and is as it was, is no business of the rules for applications.
        var own = new[0]
        for (name, value) in old[0].properties where PropertyName.reserved.contains(name) && own.properties[name].isExactly(value) {
            own.properties[name] = nil
        }
        try Validation.check(own, maxBytes: configuration.maxMessageBytes)
        var message = new[0]
        core.namespace.stamp(&message)
        var changed = OutgoingMessage(unchecked: message, configuration)
        changed.systemFlag.transactionKind = outgoing.systemFlag.transactionKind
        return changed
    }
}

extension OutgoingMessage {
    /// With properties that applications may not set.
    init(unchecked message: Message, _ configuration: ProducerConfiguration) {
        self.init(message, threshold: configuration.compressionThreshold, level: configuration.compressionLevel)
    }

    /// Whether its transaction has yet to end.
    var isHalf: Bool { systemFlag.transactionKind == .prepared }

    /// As the application gave it or them, with their ids.
    var messages: [Message] {
        get throws(ClientError) {
            do {
                if isBatch { return try BatchBody.decode(body, topic: topic) }
                let plain = systemFlag.contains(.compressed)
                    ? try body.withUnsafeBytes { try BodyCompression.restore($0, flag: systemFlag, limit: MessageRecord.decompressedLimit) } : body
                return [Message(topic: topic, body: plain, properties: messageProperties, flag: content.flag)]
            } catch {
                throw ClientError(.invalidMessage, "a message for \(topic) cannot be shown to interceptors: \(error)")
            }
        }
    }

    /// Of a batch none: its messages have their own.
    var messageProperties: MessageProperties { isBatch ? [:] : MessageProperties(decoding: content.properties) }

    fileprivate var traceKind: TraceRecord.Kind {
        if isHalf { return .half }
        let properties = messageProperties
        return properties[PropertyName.delayLevel] == nil && properties[PropertyName.startDeliverTime] == nil ? .ordinary : .delayed
    }
}
