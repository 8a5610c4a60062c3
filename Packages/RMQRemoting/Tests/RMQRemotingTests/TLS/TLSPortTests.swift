import Glibc
import RMQCommon
import RMQTestSupport
import Testing

@testable import RMQRemoting

/// Certificates and keys of a server: what is told when they cannot be used, and that they change while it runs.
@Suite(.takesTurns) struct TLSPortTests {
    private final class Scene {
        let folder: TemporaryFolder
        let files: TLSLoopback.Files
        let certificates: TestCertificates
        let pair: TestCertificates.Pair
        let log = CollectedLog()
        var settings = TLSSettings()

        init() throws {
            folder = try TemporaryFolder()
            files = TLSLoopback.Files(folder: folder.path)
            certificates = try TestCertificates()
            pair = try certificates.make()
            try files.write(pair, trust: certificates.trust)
            settings.testMode = false
            settings.mode = .enforcing
            (settings.server.certificatePath, settings.server.keyPath) = (files.certificate, files.key)
        }

        func port() throws(TLSError) -> TLSPort { try TLSPort(settings, logger: Logger(category: "tls", level: .debug, sink: log)) }

        /// Why a port cannot begin; nil when it can.
        var refusal: TLSError? {
            do throws(TLSError) {
                _ = try port()
                return nil
            } catch {
                return error
            }
        }
    }

    // MARK: at the start

    @Test func protectionThatTestModeTakesAwayIsNamed() throws {
        let scene = try Scene()
        scene.settings.testMode = true
        _ = try scene.port()
        #expect(scene.log.contains("tls.test.mode.enable is true"))
        let plain = try Scene()
        plain.settings = TLSSettings()
        _ = try plain.port()
        #expect(!plain.log.contains("tls.test.mode.enable"))
    }

    @Test func goodFilesAreTaken() throws {
        #expect(try Scene().refusal == nil)
    }

    @Test func aFileThatIsNotThereIsNamed() throws {
        let scene = try Scene()
        scene.settings.server.keyPath = "/nowhere/key"
        #expect(scene.refusal == .unusable(key: "tls.server.keyPath", path: "/nowhere/key", reason: "No such file or directory (errno 2)"))
        scene.settings.server.keyPath = nil
        #expect(scene.refusal?.description == "tls.server.keyPath is not set, and tls.server.certPath needs the key of that certificate")
        scene.settings.server = TLSFiles()
        #expect(scene.refusal?.description == "tls.server.certPath is not set, and a server with tls.test.mode.enable=false needs a certificate")
    }

    @Test func aKeyOfAnotherCertificateIsRefused() throws {
        let scene = try Scene()
        try SmallFile.replace(scene.files.key, with: try scene.certificates.make().key)
        #expect(scene.refusal == .mismatch(certificate: scene.files.certificate, key: scene.files.key))
    }

    @Test func filesWithSomethingElseInThemAreRefused() throws {
        let scene = try Scene()
        try SmallFile.replace(scene.files.certificate, with: "no certificate\n")
        #expect(scene.refusal == .unusable(key: "tls.server.certPath", path: scene.files.certificate, reason: "there is no certificate (PEM) in it"))
        try SmallFile.replace(scene.files.certificate, with: Array(scene.pair.certificate.prefix(200)) + Array("\n-----END CERTIFICATE-----\n".utf8))
        #expect(scene.refusal?.description.containsBytes(of: "it has a certificate that cannot be read: ") == true)
        try SmallFile.replace(scene.files.certificate, with: scene.pair.certificate)
        try SmallFile.replace(scene.files.key, with: scene.pair.certificate)
        #expect(scene.refusal?.description.containsBytes(of: "there is no private key (PEM) in it that can be read") == true)
    }

