public import RMQCommon

/// Where a server listens and how long it keeps a silent connection: the keys that broker and name server share.
public struct ListenerConfiguration: Sendable, Equatable {
    /// The address to listen on; `0.0.0.0` or `::` for all interfaces. The reference always listens on all.
    public var bindAddress = "127.0.0.1"
    /// The port to listen on; 0 takes a free one.
    public var port: UInt16
    /// A connection without any read and write for this long is closed.
    public var idleTimeout: Duration = .seconds(120)
    /// Whether the configuration may be changed by command through other addresses than loopback, where no access control asks for an account.
    public var allowsRemoteConfigurationUpdate = false
    /// The same for whatever else changes something in an administrator's name: topics, groups, offsets, files.
    public var allowsRemoteAdministration = false
    /// Whether connections may or have to be encrypted, its outgoing ones as well.
    public var tls = TLSSettings()

    /// The defaults, with this port.
    public init(port: UInt16) { self.port = port }

    /// Whether a peer may change the configuration: through a loopback address, or where access control has said yes, or the key does.
    public func checkUpdate(from remote: HostAddress, accessControl: (any AccessControl)?) throws(Refusal) {
        guard !remote.isLoopback, accessControl == nil, !allowsRemoteConfigurationUpdate else { return }
        throw Refusal(
            .noPermission,
            "the configuration is changed through a loopback address of the server only, not from \(remote.host); allowRemoteConfigurationUpdate=true in the server's file allows that")
    }

    /// Whether a peer may send a request of administrators other than a change of the configuration.
    public func checkAdministration(_ code: RequestCode, from remote: HostAddress, accessControl: (any AccessControl)?) throws(Refusal) {
        guard !remote.isLoopback, accessControl == nil, !allowsRemoteAdministration else { return }
        throw Refusal(
            .noPermission,
            "\(code) is a request of administrators: without access control it is taken through a loopback address of the server only, not from \(remote.host); aclEnable=true (with accounts) or allowRemoteAdmin=true in the server's file allows it")
    }

    /// The same for a ``RemotingServer`` on `port`.
    /// - Parameter tls: that of the program; nil: the port speaks no TLS.
    public func server(on port: UInt16, tls: TLSPort? = nil) -> ServerConfiguration {
        ServerConfiguration(listenAddress: bindAddress, port: port, idleTimeout: idleTimeout, makeTransport: tls?.makeTransport ?? PlainTransport.maker)
    }
}

extension ListenerConfiguration {
    /// The row of ``port``.
    /// - Parameter largest: leaves room for the ports that a program takes beside this one.
    public static func portSetting(upTo largest: UInt16 = .max) -> Setting<Self> {
        .number(
            "listenPort", \.port, 0...largest, takesEffect: .never, onBadValue: .stopsTheStart, important: true,
            "The port to listen on; 0 takes a free one.")
    }

    /// The row of ``bindAddress``.
    public static let addressSetting = Setting<Self>.host(
        "bindAddress", \.bindAddress, important: true,
        "The address to listen on, a key of this project; `0.0.0.0` or `::` for all interfaces, on which the reference always listens.")

    /// The rows of ``tls``.
    public static let tlsSettings = TLSSettings.settings.map { $0.at(\ListenerConfiguration.tls) }

    /// The row of ``idleTimeout``.
    public static let idleSetting = Setting<Self>.time(
        "serverChannelMaxIdleTimeSeconds", \.idleTimeout, 1...86_400, .seconds, "A connection without traffic for so long is closed.")

    /// The row of ``allowsRemoteConfigurationUpdate``.
    public static let remoteUpdateSetting = Setting<Self>.flag(
        "allowRemoteConfigurationUpdate", \.allowsRemoteConfigurationUpdate, takesEffect: .never,
        "Whether commands may change the configuration through other addresses than loopback where no access control asks for an account; a key of this project.")

    /// The row of ``allowsRemoteAdministration``.
    public static let remoteAdministrationSetting = Setting<Self>.flag(
        "allowRemoteAdmin", \.allowsRemoteAdministration, takesEffect: .never, important: true,
        "Whether requests of administrators are taken through other addresses than loopback where no access control asks for an account; a key of this project.")
}
