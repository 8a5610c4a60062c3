import CSSL
public import RMQCommon

/// Why TLS cannot be spoken: what is wrong with a key, a certificate or a setting, or why a handshake failed.
public enum TLSError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A file that a key names cannot be used.
    case unusable(key: String, path: String, reason: String)
    /// A key that has to be set is not.
    case missing(key: String, why: String)
    /// The private key is not that of the certificate.
    case mismatch(certificate: String, key: String)
    /// A value that its key does not allow, or the file of `tls.config.file`.
    case settings(ConfigurationError)
    /// The library itself failed.
    case library(reason: String)
    /// The two sides could not agree.
    case handshake(reason: String)

    public var description: String {
        switch self {
        case .unusable(let key, let path, let reason): "\(key)=\(path) cannot be used: \(reason)"
        case .missing(let key, let why): "\(key) is not set, and \(why)"
        case .mismatch(let certificate, let key): "the private key in \(key) is not that of the certificate in \(certificate)"
        case .settings(let error): "\(error)"
        case .library(let reason): "OpenSSL: \(reason)"
        case .handshake(let reason): "TLS: \(reason)"
        }
    }
}

/// OpenSSL keeps what went wrong in a queue of each thread, where the next call would find it.
enum ErrorQueue {
    /// To be called before each call whose result is looked at.
    static func clear() { ERR_clear_error() }

    /// What went wrong, oldest first, and an empty queue; nil when there is nothing in it.
    static func take() -> String? {
        var reasons: [String] = []
        while true {
            let code = ERR_get_error()
            guard code != 0 else { break }
            let text = ERR_reason_error_string(code).map { String(cString: $0) } ?? "error \(code)"
            if reasons.count < 4, !reasons.containsExactly(text) { reasons.append(text) }
        }
        return reasons.isEmpty ? nil : reasons.joined(separator: "; ")
    }

    static var reason: String { take() ?? "no reason given" }
}
