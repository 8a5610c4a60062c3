public import RMQRemoting

/// Why a name server did not start.
public enum NameServerError: Error, Equatable, CustomStringConvertible {
    /// Another process listens there, the address is not of this machine, or the port needs privileges.
    case cannotListen(address: String, port: UInt16, reason: String)
    /// Certificates and keys cannot be used.
    case tls(TLSError)
    /// A key asks for something that cannot be given.
    case unsupported(key: String, reason: String)
    /// The accounts cannot be read. A name server without them would let everybody change everything, or nobody anything.
    case accounts(reason: String)

    public var description: String {
        switch self {
        case .cannotListen(let address, let port, let reason): "cannot listen on \(address):\(port) (listenPort and bindAddress say where): \(reason)"
        case .tls(let error): "TLS cannot begin: \(error)"
        case .unsupported(let key, let reason): "configuration key \(key) cannot be honoured: \(reason)"
        case .accounts(let reason): "access control (aclEnable=true) cannot begin: \(reason)"
        }
    }
}
