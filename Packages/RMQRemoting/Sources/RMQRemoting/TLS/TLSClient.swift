public import RMQCommon

/// TLS at a client: whom it trusts and who it is. One serves all connections of a client.
public final class TLSClient: Sendable {
    private let settings: TLSClientSettings
    private let context: TLSContext
    private let desk: HandshakeDesk

    /// Reads the files that are named.
    /// - Throws: when one of them cannot be used.
    public init(_ settings: TLSClientSettings, logger: Logger = .silent) throws(TLSError) {
        self.settings = settings
        let files = TLSFileContents(settings.files, keys: settings.keys)
        context = try TLSContext(client: files.identity(), trust: settings.verifiesServer ? files.trust() : nil)
        desk = HandshakeDesk(name: "tls-client", logger: logger)
    }

    /// A new session with `host`, for a thread of its own.
    func session(with host: String) -> TLSSession { TLSSession(context, peer: .server(name(host))) }

    /// For the connections to one address, `host:port`, each of which may go on with the session of the one before.
    public func transport(to address: String) -> TransportMaker {
        let server = name(HostPort(address)?.host ?? address)
        return { [context, desk] in TLSTransport(TLSSession(context, peer: .server(server)), isServer: false, desk: desk) }
    }

    private func name(_ host: String) -> TLSServerName {
        TLSServerName(settings.serverName ?? host, isVerified: settings.verifiesServer && settings.verifiesHostName)
    }
}

/// What a client asks of a server's certificate, and the certificate of its own. Verification is on unless it is turned off.
public struct TLSClientSettings: Sendable, Equatable {
    /// Whom to trust, and the client's own certificate and key.
    public var files = TLSFiles()
    /// Whether a server has to be known by somebody who is trusted.
    public var verifiesServer = true
    /// Whether its certificate also has to be made out to the host that was asked for.
    public var verifiesHostName = true
    /// The name that the certificate has to have instead of the host's.
    public var serverName: String?
    /// What the files are called in errors.
    public var keys = TLSFiles.Keys.client

    /// Verifies by the trust of the system, and has no certificate of its own.
    public init() {}
}
