import RMQCommon
import RMQTestSupport
import Testing

@testable import RMQRemoting

/// A server with certificates of its own, and clients for it.
final class TLSLoopback {
    let certificates: TestCertificates
    let folder: TemporaryFolder
    let group = EventLoopGroup(count: 2, name: "tls-test")
    let log = CollectedLog()
    let logger: Logger
    let port: TLSPort
    let server: RemotingServer
    private var clients: [RemotingClient] = []

    /// - Parameters:
    ///   - identity: what the server is; nil makes one for localhost. Nothing is written where `writes` is false.
    ///   - change: of settings that have the server's files in them already.
    init(
        _ identity: ((TestCertificates) throws -> TestCertificates.Pair)? = nil, _ change: (inout TLSSettings, TLSLoopback.Files) throws -> Void = { _, _ in },
        handler: @escaping @Sendable (EventLoop) -> any RequestHandler = { _ in EchoHandler() }
    ) throws {
        certificates = try TestCertificates()
        folder = try TemporaryFolder()
        logger = Logger(category: "tls", level: .debug, sink: log)
        let files = Files(folder: folder.path)
        let pair = if let identity { try identity(certificates) } else { try certificates.make() }
        try files.write(pair, trust: certificates.trust)
        var settings = TLSSettings()
        settings.testMode = false
        settings.server.certificatePath = files.certificate
        settings.server.keyPath = files.key
        settings.server.trustPath = files.trust
        try change(&settings, files)
        port = try TLSPort(settings, logger: logger)
        server = RemotingServer(
            configuration: ServerConfiguration(makeTransport: port.makeTransport), loops: group, logger: logger, makeHandler: handler)
        try server.start()
    }

    /// The paths of the server's files.
    struct Files {
        let folder: String
        var certificate: String { folder + "/server.pem" }
        var key: String { folder + "/server.key" }
        var trust: String { folder + "/trust.pem" }

        func write(_ pair: TestCertificates.Pair, trust: [UInt8]) throws {
            try SmallFile.replace(certificate, with: pair.certificate)
            try SmallFile.replace(key, with: pair.key)
            try SmallFile.replace(self.trust, with: trust)
        }
    }

    var files: Files { Files(folder: folder.path) }

    var address: String { "localhost:\(server.port)" }

    /// A client that trusts the server's authority.
    /// - Parameters:
    ///   - identity: the client's own certificate.
    ///   - change: of settings that have the authority in them already.
    func client(
        _ identity: TestCertificates.Pair? = nil, _ change: (inout TLSClientSettings) -> Void = { _ in }
    ) throws -> RemotingClient {
        var settings = TLSClientSettings()
        settings.files.trustPath = files.trust
        if let identity {
            let number = clients.count
            settings.files.certificatePath = folder.sub("client-\(number).pem")
            settings.files.keyPath = folder.sub("client-\(number).key")
            try SmallFile.replace(folder.sub("client-\(number).pem"), with: identity.certificate)
            try SmallFile.replace(folder.sub("client-\(number).key"), with: identity.key)
        }
        change(&settings)
        var configuration = ClientConfiguration(connectTimeout: .generous)
        configuration.tls = try TLSClient(settings, logger: logger)
        return keep(RemotingClient(configuration: configuration, loops: group, logger: logger))
    }

    /// A client without TLS.
    func plainClient() -> RemotingClient {
        keep(RemotingClient(configuration: ClientConfiguration(connectTimeout: .generous), loops: group, logger: logger))
    }

    private func keep(_ client: RemotingClient) -> RemotingClient {
        clients.append(client)
        return client
    }

    func stop() {
        for client in clients { client.close() }
        server.stop()
        port.stop()
        group.stop()
    }

    /// Asks the server for an echo of some bytes.
    func echo(_ client: RemotingClient, _ body: [UInt8] = [1, 2, 3], to address: String? = nil) async throws -> [UInt8] {
        try await client.request(RemotingCommand(code: 10, body: body), to: address ?? self.address, timeout: .generous).body
    }

    /// Why an echo fails; nil when it does not.
    func refusal(_ client: RemotingClient, to address: String? = nil) async -> String? {
        do {
            _ = try await echo(client, to: address)
            return nil
        } catch {
            return "\(error)"
        }
    }
}
