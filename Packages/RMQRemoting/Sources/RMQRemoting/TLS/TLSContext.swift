import CSSL
import RMQCommon

/// What the connections of one server or client have in common: certificate and key, who is trusted, what is allowed.
///
/// Unchecked `Sendable`: nothing in it changes once it is made but what OpenSSL itself keeps behind locks.
final class TLSContext: TLSContextSource, @unchecked Sendable {
    let raw: OpaquePointer

    /// What forward secrecy and authenticated encryption there is below TLS 1.3; all of 1.3 is of that kind.
    private static let ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM"
    /// Of TLS 1.3, handed out with each full handshake: a client goes on with one.
    private static let tickets = 1
    private static let sessionName = Array("rocketmq".utf8)

    private init(_ method: OpaquePointer?) throws(TLSError) {
        ErrorQueue.clear()
        guard let raw = SSL_CTX_new(method) else { throw .library(reason: ErrorQueue.reason) }
        self.raw = raw
        cssl_set_safe_options(raw)
        // Idle connections give the library's buffers back.
        cssl_set_mode(raw, Int(SSL_MODE_RELEASE_BUFFERS))
        guard cssl_set_least_version(raw, TLS1_2_VERSION) == 1, SSL_CTX_set_cipher_list(raw, Self.ciphers) == 1 else {
            throw .library(reason: ErrorQueue.reason)
        }
    }

    deinit { SSL_CTX_free(raw) }

    func current() -> TLSContext { self }

    /// A server's.
    /// - Parameters:
    ///   - trust: by whom clients have to be known; nil: any certificate will do.
    convenience init(server identity: TLSIdentity, clients: TLSSettings.ClientCertificate, trust: TLSTrust?) throws(TLSError) {
        try self.init(TLS_server_method())
        try use(identity)
        // Sessions go on by tickets, which the client keeps: nothing is held here.
        cssl_set_session_cache(raw, Int(SSL_SESS_CACHE_OFF))
        SSL_CTX_set_session_id_context(raw, Self.sessionName, UInt32(Self.sessionName.count))
        SSL_CTX_set_num_tickets(raw, Self.tickets)
        // As it is made, it asks for none.
        if clients == .none { return }
        if let trust { try use(trust, namingThem: true) }
        let mode = clients == .require ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT : SSL_VERIFY_PEER
        if trust == nil { SSL_CTX_set_verify(raw, mode) { _, _ in 1 } } else { SSL_CTX_set_verify(raw, mode, nil) }
    }

    /// A client's.
    /// - Parameter trust: by whom servers have to be known; nil: any certificate will do.
    convenience init(client identity: TLSIdentity?, trust: TLSTrust?) throws(TLSError) {
        try self.init(TLS_client_method())
        if let identity { try use(identity) }
        if let trust { try use(trust, namingThem: false) }
        SSL_CTX_set_verify(raw, trust == nil ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nil)
    }

    private func use(_ identity: TLSIdentity) throws(TLSError) {
        ErrorQueue.clear()
        guard let leaf = identity.chain.first, SSL_CTX_use_certificate(raw, leaf.raw) == 1 else {
            throw .unusable(key: identity.keys.certificate, path: identity.certificatePath, reason: ErrorQueue.reason)
        }
        guard X509_check_private_key(leaf.raw, identity.key.raw) == 1 else {
            throw .mismatch(certificate: identity.certificatePath, key: identity.keyPath)
        }
        guard SSL_CTX_use_PrivateKey(raw, identity.key.raw) == 1 else {
            throw .unusable(key: identity.keys.key, path: identity.keyPath, reason: ErrorQueue.reason)
        }
        for link in identity.chain.dropFirst() {
            X509_up_ref(link.raw)
            if cssl_add_chain_certificate(raw, link.raw) != 1 {
                X509_free(link.raw)
                throw .library(reason: ErrorQueue.reason)
            }
        }
    }

    /// - Parameter namingThem: whether peers are told by whom they have to be known.
    private func use(_ trust: TLSTrust, namingThem: Bool) throws(TLSError) {
        ErrorQueue.clear()
        switch trust {
        case .system:
            if SSL_CTX_set_default_verify_paths(raw) != 1 { throw .library(reason: ErrorQueue.reason) }
        case .certificates(let roots):
            let store = SSL_CTX_get_cert_store(raw)
            for root in roots {
                guard X509_STORE_add_cert(store, root.raw) == 1 else { throw .library(reason: ErrorQueue.reason) }
                if namingThem { SSL_CTX_add_client_CA(raw, root.raw) }
            }
        }
    }
}
