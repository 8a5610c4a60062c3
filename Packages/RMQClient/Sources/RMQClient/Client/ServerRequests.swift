import RMQCommon
import RMQRemoting
import Synchronization

/// What servers ask of a client, and who answers: one handler a request code, which the roles of the client register.
///
/// Handlers run off the network's threads and may take their time; how many run at once is bounded below, where requests arrive
/// (``RemotingClient/mostServerRequests``). A code without a handler is answered as unknown.
final class ServerRequests: Sendable {
    /// One request of a server.
    struct Request: Sendable {
        let command: RemotingCommand
        /// The server that asks, `ip:port`.
        let server: String
    }

    /// Gives the answer; nil gives none. What it throws is answered as a system error.
    typealias Handler = @Sendable (Request) async throws -> RemotingCommand?

    private let handlers = Mutex<[RequestCode: Handler]>([:])
    private let logger: Logger

    init(logger: Logger) { self.logger = logger }

    /// Sets who answers requests with `code`, from now on.
    func register(_ code: RequestCode, _ handler: @escaping Handler) { handlers.withLock { $0[code] = handler } }

    /// Forgets all handlers, and what they hold.
    func close() { handlers.withLock { $0 = [:] } }

    /// Nil answers nothing.
    func answer(_ command: RemotingCommand, from server: String) async -> RemotingCommand? {
        let code = command.requestCode
        guard let handler = handlers.withLock({ $0[code] }) else {
            return .response(.requestCodeNotSupported, remark: "request type \(command.code) is not supported by this client")
        }
        do {
            return try await handler(Request(command: command, server: server))
        } catch {
            logger.warning("\(code) of \(server) is not answered well: \(error)")
            return .response(.systemError, remark: "\(error)")
        }
    }
}
