public import RMQRemoting

/// Why a broker cannot start.
public enum BrokerError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A table of `<store>/config` and its backup cannot be read. Starting without it would lose what it holds.
    case unreadableTable(path: String, reason: String)
    case store(reason: String)
    case cannotListen(address: String, reason: String)
    case badAddress(key: String, value: String)
    /// Certificates and keys cannot be used.
    case tls(TLSError)
    /// The accounts cannot be read. A broker without them would let everybody do everything, or nobody anything.
    case accounts(reason: String)

    /// Keys that contradict each other.
    case contradiction(reason: String)

    public var description: String {
        switch self {
        case .unreadableTable(let path, let reason): "cannot read \(path) nor its backup: \(reason)"
        case .store(let reason), .contradiction(let reason): reason
        case .accounts(let reason): "access control (aclEnable=true) cannot begin: \(reason)"
        case .tls(let error): "TLS cannot begin: \(error)"
        case .cannotListen(let address, let reason): "cannot listen on \(address) (listenPort and bindAddress say where): \(reason)"
        case .badAddress(let key, let value): "\(key)=\(value) is not allowed; allowed: an IPv4 or IPv6 address, or a host name that has one"
        }
    }
}
