import RMQCommon

// Handlers of consumers, with their records in the trace. Without tracing they stay as they are.

extension ClientCore {
    /// Has messages handled, and records it.
    /// - Parameters:
    ///   - limit: how long that may take.
    ///   - isSuccess: whether all of them were done with.
    func traced<Result: Sendable>(
        _ messages: [StoredMessage], group: String, limit: Duration, isSuccess: (Result) -> Bool, _ handle: () async throws -> Result
    ) async throws -> Result {
        let span = traceConsuming(messages, group: group, limit: limit)
        do {
            let result = try await handle()
            traceConsumed(span, isSuccess(result) ? .success : .failed)
            return result
        } catch {
            traceConsumed(span, .threw)
            throw error
        }
    }
}

extension ConcurrentConsumption.Handler {
    func traced(by core: ClientCore, group: String, limit: Duration) -> Self {
        guard core.tracer != nil else { return self }
        switch self {
        case .each(let handler):
            return .each { message in
                try await core.traced([message], group: group, limit: limit, isSuccess: { $0.returnLevel == nil }) { try await handler(message) }
            }
        case .batch(let handler):
            return .batch { messages in
                try await core.traced(messages, group: group, limit: limit, isSuccess: { $0.acknowledged >= messages.count }) { try await handler(messages) }
            }
        }
    }
}

extension OrderedConsumption {
    static func traced(_ handler: @escaping Handler, by core: ClientCore, group: String, limit: Duration) -> Handler {
        guard core.tracer != nil else { return handler }
        return { messages in
            try await core.traced(messages, group: group, limit: limit, isSuccess: { $0.suspension == nil }) { try await handler(messages) }
        }
    }
}
