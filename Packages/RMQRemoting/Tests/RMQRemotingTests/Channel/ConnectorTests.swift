import RMQCommon
import RMQTestSupport
import Synchronization
import Testing

@testable import RMQRemoting

/// Channels that we open ourselves, without requests and answers: as a replica does.
@Suite(.takesTurns) struct ConnectorTests {
    /// Sends what it is given and keeps what comes.
    private final class Teller: ChannelProtocol {
        private let heard: @Sendable ([UInt8]) -> Void
        init(_ heard: @escaping @Sendable ([UInt8]) -> Void) { self.heard = heard }

        func receive(_ bytes: UnsafeRawBufferPointer) -> Int {
            heard(Array(bytes))
            return bytes.count
        }

        func channelClosed() { heard(Array("closed".utf8)) }
    }

    private static let limits = ServerConfiguration().limits

    @Test(arguments: TransportKind.allCases)
    func aChannelIsOpenedAndTellsOfItsEnd(over transport: TransportKind) async throws {
        let group = EventLoopGroup(count: 1, name: "connector")
        defer { group.stop() }
        let loop = group.loops[0]
        let counts = LineService.Log()
        let server = ChannelServer(
            listenAddress: "127.0.0.1", port: 0, maxConnections: 10, limits: Self.limits, loops: group, logger: .silent
        ) { _ in LineService(counts) }
        try server.start()
        defer { server.stop() }
        let heard = Mutex<[UInt8]>([])
        let connector = LoopBound(
            ChannelConnector(
                "localhost:\(server.port)", timeout: .generous, limits: Self.limits, loop: loop, logger: .silent,
                resolve: SocketAddress.resolving, makeTransport: try transport.maker()),
            loop: loop)
        connector.post { connector in
            connector.connect { result in
                guard case .success(let channel) = result else { return }
                channel.start(Teller { bytes in heard.withLock { $0 += bytes } })
                channel.write(Array("one\ntwo\nquit\n".utf8))
            }
        }
        try await eventually("all is heard") { heard.withLock { $0 } == Array("ONE\nTWO\nbye\nclosed".utf8) }
        #expect(counts.lines.value == 3)
    }

    @Test func aRefusedConnectIsSaid() async throws {
        let group = EventLoopGroup(count: 1, name: "connector")
        defer { group.stop() }
        let nobody = try ReservedPort()
        let failure = Mutex<RemotingError?>(nil)
        let connector = LoopBound(
            ChannelConnector(nobody.address, timeout: .generous, limits: Self.limits, loop: group.loops[0], logger: .silent),
            loop: group.loops[0])
        connector.post { connector in
            connector.connect { result in
                if case .failure(let error) = result { failure.withLock { $0 = error } }
            }
        }
        try await eventually("the end of the attempt") { failure.withLock { $0 } != nil }
        guard case .connectFailed(nobody.address, _) = failure.withLock({ $0 }) else {
            Issue.record("\(String(describing: failure.withLock { $0 }))")
            return
        }
    }

    @Test func anAttemptThatWasGivenUpIsSilent() async throws {
        let group = EventLoopGroup(count: 1, name: "connector")
        let listener = try RawListener()
        let filler = try RawSocket(port: listener.port)
        let ends = SharedCount()
        let connector = LoopBound(
            ChannelConnector(
                "127.0.0.1:\(listener.port)", timeout: .generous, limits: Self.limits, loop: group.loops[0], logger: .silent),
            loop: group.loops[0])
        connector.post { connector in
            connector.connect { _ in ends.add(1) }
            connector.cancel()
            // The next one is as good as the first.
            connector.connect { _ in ends.add(1) }
        }
        _ = try listener.accept()
        _ = try listener.accept()
        try await eventually("the second attempt succeeds") { ends.value > 0 }
        group.stop()
        #expect(ends.value == 1)
        withExtendedLifetime(filler) {}
    }
}
