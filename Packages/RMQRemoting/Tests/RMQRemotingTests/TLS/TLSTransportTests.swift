import CSSL
import Glibc
import RMQCommon
import RMQTestSupport
import Synchronization
import Testing

@testable import RMQRemoting

@Suite(.takesTurns) struct TLSTransportTests {
    // MARK: bytes

    @Test func requestsAndAnswersOfAnySizeTravel() async throws {
        let loopback = try TLSLoopback()
        defer { loopback.stop() }
        let client = try loopback.client()
        for size in [0, 1, 100, 16_384, 16_385, 200_000, 4_000_000] {
            let body = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
            #expect(try await loopback.echo(client, body) == body)
        }
    }

    @Test func manyRequestsAtOnceAllGetTheirAnswers() async throws {
        let loopback = try TLSLoopback()
        defer { loopback.stop() }
        let (client, address) = (try loopback.client(), loopback.address)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<500 {
                group.addTask {
                    let body = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: number * 97)
                    return try await client.request(RemotingCommand(code: 10, body: body), to: address, timeout: .generous).body == body
                }
            }
            for try await isSame in group { #expect(isSame) }
        }
    }

    @Test func anAnswerFromWhereItLiesIsCopiedIntoRecords() async throws {
        // Lines over TLS by a client of the library's own: blocks of memory between bytes of the channel.
        let certificates = try TestCertificates()
        let pair = try certificates.make()
        let folder = try TemporaryFolder()
        let files = TLSLoopback.Files(folder: folder.path)
        try files.write(pair, trust: certificates.trust)
        var settings = TLSSettings()
        settings.testMode = false
        (settings.server.certificatePath, settings.server.keyPath) = (files.certificate, files.key)
        let port = try TLSPort(settings, logger: .silent)
        let group = EventLoopGroup(count: 1, name: "tls-lines")
        let log = LineService.Log()
        let server = ChannelServer(
            listenAddress: "127.0.0.1", port: 0, maxConnections: 10, limits: ServerConfiguration().limits, loops: group, logger: .silent,
            makeTransport: port.makeTransport) { _ in LineService(log) }
        try server.start()
        defer {
            server.stop()
            port.stop()
            group.stop()
        }
        let peer = try TLSPeerSocket(port: server.port)
        #expect(peer.shakeHands() == nil)
        peer.send(Array("bytes 3000000\nend\n".utf8))
        #expect(peer.receive(3_000_005) == [UInt8](repeating: UInt8(ascii: "x"), count: 3_000_000) + Array("\nEND\n".utf8))
        peer.send(Array("quit\n".utf8))
        #expect(peer.receive(100) == Array("bye\n".utf8))
        #expect(peer.wasToldTheEnd)
    }

    @Test func lastWordsBehindARequestEndTheConnectionOnceItIsAnswered() throws {
        let loopback = try TLSLoopback()
        defer { loopback.stop() }
        let peer = try TLSPeerSocket(port: loopback.server.port)
        #expect(peer.shakeHands() == nil)
        peer.sendAndEnd(RemotingCommand(code: 10, opaque: 5, body: [4]).encoded())
        let length = peer.receive(4).reduce(0) { $0 << 8 | Int($1) }
        #expect(try RemotingCommand.decode(frame: peer.receive(length)).body == [4])
        #expect(peer.receive(1).isEmpty)
        #expect(peer.wasToldTheEnd)
    }

    @Test func theNextConnectionGoesOnWithTheSessionOfTheOneBefore() throws {
        let loopback = try TLSLoopback()
        defer { loopback.stop() }
        let first = try TLSPeerSocket(port: loopback.server.port)
        #expect(first.shakeHands() == nil)
        #expect(try first.echo([7]) == [7])
        #expect(!first.isResumed)
        let second = try TLSPeerSocket(port: loopback.server.port, after: first)
        #expect(second.shakeHands() == nil)
        #expect(try second.echo([8]) == [8])
        #expect(second.isResumed)
    }

    @Test(arguments: [TLS1_2_VERSION, TLS1_3_VERSION]) func bothVersionsAreSpoken(_ version: Int32) throws {
        let loopback = try TLSLoopback()
        defer { loopback.stop() }
        let peer = try TLSPeerSocket(port: loopback.server.port, version: version)
        #expect(peer.shakeHands() == nil)
        #expect(try peer.echo([1, 2]) == [1, 2])
    }

    @Test func anOlderVersionIsRefused() async throws {
        let loopback = try TLSLoopback()
        defer { loopback.stop() }
        let peer = try TLSPeerSocket(port: loopback.server.port, version: TLS1_1_VERSION)
        #expect(peer.shakeHands() != nil)
        try await eventually("the server says so") { loopback.log.contains("TLS: unsupported protocol") }
    }

    // MARK: modes

    @Test func aPermissivePortServesBothAndLendsPlainSocketsAsEver() async throws {
        let loopback = try TLSLoopback()
        defer { loopback.stop() }
        #expect(try await loopback.echo(try loopback.client()) == [1, 2, 3])
        #expect(try await loopback.echo(loopback.plainClient()) == [1, 2, 3])
        let plain = try #require(loopback.port.plain())
        #expect(plain is any SharedTransport)
    }

    @Test func anEnforcingPortClosesPlainConnections() async throws {
        let loopback = try TLSLoopback(nil) { settings, _ in settings.mode = .enforcing }
        defer { loopback.stop() }
        #expect(try await loopback.echo(try loopback.client()) == [1, 2, 3])
        let refusal = await loopback.refusal(loopback.plainClient())
        #expect(refusal == "\(loopback.address) closed the connection before it answered")
        #expect(loopback.log.contains("it is not encrypted, and tls.server.mode is enforcing"))
    }

    @Test func aDisabledPortClosesThoseThatBeginWithTLS() async throws {
        let loopback = try TLSLoopback(nil) { settings, _ in settings.mode = .disabled }
        defer { loopback.stop() }
        #expect(try await loopback.echo(loopback.plainClient()) == [1, 2, 3])
        let refusal = await loopback.refusal(try loopback.client())
        #expect(refusal == "cannot connect to \(loopback.address): TLS: the peer left before the handshake was done")
        #expect(loopback.port.makeTransport() is PlainTransport)
    }

    @Test func testModeNeedsNoFiles() async throws {
        let loopback = try TLSLoopback(nil) { settings, _ in (settings.testMode, settings.server) = (true, TLSFiles()) }
        defer { loopback.stop() }
        #expect(try await loopback.echo(try loopback.client { $0.verifiesServer = false }) == [1, 2, 3])
        let refusal = await loopback.refusal(try loopback.client())
        #expect(refusal == "cannot connect to \(loopback.address): TLS: the peer's certificate is refused: self-signed certificate")
    }

    // MARK: who the server is

    @Test func aServerOfAnUnknownAuthorityIsRefused() async throws {
        let loopback = try TLSLoopback()
        defer { loopback.stop() }
        let other = loopback.folder.sub("other.pem")
        try SmallFile.replace(other, with: try TestCertificates("others").trust)
        let refusal = await loopback.refusal(try loopback.client { $0.files.trustPath = other })
        #expect(refusal?.containsBytes(of: "the peer's certificate is refused: unable to get local issuer certificate") == true)
        try await eventually("the server is told") { loopback.log.contains("unknown ca") }
        #expect(try await loopback.echo(try loopback.client()) == [1, 2, 3])
    }

    @Test func anExpiredCertificateIsRefused() async throws {
        let loopback = try TLSLoopback({ try $0.make { $0.ends = -3_600 } })
        defer { loopback.stop() }
        let refusal = await loopback.refusal(try loopback.client())
        #expect(refusal == "cannot connect to \(loopback.address): TLS: the peer's certificate is refused: certificate has expired")
    }

    @Test func theCertificateHasToBeMadeOutToTheHost() async throws {
        let loopback = try TLSLoopback({ try $0.make { $0.hosts = "DNS:mq.example" } })
        defer { loopback.stop() }
        for (address, reason) in [("localhost", "hostname mismatch"), ("127.0.0.1", "IP address mismatch")] {
            let refusal = await loopback.refusal(try loopback.client(), to: "\(address):\(loopback.server.port)")
            #expect(refusal?.hasByteSuffix("the peer's certificate is refused: \(reason)") == true)
        }
        #expect(try await loopback.echo(try loopback.client { $0.serverName = "mq.example" }) == [1, 2, 3])
        #expect(try await loopback.echo(try loopback.client { $0.verifiesHostName = false }) == [1, 2, 3])
    }

    @Test func anAddressMayBeInTheCertificate() async throws {
        let loopback = try TLSLoopback()
        defer { loopback.stop() }
        #expect(try await loopback.echo(try loopback.client(), to: "127.0.0.1:\(loopback.server.port)") == [1, 2, 3])
    }

    @Test func anRSAKeyServesAsWell() async throws {
        let loopback = try TLSLoopback({ try $0.make { $0.isRSA = true } })
        defer { loopback.stop() }
        #expect(try await loopback.echo(try loopback.client()) == [1, 2, 3])
    }

    // MARK: who the client is

    @Test(arguments: [TLSSettings.ClientCertificate.none, .optional, .require], [false, true])
    func clientsAreAskedForTheirCertificate(_ wish: TLSSettings.ClientCertificate, verifies: Bool) async throws {
        let loopback = try TLSLoopback(nil) { settings, _ in (settings.clientCertificate, settings.verifiesClients) = (wish, verifies) }
        defer { loopback.stop() }
        let known = try loopback.certificates.make { $0.name = "a client" }
        #expect(try await loopback.echo(try loopback.client(known)) == [1, 2, 3])
        let withoutOne = await loopback.refusal(try loopback.client())
        #expect((withoutOne == nil) == (wish != .require))
        if wish == .require {
            try await eventually("the server says why") { loopback.log.contains("peer did not return a certificate") }
        }
        let stranger = try TestCertificates("strangers").make { $0.name = "a stranger" }
        let ofStranger = await loopback.refusal(try loopback.client(stranger))
        #expect((ofStranger == nil) == (wish == .none || !verifies))
    }

    // MARK: bad input

    /// Each is closed, with a reason in the log, and others are served on.
    @Test(arguments: [
        ("garbage after the first byte", [0x16, 0x50, 0x4F, 0x53, 0x54, 0x20], "what follows the first byte is no TLS record"),
        ("a record that is too long", [0x16, 3, 1, 0xFF, 0xFF], "what follows the first byte is no TLS record"),
        ("a record that is no hello", [0x16, 3, 1, 0, 4, 0x0E, 0, 0, 0], "TLS: "),
    ])
    func badBeginningsAreTold(_ what: String, _ bytes: [UInt8], _ reason: String) async throws {
        let loopback = try TLSLoopback()
        defer { loopback.stop() }
        let socket = try RawSocket(port: loopback.server.port)
        socket.send(bytes)
        _ = socket.receive(1_000)
        try await eventually("the server says why") { loopback.log.contains(reason) }
        #expect(try await loopback.echo(try loopback.client()) == [1, 2, 3])
    }

    @Test func aPeerThatLeavesAmongTheHandshakeIsTold() async throws {
        let loopback = try TLSLoopback()
        defer { loopback.stop() }
        let socket = try RawSocket(port: loopback.server.port)
        socket.send([0x16, 3, 1, 1, 0, 1, 0])
        socket.finishSending()
        #expect(socket.isClosedByPeer)
        #expect(loopback.log.contains("the peer left before the handshake was done"))
        #expect(try await loopback.echo(try loopback.client()) == [1, 2, 3])
    }

    @Test func damagedRecordsEndTheConnectionAndNoOther() async throws {
        let loopback = try TLSLoopback()
        defer { loopback.stop() }
        let peer = try TLSPeerSocket(port: loopback.server.port)
        #expect(peer.shakeHands() == nil)
        #expect(try peer.echo([1]) == [1])
        peer.sendRaw([23, 3, 3, 0, 32] + [UInt8](repeating: 9, count: 32))
        #expect(peer.receive(1).isEmpty)
        try await eventually("the server says why") { loopback.log.contains("decryption failed or bad record mac") }
        #expect(try await loopback.echo(try loopback.client()) == [1, 2, 3])
    }

    @Test func renegotiationIsRefused() async throws {
        let loopback = try TLSLoopback()
        defer { loopback.stop() }
        let peer = try TLSPeerSocket(port: loopback.server.port, version: TLS1_2_VERSION)
        #expect(peer.shakeHands() == nil)
        #expect(try peer.echo([1]) == [1])
        #expect(!peer.renegotiates())
        #expect(try await loopback.echo(try loopback.client()) == [1, 2, 3])
    }

    @Test func hundredsOfSlowHandshakesKeepNobodyWaiting() async throws {
        let loopback = try TLSLoopback()
        defer { loopback.stop() }
        var slow: [RawSocket] = []
        for _ in 0..<300 {
            let socket = try RawSocket(port: loopback.server.port)
            socket.send([0x16, 3, 1, 2])
            slow.append(socket)
        }
        #expect(try await loopback.echo(try loopback.client()) == [1, 2, 3])
        #expect(try await loopback.echo(loopback.plainClient()) == [1, 2, 3])
        for socket in slow { #expect(socket.isClosedByPeer) }
        #expect(loopback.log.contains("no TLS handshake within 10.0 seconds"))
    }

    @Test func aClientGivesUpAServerThatSaysNothing() async throws {
        let listener = try RawListener()
        let group = EventLoopGroup(count: 1, name: "silent")
        defer { group.stop() }
        var configuration = ClientConfiguration(connectTimeout: .milliseconds(100))
        configuration.tls = try TLSClient(TLSClientSettings())
        let client = RemotingClient(configuration: configuration, loops: group, logger: .silent)
        defer { client.close() }
        let error = await #expect(throws: RemotingError.self) {
            try await client.request(RemotingCommand(code: 10), to: "127.0.0.1:\(listener.port)", timeout: .generous)
        }
        #expect(error == .connectFailed(address: "127.0.0.1:\(listener.port)", reason: "no TLS handshake within 0.1 seconds"))
    }

    @Test func aClientTellsThatTheServerSpeaksNoTLS() async throws {
        let loopback = try Loopback()
        defer { loopback.stop() }
        var configuration = ClientConfiguration(connectTimeout: .generous)
        configuration.tls = try TLSClient(TLSClientSettings())
        let client = RemotingClient(configuration: configuration, loops: loopback.group, logger: .silent)
        defer { client.close() }
        let error = await #expect(throws: RemotingError.self) {
            try await client.request(RemotingCommand(code: 10), to: loopback.address, timeout: .generous)
        }
        #expect(error == .connectFailed(address: loopback.address, reason: "TLS: the peer left before the handshake was done"))
    }
}

