import RMQCommon
import RMQRemoting

/// How connections are encrypted, and whom they may lead to.
///
/// As it is made, every server has to have a certificate that somebody signed whom this system trusts, and that is made out to the host which was
/// asked for: a name server as it is configured, a broker as its route names it.
///
/// ```swift
/// configuration.tls = TLSConfiguration(trustRootsFile: "/etc/mq/ca.pem")
/// ```
///
/// The files are read when the client is made.
public struct TLSConfiguration: Sendable {
    /// A file of certificates (PEM) that servers are checked against; nil takes those of the system.
    public var trustRootsFile: String?
    /// Whether the certificate of a server is checked at all. Without that a connection is encrypted, and nobody knows to whom.
    public var verifiesServer = true
    /// Whether it also has to be made out to the host.
    public var verifiesHostName = true
    /// The name that every certificate has to be made out to, instead of the host's: for brokers that are known by addresses.
    public var serverName: String?
    /// A file with this client's own certificate chain (PEM), for servers that ask for one.
    public var certificateFile: String?
    /// The file with the key of that certificate (PEM).
    public var keyFile: String?
    /// What that key is encrypted with; nil for none.
    public var keyPassword: String?

    /// - Parameter trustRootsFile: a file of certificates (PEM) that servers are checked against; nil takes those of the system.
    public init(trustRootsFile: String? = nil) { self.trustRootsFile = trustRootsFile }

    private static let names = TLSFiles.Keys(
        certificate: "tls.certificateFile", key: "tls.keyFile", password: "tls.keyPassword", trust: "tls.trustRootsFile")

    private var settings: TLSClientSettings {
        var settings = TLSClientSettings()
        settings.verifiesServer = verifiesServer
        settings.verifiesHostName = verifiesHostName
        settings.serverName = serverName
        settings.files.trustPath = trustRootsFile
        settings.files.certificatePath = certificateFile
        settings.files.keyPath = keyFile
        settings.files.keyPassword = keyPassword
        settings.keys = Self.names
        return settings
    }

    /// What the connections of one client use.
    /// - Throws: `invalidConfiguration` for files that cannot be used.
    func client(_ logger: Logger) throws(ClientError) -> TLSClient {
        do throws(TLSError) {
            return try TLSClient(settings, logger: logger)
        } catch {
            throw ClientError(.invalidConfiguration, "\(error)")
        }
    }
}

extension TLSConfiguration {
    /// Reads a file of `key=value` lines with the keys of `docs/configuration.md` that begin with `tls.`; nil unless it says `tls.enable=true`.
    ///
    /// Servers are checked unless a key says otherwise.
    /// - Throws: `invalidConfiguration` for a file that cannot be read, a key that is no such key, and a value that is not allowed.
    public init?(file path: String) throws(ClientError) {
        var settings = TLSSettings.ofClient
        let file = try RMQCommon.Configuration.reading(path)
        let report: SettingReport
        do throws(ConfigurationError) {
            report = try Self.table.apply(file.pairs, to: &settings)
        } catch {
            throw ClientError(.invalidConfiguration, "\(path): \(error)")
        }
        // A key that is written wrongly may be one that protects.
        if let (key, _) = report.unknown.first { throw ClientError(.invalidConfiguration, "\(path): unknown key \(key)") }
        try self.init(settings, file: path, .silent)
    }

    private static let table = SettingTable(program: "client", defaults: TLSSettings.ofClient, [.init("TLS", TLSSettings.clientKeys)])

    /// What keys say; nil for plain connections.
    init?(_ given: TLSSettings, file path: String, _ logger: Logger) throws(ClientError) {
        guard given.isEnabledForClient == true else { return nil }
        let settings: TLSSettings
        do throws(ConfigurationError) {
            settings = try given.withFile { logger.warning($0) }
        } catch {
            throw ClientError(.invalidConfiguration, "\(path): \(error)")
        }
        guard let client = settings.clientSettings else { return nil }
        trustRootsFile = client.files.trustPath
        verifiesServer = client.verifiesServer
        verifiesHostName = client.verifiesHostName
        certificateFile = client.files.certificatePath
        keyFile = client.files.keyPath
        keyPassword = client.files.keyPassword
    }
}
