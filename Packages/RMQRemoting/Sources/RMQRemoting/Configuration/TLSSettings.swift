public import RMQCommon

/// TLS of a server and of its own outgoing connections: the keys that broker and name server share.
///
/// The reference has them as Java properties, and some of them again in a file of their own, whose values count: ``withFile(_:)``.
public struct TLSSettings: Sendable, Equatable {
    /// What a server makes of the first byte of a connection.
    public enum Mode: String, CaseIterable, Sendable {
        /// No TLS.
        case disabled
        /// TLS for those who begin with it.
        case permissive
        /// Nothing but TLS.
        case enforcing
    }

    /// Whether clients are asked for a certificate.
    public enum ClientCertificate: String, CaseIterable, Sendable {
        /// They are not asked.
        case none
        /// One who has a certificate is to show it.
        case optional
        /// One who has none is refused.
        case require
    }

    /// Who may come without TLS, and who with it.
    public var mode = Mode.permissive
    /// Whether outgoing connections use TLS; nil: exactly when the mode is enforcing.
    public var isEnabledForClient: Bool?
    /// The file with values that count before these; it need not exist.
    public var filePath = Self.usualFilePath
    /// Encryption alone: a server signs its certificate itself, a client takes any.
    public var testMode = true
    /// Whether clients are asked for a certificate. Not in test mode.
    public var clientCertificate = ClientCertificate.none
    /// Whether that certificate is checked.
    public var verifiesClients = false
    /// The server's own certificate, and whom it trusts.
    public var server = TLSFiles()
    /// The same of outgoing connections.
    public var client = TLSFiles()
    /// Whether the certificates of servers are checked. Not in test mode.
    public var verifiesServers = false
    /// Whether they also have to be made out to the host.
    public var verifiesHostNames = false

    /// Where the file is unless a key says otherwise.
    public static let usualFilePath = "/etc/rocketmq/tls.properties"

    /// The defaults of the reference: encryption for whoever asks for it, and no more.
    public init() {}

    /// Whether any of the keys is set that have no effect in test mode.
    var namesProtection: Bool {
        clientCertificate != .none || verifiesClients || verifiesServers || server.areNamed || client.areNamed
    }

    /// What outgoing connections use; nil: no TLS.
    public var clientSettings: TLSClientSettings? {
        guard isEnabledForClient ?? (mode == .enforcing) else { return nil }
        var settings = TLSClientSettings()
        settings.verifiesServer = !testMode && verifiesServers
        settings.verifiesHostName = verifiesHostNames
        if !testMode { settings.files = client }
        return settings
    }

    /// These with what the file of ``filePath`` says, if it exists.
    /// - Parameter warn: is told of keys that do not belong there.
    public func withFile(_ warn: (String) -> Void) throws(ConfigurationError) -> TLSSettings {
        let file: Configuration
        do throws(ConfigurationError) {
            file = try Configuration(file: filePath)
        } catch .missingFile {
            if !filePath.isExactly(Self.usualFilePath) { warn("tls.config.file=\(filePath) does not exist: its values are those of the other keys") }
            return self
        }
        var settings = self
        let report = try Self.fileTable.apply(file.pairs, to: &settings)
        for warning in report.warnings { warn("\(filePath): \(warning)") }
        return settings
    }
}

/// Certificate, key and trust of one side, as files in PEM; nil where none is named.
public struct TLSFiles: Sendable, Equatable {
    /// The certificate, and behind it those that lead to one that others trust.
    public var certificatePath: String?
    /// The private key, PKCS#8.
    public var keyPath: String?
    /// What the private key is encrypted with.
    public var keyPassword: String?
    /// Whom to trust; nil: whom the system trusts.
    public var trustPath: String?

    /// None.
    public init() {}

    /// Whether any of them is set.
    var areNamed: Bool { certificatePath != nil || keyPath != nil || keyPassword != nil || trustPath != nil }

    /// What the files are called where they are set.
    public struct Keys: Sendable, Equatable {
        let certificate: String
        let key: String
        let password: String
        let trust: String

        /// Names for errors.
        public init(certificate: String, key: String, password: String, trust: String) {
            (self.certificate, self.key, self.password, self.trust) = (certificate, key, password, trust)
        }

        /// Those of the reference's servers.
        public static let server = Keys(
            certificate: "tls.server.certPath", key: "tls.server.keyPath", password: "tls.server.keyPassword", trust: "tls.server.trustCertPath")
        /// Those of the reference's clients.
        public static let client = Keys(
            certificate: "tls.client.certPath", key: "tls.client.keyPath", password: "tls.client.keyPassword", trust: "tls.client.trustCertPath")
    }
}

