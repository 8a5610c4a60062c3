import RMQCommon

/// What the roles of a client report to its trace. All of it does nothing while tracing is off.
extension ClientCore {
    /// The messages that one call of a handler gets, and since when it has them.
    struct ConsumeSpan: Sendable {
        fileprivate let record: TraceRecord.Consuming
        fileprivate let start: MonotonicInstant
        /// Of the call, not only of those messages that are traced.
        fileprivate let messageCount: Int
        fileprivate let limit: Duration?
    }

    /// A handler of `group` is about to be called.
    /// - Parameter limit: how long it may take; nil for no matter how long.
    /// - Returns: what ``traceConsumed(_:_:)`` needs when it has ended; nil when there is nothing to trace.
    func traceConsuming(_ messages: [StoredMessage], group: String, limit: Duration? = nil) -> ConsumeSpan? {
        guard let tracer, !messages.isEmpty else { return nil }
        let traced = messages.filter { !$0.properties[PropertyName.traceOn].isExactly("false") }
        guard let last = traced.last, !tracer.isTrace(last.topic) else { return nil }
        let record = TraceRecord.Consuming(
            time: WallClock.nowMilliseconds(), region: last.properties[PropertyName.region], group: namespace.unwrap(group), requestId: UniqueId.make(),
            items: traced.map { message in
                TraceRecord.Consuming.Item(
                    messageId: message.messageId, retries: message.reconsumeTimes, keys: message.properties[PropertyName.keys])
            })
        tracer.record(.consuming(record), via: self)
        return ConsumeSpan(record: record, start: .now, messageCount: messages.count, limit: limit)
    }

    /// The handler has ended: well, or because it failed or threw.
    func traceConsumed(_ span: ConsumeSpan?, _ outcome: TraceRecord.Outcome) {
        guard let tracer, let span else { return }
        let elapsed = MonotonicInstant.now - span.start
        let isLate = outcome != .threw && span.limit.map { $0 <= elapsed } ?? false
        tracer.record(
            .consumed(
                span.record, isSuccess: outcome == .success, outcome: isLate ? .timedOut : outcome,
                cost: elapsed.milliseconds / Int64(span.messageCount), time: WallClock.nowMilliseconds()),
            via: self)
    }
}
