import CSSL
import RMQCommon
import Synchronization

/// A server that a client speaks TLS with: the name that its certificate has to have, and the last session, which the next connection goes on with.
final class TLSServerName: Sendable {
    private let host: String
    private let isVerified: Bool

    private struct Session: @unchecked Sendable {
        // Sendable: its counter of references is atomic, and nothing in it changes.
        let raw: OpaquePointer
        let context: ObjectIdentifier
    }
    private let last = Mutex<Session?>(nil)

    /// - Parameters:
    ///   - host: a name or an address.
    ///   - isVerified: whether the certificate has to be made out to it.
    init(_ host: String, isVerified: Bool) {
        self.host = host
        self.isVerified = isVerified
    }

    deinit { last.withLock { if let session = $0 { SSL_SESSION_free(session.raw) } } }

    private var isAddress: Bool { HostAddress(host: host, port: 0) != nil }

    /// Says of a new connection where it goes.
    func prepare(_ ssl: OpaquePointer, _ context: TLSContext) throws(TLSError) {
        var isSet = isAddress || cssl_set_server_name(ssl, host) == 1
        if isVerified {
            isSet = isSet && (isAddress ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1 : SSL_set1_host(ssl, host) == 1)
        }
        guard isSet else { throw .library(reason: "\(host): \(ErrorQueue.reason)") }
        last.withLock { session in
            if let session, session.context == ObjectIdentifier(context) { _ = SSL_set_session(ssl, session.raw) }
        }
    }

    /// Keeps what the next connection may go on with.
    func keep(_ ssl: OpaquePointer, _ context: TLSContext) {
        guard let session = SSL_get1_session(ssl) else { return }
        guard SSL_SESSION_is_resumable(session) == 1 else { return SSL_SESSION_free(session) }
        last.withLock { last in
            if let last { SSL_SESSION_free(last.raw) }
            last = Session(raw: session, context: ObjectIdentifier(context))
        }
    }
}
