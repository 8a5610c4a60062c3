import CSSL
import Glibc

/// One TLS connection as OpenSSL has it, without its socket.
///
/// Unchecked `Sendable`: used by one thread at a time. Its transport lends it to a worker for each step of the handshake and does not touch it
/// until the worker is done.
final class TLSSession: @unchecked Sendable {
    let pipe = RecordPipe()
    private let context: any TLSContextSource
    private let peer: TLSPeer
    /// Nil before the first step: a peer that has said nothing yet costs nothing.
    private var ssl: OpaquePointer?
    /// Holds what the library works with.
    private var used: TLSContext?

    enum Step: Sendable { case open, wantsMore, failed(reason: String) }
    enum Reading { case bytes(Int), wantsMore, ended, failed(reason: String) }

    init(_ context: any TLSContextSource, peer: TLSPeer) {
        self.context = context
        self.peer = peer
    }

    deinit { SSL_free(ssl) }

    // MARK: The handshake, on a worker

    /// Goes on with the handshake as far as what has arrived goes.
    func shakeHands() -> Step {
        do throws(TLSError) {
            let ssl = if let begun = self.ssl { begun } else { try begin() }
            ErrorQueue.clear()
            let result = SSL_do_handshake(ssl)
            if result == 1 { return .open }
            if SSL_get_error(ssl, result) == SSL_ERROR_WANT_READ { return .wantsMore }
            return .failed(reason: handshakeFailure(ssl))
        } catch {
            return .failed(reason: "\(error)")
        }
    }

    private func begin() throws(TLSError) -> OpaquePointer {
        let context = try context.current()
        guard let ssl = SSL_new(context.raw), let input = pipe.makeBIO(), let output = pipe.makeBIO() else {
            throw .library(reason: ErrorQueue.reason)
        }
        self.ssl = ssl
        used = context
        SSL_set_bio(ssl, input, output)
        switch peer {
        case .client: SSL_set_accept_state(ssl)
        case .server(let server):
            SSL_set_connect_state(ssl)
            try server.prepare(ssl, context)
        }
        return ssl
    }

    /// In the words of whoever checked the certificate, where that is what failed.
    private func handshakeFailure(_ ssl: OpaquePointer) -> String {
        let isCertificate = cssl_is_certificate_failure(ERR_peek_last_error()) == 1
        let reason = ErrorQueue.reason
        let result = SSL_get_verify_result(ssl)
        guard isCertificate, result != X509_V_OK else { return reason }
        return "the peer's certificate is refused: \(String(cString: X509_verify_cert_error_string(result)))"
    }

    // MARK: Bytes, on the loop

    /// Opens records that have arrived, as far as `place` has room for their content.
    func read(into place: UnsafeMutableRawBufferPointer) -> Reading {
        guard let ssl else { return .failed(reason: "not open") }
        ErrorQueue.clear()
        let count = SSL_read(ssl, place.baseAddress, Int32(clamping: place.count))
        if count > 0 { return .bytes(Int(count)) }
        switch SSL_get_error(ssl, count) {
        case SSL_ERROR_WANT_READ: return .wantsMore
        case SSL_ERROR_ZERO_RETURN: return .ended
        default: return .failed(reason: ErrorQueue.reason)
        }
    }

    /// Whether bytes wait for a read that the socket does not know of any more.
    var hasMore: Bool { !pipe.arrived.isEmpty || ssl.map { SSL_pending($0) > 0 } ?? false }

    /// Seals bytes, at least one, into what is leaving.
    /// - Returns: a reason when it cannot.
    func seal(_ bytes: UnsafeRawBufferPointer) -> String? {
        guard let ssl else { return "not open" }
        ErrorQueue.clear()
        let count = SSL_write(ssl, bytes.baseAddress, Int32(clamping: bytes.count))
        return count == Int32(clamping: bytes.count) ? nil : ErrorQueue.reason
    }

    /// Seals the last words, and lets the next connection to the same server begin where this one is.
    func end() {
        guard let ssl else { return }
        ErrorQueue.clear()
        _ = SSL_shutdown(ssl)
        if case .server(let server) = peer, let used { server.keep(ssl, used) }
    }
}

/// Who is at the other end of a session.
enum TLSPeer: Sendable {
    case client
    case server(TLSServerName)
}

/// What a session is made with: a server's context may be another one tomorrow.
protocol TLSContextSource: AnyObject, Sendable {
    /// Made now if need be, on the caller's thread.
    func current() throws(TLSError) -> TLSContext
}
