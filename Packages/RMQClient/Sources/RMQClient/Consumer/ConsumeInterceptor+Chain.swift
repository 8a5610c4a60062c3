import RMQCommon
import Synchronization

/// Interceptors around a handler, the first one outermost.
struct InterceptorChain: Sendable {
    let interceptors: [any ConsumeInterceptor]

    /// Has messages handled.
    /// - Parameter settled: what counts when an interceptor does not call the next one.
    func run<Result: Sendable>(
        _ messages: [StoredMessage], settled: Result, _ handler: @escaping @Sendable ([StoredMessage]) async throws -> Result
    ) async throws -> Result {
        let decision = Decision(settled)
        try await run(messages, from: 0) { decision.set(try await handler($0)) }
        return decision.value
    }

    private func run(
        _ messages: [StoredMessage], from index: Int, _ last: @escaping @Sendable ([StoredMessage]) async throws -> Void
    ) async throws {
        guard index < interceptors.count else { return try await last(messages) }
        try await interceptors[index].consume(messages) { try await run($0, from: index + 1, last) }
    }

    /// What the handler decided.
    private final class Decision<Value: Sendable>: Sendable {
        private let state: Mutex<Value>
        init(_ value: Value) { state = Mutex(value) }
        var value: Value { state.withLock { $0 } }
        func set(_ value: Value) { state.withLock { $0 = value } }
    }
}