    @Test func encryptedKeysNeedTheirPassword() throws {
        let scene = try Scene()
        try SmallFile.replace(scene.files.key, with: scene.certificates.encryptedKey(of: scene.pair, password: "secret"))
        #expect(scene.refusal == .unusable(key: "tls.server.keyPath", path: scene.files.key, reason: "it is encrypted, and tls.server.keyPassword is not set"))
        scene.settings.server.keyPassword = "wrong"
        #expect(scene.refusal?.description.containsBytes(of: "it cannot be decrypted with tls.server.keyPassword") == true)
        #expect(scene.refusal?.description.containsBytes(of: "wrong") == false)
        scene.settings.server.keyPassword = "secret"
        #expect(scene.refusal == nil)
    }

    @Test func aTrustFileIsReadWhereClientsAreChecked() throws {
        let scene = try Scene()
        scene.settings.server.trustPath = "/nowhere/trust"
        #expect(scene.refusal == nil)
        (scene.settings.verifiesClients, scene.settings.clientCertificate) = (true, .require)
        #expect(scene.refusal?.description == "tls.server.trustCertPath=/nowhere/trust cannot be used: No such file or directory (errno 2)")
        scene.settings.server.trustPath = scene.files.trust
        #expect(scene.refusal == nil)
    }

    @Test func aPermissivePortWithoutCertificateServesPlainConnectionsAndClosesOthers() async throws {
        let loopback = try TLSLoopback(nil) { settings, _ in settings.server.certificatePath = "/nowhere/certificate" }
        defer { loopback.stop() }
        #expect(loopback.log.contains("connections that begin with TLS are closed: tls.server.certPath=/nowhere/certificate cannot be used"))
        let plain = try await loopback.echo(loopback.plainClient())
        #expect(plain == [1, 2, 3])
        let refusal = await loopback.refusal(try loopback.client())
        #expect(refusal == "cannot connect to \(loopback.address): TLS: the peer left before the handshake was done")
    }

    // MARK: while it runs

    /// Whether this is the certificate that a new connection is shown.
    private static func isServed(_ certificate: [UInt8], by loopback: TLSLoopback) throws -> Bool {
        let peer = try TLSPeerSocket(port: loopback.server.port)
        try #require(peer.shakeHands() == nil)
        return peer.certificate == certificate
    }

    @Test func changedFilesServeNewConnectionsAndOldOnesGoOn() async throws {
        let loopback = try TLSLoopback()
        defer { loopback.stop() }
        let old = try #require(try SmallFile.read(loopback.files.certificate))
        let client = try loopback.client()
        #expect(try await loopback.echo(client) == [1, 2, 3])
        loopback.port.look()
        #expect(try Self.isServed(old, by: loopback))
        let new = try loopback.certificates.make()
        try loopback.files.write(new, trust: loopback.certificates.trust)
        loopback.port.look()
        #expect(loopback.log.contains("certificate and key are those of the changed files from now on"))
        #expect(try Self.isServed(new.certificate, by: loopback))
        #expect(try !Self.isServed(old, by: loopback))
        #expect(try await loopback.echo(client) == [1, 2, 3])
        #expect(!loopback.log.contains("closed"))
    }

    @Test func halfOfAPairChangesNothingUntilTheOtherHalfIsThere() async throws {
        let loopback = try TLSLoopback()
        defer { loopback.stop() }
        let new = try loopback.certificates.make()
        try SmallFile.replace(loopback.files.certificate, with: new.certificate)
        loopback.port.look()
        let warning = "the files have changed and are not used: the private key in \(loopback.files.key) is not that of the certificate in \(loopback.files.certificate)"
        #expect(loopback.log.contains(warning))
        #expect(try await loopback.echo(try loopback.client()) == [1, 2, 3])
        #expect(try !Self.isServed(new.certificate, by: loopback))
        try SmallFile.replace(loopback.files.key, with: new.key)
        loopback.port.look()
        #expect(try Self.isServed(new.certificate, by: loopback))
    }

    @Test func whoIsTrustedMayChange() async throws {
        let loopback = try TLSLoopback(nil) { settings, _ in (settings.clientCertificate, settings.verifiesClients) = (.require, true) }
        defer { loopback.stop() }
        let others = try TestCertificates("others")
        let trust = loopback.folder.sub("servers.pem")
        try SmallFile.replace(trust, with: loopback.certificates.trust)
        let other = try loopback.client(try others.make()) { $0.files.trustPath = trust }
        let refusal = await loopback.refusal(other)
        #expect(refusal != nil)
        try SmallFile.replace(loopback.files.trust, with: others.trust)
        loopback.port.look()
        #expect(try await loopback.echo(other) == [1, 2, 3])
    }

