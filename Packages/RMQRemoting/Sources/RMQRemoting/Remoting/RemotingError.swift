/// Why a connection, a server or a request failed.
public enum RemotingError: Error, Equatable, Sendable {
    /// No connection to `address`; `reason` is what the system said.
    case connectFailed(address: String, reason: String)
    /// The peer did not answer request `code` in time.
    case timedOut(address: String, code: Int32, after: Duration)
    /// The connection ended before the answer came.
    case connectionClosed(address: String)
    /// A frame of `bytes` is above `limit`; nothing was sent.
    case frameTooLarge(bytes: Int, limit: Int)
    /// More than `limitBytes` wait to be written to a peer that does not read, or for a connection to it.
    case overloaded(address: String, limitBytes: Int)
    /// `address` is not `host:port`, or its name did not resolve.
    case badAddress(String, reason: String)
    /// The server could not listen on `address`.
    case listenFailed(address: String, reason: String)
    /// Another process (or this one) already listens on `address`.
    case addressInUse(address: String)
    /// The waiting task was cancelled.
    case cancelled
    /// The client or its loops were closed.
    case closed
}

extension RemotingError {
    /// Of a connection that closed; one that was refused before the peer said anything never was one.
    static func lost(_ address: String, _ refusal: String?) -> RemotingError {
        refusal.map { .connectFailed(address: address, reason: $0) } ?? .connectionClosed(address: address)
    }
}

extension RemotingError: CustomStringConvertible {
    /// What happened and, where something can be done, what.
    public var description: String {
        switch self {
        case .connectFailed(let address, let reason): "cannot connect to \(address): \(reason)"
        case .timedOut(let address, let code, let limit): "\(address) did not answer request \(RequestCode(rawValue: code)) within \(limit)"
        case .connectionClosed(let address): "\(address) closed the connection before it answered"
        case .frameTooLarge(let bytes, let limit): "a frame of \(bytes) bytes is above the limit of \(limit)"
        case .overloaded(let address, let limit): "more than \(limit) bytes wait for \(address), which does not read them"
        case .badAddress(let address, let reason): "\"\(address)\" is not an address of the form host:port: \(reason)"
        case .listenFailed(let address, let reason): "binding \(address): \(reason)"
        case .addressInUse(let address): "\(address) is in use; stop what listens there or choose another port"
        case .cancelled: "the waiting task was cancelled"
        case .closed: "the client is closed"
        }
    }
}
