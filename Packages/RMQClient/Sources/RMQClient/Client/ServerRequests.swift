import RMQCommon
import RMQRemoting
import Synchronization

/// What servers ask of a client, and who answers: one handler a request code, which the roles of the client register.
///
/// Handlers run off the network's threads and may take their time. A code without a handler is answered as unknown.
final class ServerRequests: Sendable {
    /// One request of a server.
    struct Request: Sendable {
        let command: RemotingCommand
        /// The server that asks, `ip:port`.
        let server: String
    }

    /// Gives the answer; nil gives none. What it throws is answered as a system error.
    typealias Handler = @Sendable (Request) async throws -> RemotingCommand?

    /// Most requests in hand at once: a server that asks faster than the handlers answer must not fill the memory.
    static let mostInHand = 1_024

    private struct State {
        var handlers: [RequestCode: Handler] = [:]
        var inHand = 0
    }

    private let state = Mutex(State())
    private let logger: Logger

    init(logger: Logger) { self.logger = logger }

    /// Sets who answers requests with `code`, from now on.
    func register(_ code: RequestCode, _ handler: @escaping Handler) { state.withLock { $0.handlers[code] = handler } }

    /// Forgets all handlers, and what they hold.
    func close() { state.withLock { $0.handlers = [:] } }

    /// Nil answers nothing.
    func answer(_ command: RemotingCommand, from server: String) async -> RemotingCommand? {
        let code = command.requestCode
        let handler: Handler
        switch begin(code) {
        case .unknown: return .response(.requestCodeNotSupported, remark: "request type \(command.code) is not supported by this client")
        case .full:
            logger.warning("\(server) asks more than this client answers: \(code) is refused while \(Self.mostInHand) requests are in hand")
            return .response(.systemBusy, remark: "this client has \(Self.mostInHand) requests in hand")
        case .begun(let found): handler = found
        }
        defer { state.withLock { $0.inHand -= 1 } }
        do {
            return try await handler(Request(command: command, server: server))
        } catch {
            logger.warning("\(code) of \(server) is not answered well: \(error)")
            return .response(.systemError, remark: "\(error)")
        }
    }

    private enum Begin {
        case begun(Handler)
        case unknown
        case full
    }

    private func begin(_ code: RequestCode) -> Begin {
        state.withLock { state in
            guard let handler = state.handlers[code] else { return .unknown }
            guard state.inHand < Self.mostInHand else { return .full }
            state.inHand += 1
            return .begun(handler)
        }
    }
}