    @Test func filesThatBecomeGoodAreTaken() async throws {
        let loopback = try TLSLoopback(nil) { _, files in try SmallFile.replace(files.certificate, with: "not yet") }
        defer { loopback.stop() }
        let client = try loopback.client()
        let before = await loopback.refusal(client)
        #expect(before != nil)
        try loopback.files.write(try loopback.certificates.make(), trust: loopback.certificates.trust)
        loopback.port.look()
        #expect(try await loopback.echo(client) == [1, 2, 3])
    }

    @Test func changesUnderTrafficLoseNothing() async throws {
        let loopback = try TLSLoopback()
        defer { loopback.stop() }
        let (client, address) = (try loopback.client(), loopback.address)
        let ends = SharedCount()
        let failures = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    var failures = 0
                    while ends.value == 0 {
                        let answer = try? await client.request(RemotingCommand(code: 10, body: [9]), to: address, timeout: .generous)
                        if answer?.body != [9] { failures += 1 }
                    }
                    return failures
                }
            }
            for _ in 0..<10 {
                try loopback.files.write(try loopback.certificates.make(), trust: loopback.certificates.trust)
                loopback.port.look()
                let another = try loopback.client()
                for _ in 0..<3 { #expect(try await another.request(RemotingCommand(code: 10, body: [1]), to: address, timeout: .generous).body == [1]) }
            }
            ends.add(1)
            var sum = 0
            for try await count in group { sum += count }
            return sum
        }
        #expect(failures == 0)
    }
}

@Suite(.takesTurns) struct TLSSettingsTests {
    private static let table = SettingTable(program: "server", defaults: TLSSettings(), [.init("TLS", TLSSettings.settings)])

    private static func settings(_ pairs: [(key: String, value: String)]) throws(ConfigurationError) -> TLSSettings {
        var settings = TLSSettings()
        _ = try table.apply(pairs, to: &settings)
        return settings
    }

    @Test func theDefaultsAreThoseOfTheReference() {
        let settings = TLSSettings()
        #expect(settings.mode == .permissive)
        #expect(settings.testMode)
        #expect(settings.clientSettings == nil)
        #expect(settings.filePath.isExactly("/etc/rocketmq/tls.properties"))
    }

    @Test func everyKeyIsRead() throws {
        let settings = try Self.settings([
            ("tls.server.mode", "ENFORCING"), ("tls.enable", "false"), ("tls.test.mode.enable", "false"), ("tls.server.need.client.auth", "Require"),
            ("tls.server.keyPath", "/k"), ("tls.server.keyPassword", "p"), ("tls.server.certPath", "/c"), ("tls.server.authClient", "true"),
            ("tls.server.trustCertPath", "/t"), ("tls.client.keyPath", "/ck"), ("tls.client.keyPassword", "cp"), ("tls.client.certPath", "/cc"),
            ("tls.client.authServer", "true"), ("tls.client.trustCertPath", "/ct"),
        ])
        #expect(settings.mode == .enforcing)
        #expect(settings.isEnabledForClient == false)
        #expect(settings.clientCertificate == .require)
        #expect(settings.verifiesClients && settings.verifiesServers && !settings.testMode)
        #expect([settings.server.certificatePath, settings.server.keyPath, settings.server.keyPassword, settings.server.trustPath] == ["/c", "/k", "p", "/t"])
        #expect([settings.client.certificatePath, settings.client.keyPath, settings.client.keyPassword, settings.client.trustPath] == ["/cc", "/ck", "cp", "/ct"])
    }

    @Test(arguments: ["tls.server.mode", "tls.enable", "tls.test.mode.enable", "tls.server.need.client.auth", "tls.server.authClient"])
    func aWordThatIsNotAllowedStopsTheStart(key: String) {
        #expect(throws: ConfigurationError.self) { try Self.settings([(key, "maybe")]) }
    }

