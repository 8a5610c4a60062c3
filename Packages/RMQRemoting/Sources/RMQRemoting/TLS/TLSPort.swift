public import RMQCommon
import Synchronization

/// TLS at a server: certificate and key, who may come in without it, and which transport each connection gets. One serves all ports of a program.
///
///     tls.server.mode   first byte 0x16          any other
///     disabled          closed as no frame       plain
///     permissive        TLS, or closed           plain
///     enforcing         TLS, or closed           closed
public final class TLSPort: TLSContextSource {
    /// How often ``look()`` is to be called.
    public static let lookInterval = Duration.milliseconds(500)

    private let settings: TLSSettings
    private let logger: Logger
    private let desk: HandshakeDesk
    private let state: Mutex<State>

    private struct State {
        /// Nil in test mode until somebody comes, and where the files cannot be used.
        var context: TLSContext?
        var failure: TLSError?
        /// Of the files that were tried last.
        var fingerprint: [UInt8]?
    }

    /// Reads certificate and key, unless the program runs in test mode, where both are made when the first connection needs them.
    /// - Throws: in enforcing mode, when they cannot be used. In permissive mode that is a warning, and connections that begin with TLS are closed.
    public init(_ settings: TLSSettings, logger: Logger) throws(TLSError) {
        self.settings = settings
        self.logger = logger
        desk = HandshakeDesk(name: "tls", logger: logger)
        var first = State()
        if !settings.testMode, settings.mode != .disabled {
            do throws(TLSError) {
                let files = TLSFileContents(settings.server, keys: .server)
                first.fingerprint = files.fingerprint
                first.context = try Self.context(settings, files)
            } catch {
                guard settings.mode == .permissive else { throw error }
                logger.warning("connections that begin with TLS are closed: \(error)")
                first.failure = error
            }
            if settings.verifiesClients, settings.clientCertificate == .none {
                logger.warning("tls.server.authClient=true has no effect while tls.server.need.client.auth=none: no client is asked for a certificate")
            }
        }
        if settings.testMode, settings.mode != .disabled || settings.clientSettings != nil, settings.namesProtection {
            logger.warning("tls.test.mode.enable is true: certificates, keys, tls.server.need.client.auth and tls.client.authServer have no effect. Set it to false")
        }
        state = Mutex(first)
    }

    /// For `ServerConfiguration.makeTransport`. A port without TLS pays nothing: each connection has the plain transport from its first byte on.
    public var makeTransport: TransportMaker {
        if settings.mode == .disabled { return PlainTransport.maker }
        return { [self] in FirstByteTransport(self) }
    }

    /// Whether there are files to look at.
    public var hasFiles: Bool { settings.mode != .disabled && !settings.testMode }

    /// Reads the files again and, when one of them has changed, has the connections that come from now on use them; those that are there go on.
    /// Files that do not go together, or cannot be used, are told and change nothing. May block.
    public func look() {
        guard hasFiles else { return }
        let files = TLSFileContents(settings.server, keys: .server)
        let isNew = state.withLock { state in
            defer { state.fingerprint = files.fingerprint }
            return state.fingerprint != files.fingerprint
        }
        guard isNew else { return }
        do throws(TLSError) {
            let context = try Self.context(settings, files)
            state.withLock { ($0.context, $0.failure) = (context, nil) }
            logger.info("TLS: certificate and key are those of the changed files from now on")
        } catch {
            logger.warning("TLS: the files have changed and are not used: \(error)")
        }
    }

    /// No handshake begins any more.
    public func stop() { desk.stop() }

    func current() throws(TLSError) -> TLSContext {
        let result = state.withLock { state -> Result<TLSContext, TLSError> in
            if let context = state.context { return .success(context) }
            if let failure = state.failure { return .failure(failure) }
            do throws(TLSError) {
                let made = try TLSContext(server: .selfSigned(), clients: .none, trust: nil)
                state.context = made
                return .success(made)
            } catch {
                state.failure = error
                return .failure(error)
            }
        }
        return try result.get()
    }

    private static func context(_ settings: TLSSettings, _ files: TLSFileContents) throws(TLSError) -> TLSContext {
        guard let identity = try files.identity() else {
            throw .missing(key: TLSFiles.Keys.server.certificate, why: "a server with tls.test.mode.enable=false needs a certificate")
        }
        let trust = settings.verifiesClients && settings.clientCertificate != .none ? try files.trust() : nil
        return try TLSContext(server: identity, clients: settings.clientCertificate, trust: trust)
    }

    func makeTLS() -> any Transport { TLSTransport(TLSSession(self, peer: .client), isServer: true, desk: desk) }

    /// Nil where everybody has to speak TLS.
    func plain() -> (any Transport)? { settings.mode == .enforcing ? nil : PlainTransport.maker() }

    func report(_ remote: HostAddress, _ reason: String) { desk.report(remote, reason) }
}