/// A blocking TLS client by the library itself, for what no client of ours would do.
final class TLSPeerSocket {
    private let context: OpaquePointer
    private let session: OpaquePointer
    private let socket: RawSocket

    /// - Parameters:
    ///   - version: the only one that is spoken; nil leaves the choice to the library.
    ///   - other: goes on with the session of this one.
    init(port: UInt16, version: Int32? = nil, after other: TLSPeerSocket? = nil) throws {
        context = try #require(SSL_CTX_new(TLS_client_method()))
        if let version {
            _ = cssl_set_least_version(context, version)
            _ = cssl_set_most_version(context, version)
            // The system may forbid what is to be tried.
            SSL_CTX_set_cipher_list(context, "DEFAULT:@SECLEVEL=0")
        }
        session = try #require(SSL_new(context))
        socket = try RawSocket(port: port)
        SSL_set_fd(session, socket.number)
        if let other, let ticket = SSL_get1_session(other.session) {
            SSL_set_session(session, ticket)
            SSL_SESSION_free(ticket)
        }
    }

    deinit {
        SSL_free(session)
        SSL_CTX_free(context)
    }

    /// Why the handshake failed; nil when it did not.
    func shakeHands() -> String? { SSL_connect(session) == 1 ? nil : ErrorQueue.reason }