// No command may change any of them: they are paths, or what is off then is protection.
extension TLSSettings {
    /// Every key.
    public static let settings: [Setting<Self>] = [
        .text(
            "tls.server.mode", \.mode, allowed: "disabled, permissive or enforcing", important: true,
            "Whether connections may begin with TLS: none, those that do, or all have to.",
            parse: { word(Mode.self, $0) }, print: \.rawValue),
        .text(
            "tls.enable", \.isEnabledForClient, allowed: "true or false", "Whether outgoing connections use TLS.",
            parse: { flag($0).map { .some($0) } }, print: { $0.map { String($0) } }
        ).defaulting(to: "`true` when `tls.server.mode` is `enforcing`"),
        filePathSetting,
    ] + fileSettings

    /// Those of a client's file, whose defaults are ``ofClient``.
    public static let clientKeys: [Setting<Self>] = [
        .text(
            "tls.enable", \.isEnabledForClient, allowed: "true or false", "Whether connections use TLS; also `useTLS`.",
            parse: { flag($0).map { .some($0) } }, print: { String($0 ?? false) }),
        filePathSetting, testModeSetting,
    ] + outgoingSettings

    /// The defaults of a client's file: no encryption, and servers are checked once it is turned on.
    public static let ofClient: TLSSettings = {
        var settings = TLSSettings()
        settings.testMode = false
        settings.verifiesServers = true
        settings.verifiesHostNames = true
        return settings
    }()

    private static let filePathSetting = Setting<Self>.path(
        "tls.config.file", \.filePath, "A file with values of the keys below that count before those given elsewhere; it need not exist.")

    private static let testModeSetting = Setting<Self>.flag(
        "tls.test.mode.enable", \.testMode, takesEffect: .never, onBadValue: .stopsTheStart,
        "Encryption alone: a server makes a certificate when it needs one, outgoing connections take any. The keys of files have no effect.")

    private static let outgoingSettings: [Setting<Self>] = [
        .flag(
            "tls.client.authServer", \.verifiesServers, takesEffect: .never, onBadValue: .stopsTheStart,
            "Whether the certificate of a server has to be signed by somebody of `tls.client.trustCertPath`; otherwise any will do."),
        .flag(
            "tls.client.verifyHostName", \.verifiesHostNames, takesEffect: .never, onBadValue: .stopsTheStart,
            "With `tls.client.authServer`: whether it also has to be made out to the host that was asked for. A key of this project."),
    ] + TLSFiles.settings(
        .client, certificate: "The certificate of outgoing connections (PEM).",
        trust: "Who signs the certificates of servers (PEM); not set: whom the system trusts."
    ).map { $0.at(\.client) }

    /// Those of the file.
    static let fileSettings: [Setting<Self>] = [
        testModeSetting,
        .text(
            "tls.server.need.client.auth", \.clientCertificate, allowed: "none, optional or require", "Whether clients are asked for a certificate.",
            parse: { word(ClientCertificate.self, $0) }, print: \.rawValue),
        .flag(
            "tls.server.authClient", \.verifiesClients, takesEffect: .never, onBadValue: .stopsTheStart,
            "Whether that certificate has to be signed by somebody of `tls.server.trustCertPath`; otherwise any will do."),
    ] + TLSFiles.settings(
        .server, certificate: "The server's certificate and those that lead to one that clients trust (PEM).",
        trust: "Who signs the certificates of clients (PEM); not set: whom the system trusts."
    ).map { $0.at(\.server) } + outgoingSettings

    static let fileTable = SettingTable(program: "file", defaults: TLSSettings(), [.init("TLS", fileSettings)])

    private static func word<Word: CaseIterable & RawRepresentable>(_: Word.Type, _ text: String) -> Word? where Word.RawValue == String {
        Word(exactly: Configuration.trimmed(text).asciiLowercased)
    }

    private static func flag(_ text: String) -> Bool? {
        let text = Configuration.trimmed(text)
        return text.isExactlyIgnoringCase("true") ? true : text.isExactlyIgnoringCase("false") ? false : nil
    }
}

extension TLSFiles {
    static func settings(_ keys: Keys, certificate: String, trust: String) -> [Setting<Self>] {
        [
            path(keys.certificate, \.certificatePath, certificate),
            path(keys.key, \.keyPath, "The private key of that certificate (PEM, PKCS#8)."),
            Setting<Self>.text(
                keys.password, \.keyPassword, allowed: "a text", "What that key is encrypted with. It is never shown.", parse: { $0 }, print: { $0 }
            ).secret(),
            path(keys.trust, \.trustPath, trust),
        ]
    }

    private static func path(_ key: String, _ place: any SettingPlace<Self, String?>, _ summary: String) -> Setting<Self> {
        .text(
            key, place, allowed: "a path of up to 1,024 bytes", summary,
            parse: { $0.utf8.count <= 1_024 && !$0.utf8.contains(0) ? .some($0.isEmpty ? nil : $0) : nil }, print: { $0 })
    }
}