    @Test func outgoingConnectionsFollowTheMode() throws {
        #expect(try Self.settings([("tls.server.mode", "enforcing")]).clientSettings?.verifiesServer == false)
        #expect(try Self.settings([("tls.server.mode", "enforcing"), ("tls.enable", "false")]).clientSettings == nil)
        let checked = try Self.settings([("tls.enable", "true"), ("tls.test.mode.enable", "false"), ("tls.client.authServer", "true")]).clientSettings
        #expect(checked?.verifiesServer == true)
        #expect(checked?.verifiesHostName == false)
    }

    @Test func theFileCountsBeforeTheOtherKeys() throws {
        let folder = try TemporaryFolder()
        try SmallFile.replace(folder.sub("tls.properties"), with: "tls.test.mode.enable=false\ntls.server.certPath=/file\ntls.server.mode=enforcing\n")
        var warnings: [String] = []
        let settings = try Self.settings([("tls.config.file", folder.sub("tls.properties")), ("tls.server.certPath", "/other"), ("tls.server.keyPath", "/key")])
            .withFile { warnings.append($0) }
        #expect(settings.server.certificatePath == "/file")
        #expect(settings.server.keyPath == "/key")
        #expect(!settings.testMode)
        #expect(settings.mode == .permissive)
        #expect(warnings == ["\(folder.sub("tls.properties")): configuration: unknown key tls.server.mode"])
    }

    @Test func aFileThatIsNotThereIsToldWhenItWasNamed() throws {
        var warnings: [String] = []
        _ = try Self.settings([("tls.config.file", "/nowhere/tls.properties")]).withFile { warnings.append($0) }
        #expect(warnings == ["tls.config.file=/nowhere/tls.properties does not exist: its values are those of the other keys"])
    }

    @Test func passwordsAreNotShown() throws {
        let settings = try Self.settings([("tls.server.keyPassword", "secret")])
        #expect(!Self.table.text(of: settings).containsBytes(of: "secret"))
        #expect(Self.table["tls.server.keyPassword"]?.text(in: settings) == "(not shown)")
        #expect(Self.table.pairs(of: settings, withSecrets: true).contains { $0.value.isExactly("secret") })
    }
}

@Suite(.takesTurns) struct HandshakeDeskTests {
    @Test func oneHandshakeTooManyIsRefusedUntilAnotherEnds() {
        let desk = HandshakeDesk(name: "desk", logger: .silent)
        #expect((0..<HandshakeDesk.mostAtOnce).allSatisfy { _ in desk.begin() })
        #expect(!desk.begin())
        desk.end()
        #expect(desk.begin())
        #expect(!desk.begin())
    }

    @Test func firstRecordsAreTold() {
        func kind(_ bytes: [UInt8]) -> FirstRecord { bytes.withUnsafeBytes { FirstRecord($0) } }
        let hello = [22, 3, 1, 0, 4, 1, 0, 0, 0] as [UInt8]
        for count in 0..<hello.count { #expect(kind(Array(hello[..<count])) == .incomplete) }
        #expect(kind(hello) == .complete)
        #expect(kind(hello + [22, 3]) == .complete)
        #expect(kind([22, 2]) == .garbage)
        #expect(kind([22, 3, 3, 0, 0]) == .garbage)
        #expect(kind([22, 3, 3, 0x40, 1]) == .garbage)
        #expect(kind([22, 3, 3, 0x40, 0]) == .incomplete)
    }
}

@Suite(.takesTurns) struct LineAllowanceTests {
    @Test func manyLinesBecomeFewAndTheirNumberIsTold() {
        let allowance = LineAllowance()
        let start = MonotonicInstant.now
        let taken = (0..<100).compactMap { _ in allowance.take(now: start) }
        #expect(taken == Array(repeating: 0, count: 20))
        #expect(allowance.take(now: start + .seconds(60)) == 80)
        #expect(allowance.take(now: start + .seconds(60)) == 0)
    }
}
