import RMQCommon
import Synchronization

/// Correlation numbers of the requests of this process (the protocol wants one counter per process).
enum Opaque {
    private static let counter = Atomic<Int32>(0)
    /// From 0 on: the numbers below belong to the outboxes of connections.
    static func next() -> Int32 { counter.wrappingAdd(1, ordering: .relaxed).newValue & .max }
}

/// A request on its way out: its encoded frame, its deadline and who waits for the answer. Completes exactly once.
final class OutboundRequest: Sendable {
    typealias Completion = @Sendable (Result<RemotingCommand, RemotingError>) -> Void

    let frame: [UInt8]
    let opaque: Int32
    let code: Int32
    let isOneway: Bool
    let timeout: Duration
    let deadline: MonotonicInstant
    let address: String
    private let completion: Completion
    private let completed = Atomic<Bool>(false)

    /// - Parameter clock: that of the loops which will serve the request.
    init(
        _ command: RemotingCommand, to address: String, timeout: Duration, oneway: Bool = false, clock: MonotonicClock = .system,
        completion: @escaping Completion
    ) {
        var command = command
        command.opaque = Opaque.next()
        if oneway { command.flag |= 2 }
        frame = command.encoded()
        opaque = command.opaque
        code = command.code
        isOneway = oneway
        self.timeout = timeout
        deadline = clock.now() + timeout
        self.address = address
        self.completion = completion
    }

    /// Asks for a connection and for nothing else: it ends well, with an answer that means nothing, as soon as there is one.
    ///
    /// - Parameter code: that of the request for which the connection is needed, for the words of a time-out.
    init(
        connectingTo address: String, code: Int32, from begin: MonotonicInstant, until deadline: MonotonicInstant, completion: @escaping Completion
    ) {
        frame = []
        opaque = 0
        self.code = code
        isOneway = true
        timeout = deadline - begin
        self.deadline = deadline
        self.address = address
        self.completion = completion
    }

    func complete(_ result: Result<RemotingCommand, RemotingError>) {
        guard !completed.exchange(true, ordering: .relaxed) else { return }
        completion(result)
    }

    /// Whether the request has ended: the answer came, or the waiting task was cancelled.
    var isCompleted: Bool { completed.load(ordering: .relaxed) }

    var timedOut: RemotingError { .timedOut(address: address, code: code, after: timeout) }

    /// Starts a request with `start` and waits for its end; a cancelled task stops waiting at once, and what was not yet
    /// written then is never sent.
    static func wait(
        _ command: RemotingCommand, to address: String, timeout: Duration, oneway: Bool = false, clock: MonotonicClock = .system,
        start: @Sendable (OutboundRequest) -> Void
    ) async throws(RemotingError) -> RemotingCommand {
        try await wait(start: start) { completion in
            OutboundRequest(command, to: address, timeout: timeout, oneway: oneway, clock: clock, completion: completion)
        }
    }

    /// The same for the request that `make` makes with the completion it is given.
    static func wait(
        start: @Sendable (OutboundRequest) -> Void, make: (@escaping Completion) -> OutboundRequest
    ) async throws(RemotingError) -> RemotingCommand {
        let waiter = Waiter()
        let request = make { waiter.finish($0) }
        let result = await withTaskCancellationHandler {
            start(request)
            return await waiter.result()
        } onCancel: {
            request.complete(.failure(.cancelled))
        }
        return try result.get()
    }
}

/// Joins a completion with the task that waits for it, whichever comes first.
private final class Waiter: Sendable {
    private typealias Outcome = Result<RemotingCommand, RemotingError>
    private enum State {
        case pending
        case waiting(CheckedContinuation<Outcome, Never>)
        case finished(Outcome)
    }
    private let state = Mutex(State.pending)

    func finish(_ outcome: Result<RemotingCommand, RemotingError>) {
        let continuation: CheckedContinuation<Outcome, Never>? = state.withLock { state in
            if case .waiting(let continuation) = state {
                state = .pending
                return continuation
            }
            state = .finished(outcome)
            return nil
        }
        continuation?.resume(returning: outcome)
    }

    func result() async -> Result<RemotingCommand, RemotingError> {
        await withCheckedContinuation { continuation in
            let outcome: Outcome? = state.withLock { state in
                if case .finished(let outcome) = state { return outcome }
                state = .waiting(continuation)
                return nil
            }
            if let outcome { continuation.resume(returning: outcome) }
        }
    }
}