    /// What the server showed, as PEM.
    var certificate: [UInt8] {
        let shown = SSL_get1_peer_certificate(session)
        defer { X509_free(shown) }
        return TestCertificates.text { PEM_write_bio_X509($0, shown) }
    }

    var isResumed: Bool { SSL_session_reused(session) == 1 }

    func send(_ bytes: [UInt8]) { _ = SSL_write(session, bytes, Int32(bytes.count)) }

    /// The bytes and the end of them, in one piece.
    func sendAndEnd(_ bytes: [UInt8]) {
        socket.holdBack(true)
        send(bytes)
        SSL_shutdown(session)
        socket.holdBack(false)
    }

    /// Past the session: a record that the peer cannot open.
    func sendRaw(_ bytes: [UInt8]) { socket.send(bytes) }

    /// Exactly `count` bytes; fewer when the peer ended.
    func receive(_ count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var got = 0
        while got < count {
            let more = bytes.withUnsafeMutableBytes { SSL_read(session, $0.baseAddress! + got, Int32(count - got)) }
            guard more > 0 else { break }
            got += Int(more)
        }
        return Array(bytes[..<got])
    }

    func echo(_ body: [UInt8]) throws -> [UInt8] {
        send(RemotingCommand(code: 10, opaque: 5, body: body).encoded())
        let length = receive(4).reduce(0) { $0 << 8 | Int($1) }
        return try RemotingCommand.decode(frame: receive(length)).body
    }

    /// The peer said that it sends no more, and did not only stop.
    var wasToldTheEnd: Bool { SSL_get_shutdown(session) & SSL_RECEIVED_SHUTDOWN != 0 }

    /// Whether the peer goes along with a second handshake.
    func renegotiates() -> Bool {
        guard SSL_renegotiate(session) == 1, SSL_do_handshake(session) == 1 else { return false }
        return receive(1).count == 1
    }
}
