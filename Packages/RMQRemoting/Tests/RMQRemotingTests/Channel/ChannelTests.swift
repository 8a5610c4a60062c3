import Glibc
import RMQCommon
import RMQTestSupport
import Synchronization
import Testing

@testable import RMQRemoting

/// Channels with a protocol of the tests' own, on the same acceptor as remoting.
@Suite(.takesTurns) struct ChannelTests {
    /// A port that speaks lines.
    final class LinePort {
        let group: EventLoopGroup
        let log = CollectedLog()
        let counts = LineService.Log()
        let server: ChannelServer

        init(
            _ makeTransport: @escaping TransportMaker, loops: Int = 2,
            limits: ChannelLimits = ChannelLimits(
                idleTimeout: .seconds(120), inputLimitBytes: 1000, outputHighWaterBytes: 100_000, outputLimitBytes: 10_000_000)
        ) throws {
            let counts = self.counts
            group = EventLoopGroup(count: loops, name: "lines")
            server = ChannelServer(
                listenAddress: "127.0.0.1", port: 0, maxConnections: 100, limits: limits, loops: group,
                logger: Logger(category: "lines", sink: log), makeTransport: makeTransport
            ) { _ in LineService(counts) }
            try server.start()
        }

        func stop() {
            server.stop()
            group.stop()
        }
    }

    private static func lines(_ texts: String...) -> [UInt8] { texts.flatMap { Array($0.utf8) + [UInt8(ascii: "\n")] } }

    @Test(arguments: TransportKind.allCases)
    func everyLineIsAnsweredInItsTurn(over transport: TransportKind) throws {
        let port = try LinePort(try transport.maker())
        defer { port.stop() }
        let socket = try RawSocket(port: port.server.port)
        let texts = (0..<500).map { "line \($0) of many" }
        socket.send(texts.flatMap { Self.lines($0) })
        let expected = texts.flatMap { Self.lines($0.uppercased()) }
        #expect(socket.receive(expected.count) == expected)
        for byte in Self.lines("slow") { socket.send([byte]) }
        #expect(socket.receive(5) == Self.lines("SLOW"))
    }

    @Test func whatCameInTheWakeUpOfTheStopIsDone() throws {
        let port = try LinePort(PlainTransport.maker, loops: 1)
        defer { port.stop() }
        let socket = try RawSocket(port: port.server.port)
        socket.send(Self.lines("first"))
        #expect(socket.receive(6) == Self.lines("FIRST"))
        // When the loop goes on, both the line and the stop are there.
        let (held, sent) = (Latch(), Latch())
        port.group.loops[0].execute { [server = port.server] in
            held.open()
            sent.wait(for: .generous)
            server.stop()
        }
        held.wait(for: .generous)
        socket.send(Self.lines("second"))
        sent.open()
        #expect(socket.receive(100) == Self.lines("SECOND"))
        #expect(port.counts.batches.value == 2)
    }

    @Test(arguments: TransportKind.allCases)
    func whatWasWrittenBeforeTheEndArrives(over transport: TransportKind) async throws {
        let port = try LinePort(try transport.maker())
        defer { port.stop() }
        let socket = try RawSocket(port: port.server.port, receiveBuffer: 8192)
        // Far more than the socket takes at once.
        socket.send(Self.lines("bytes 9000000", "bytes 10"))
        try await eventually("the first line") { port.counts.lines.value >= 1 }
        var received = socket.receive(9_000_001 + 11)
        #expect(received.count == 9_000_012)
        socket.send(Self.lines("bytes 3000000"))
        socket.send(Self.lines("quit", "never"))
        received = socket.receive(3_000_001 + 4 + 100)
        #expect(received.count == 3_000_001 + 4)
        #expect(Array(received.suffix(4)) == Self.lines("bye"))
        try await eventually("the channel is closed") { port.counts.closed.value == 1 && port.server.channelCount == 0 }
        #expect(port.counts.lines.value == 4, "nothing is handled behind the last line")
    }

    @Test(arguments: TransportKind.allCases)
    func aPeerThatHasSentItsLastGetsAllOfItsAnswer(over transport: TransportKind) async throws {
        var limits = ServerConfiguration().limits
        limits.outputHighWaterBytes = 20_000_000
        let port = try LinePort(try transport.maker(), limits: limits)
        defer { port.stop() }
        let socket = try RawSocket(port: port.server.port, receiveBuffer: 8192)
        // Far more than the socket takes at once, and the end is read before the rest is written.
        socket.send(Self.lines("bytes 9000000"))
        socket.finishSending()
        #expect(socket.receive(9_000_002).count == 9_000_001)
        try await eventually("the channel is closed") { port.counts.closed.value == 1 }
    }

    @Test(arguments: TransportKind.allCases)
    func aProtocolMayCloseWithinItsCall(over transport: TransportKind) async throws {
        let port = try LinePort(try transport.maker())
        defer { port.stop() }
        let socket = try RawSocket(port: port.server.port)
        socket.send(Self.lines("drop", "never"))
        #expect(socket.isClosedByPeer)
        try await eventually("the protocol is told") { port.counts.closed.value == 1 }
        #expect(port.counts.lines.value == 1)
    }

    @Test(arguments: TransportKind.allCases)
    func whatIsNeverCompletedIsBounded(over transport: TransportKind) async throws {
        let port = try LinePort(try transport.maker())
        defer { port.stop() }
        let socket = try RawSocket(port: port.server.port)
        socket.send([UInt8](repeating: UInt8(ascii: "a"), count: 1001))
        #expect(socket.isClosedByPeer)
        try await eventually("a line about it") { port.log.contains("wait for what completes them, limit 1000") }
        try await eventually("the protocol is told") { port.counts.closed.value == 1 }
    }

    @Test(arguments: TransportKind.allCases)
    func aPeerThatDoesNotReadIsNotReadFrom(over transport: TransportKind) async throws {
        let port = try LinePort(try transport.maker())
        defer { port.stop() }
        let socket = try RawSocket(port: port.server.port, receiveBuffer: 8192)
        // The socket buffers take a few megabytes; all 2,000 answers would be 100.
        let count = 2000
        for _ in 0..<count { socket.send(Self.lines("bytes 50000")) }
        try await eventually("some lines") { port.counts.lines.value > 5 }
        #expect(port.counts.lines.value < 400)
        for _ in 0..<count {
            let answer = socket.receive(50_001)
            try #require(answer.count == 50_001)
            try #require(answer[50_000] == UInt8(ascii: "\n"))
        }
        #expect(port.counts.lines.value == count)
    }

    @Test(arguments: TransportKind.allCases)
    func whatWaitsForAPeerIsBounded(over transport: TransportKind) async throws {
        let port = try LinePort(try transport.maker())
        defer { port.stop() }
        let socket = try RawSocket(port: port.server.port)
        socket.send(Self.lines("bytes 10000001"))
        try await eventually("a line about it") { port.log.contains("bytes wait to be written, limit 10000000") }
        #expect(socket.receive(10_000_001).count < 10_000_001)
        try await eventually("the protocol is told") { port.counts.closed.value == 1 }
    }

    @Test func aServiceHearsOfTheEndOfAWakeUpOnce() throws {
        let port = try LinePort(PlainTransport.maker)
        defer { port.stop() }
        let socket = try RawSocket(port: port.server.port)
        socket.send(Self.lines("a", "b", "c"))
        #expect(socket.receive(6) == Self.lines("A", "B", "C"))
        #expect(port.counts.batches.value == 1)
    }

    @Test func oneLoopServesPortsOfSeveralProtocols() async throws {
        let loopback = try Loopback()
        defer { loopback.stop() }
        let counts = LineService.Log()
        let lines = ChannelServer(
            listenAddress: "127.0.0.1", port: 0, maxConnections: 10, limits: ServerConfiguration().limits, loops: loopback.group,
            logger: .silent) { _ in LineService(counts) }
        try lines.start()
        let sockets = try (0..<4).map { _ in try RawSocket(port: lines.port) }
        for socket in sockets { socket.send(Self.lines("text")) }
        let answer = try await loopback.client.request(RemotingCommand(code: 10, body: [1]), to: loopback.address, timeout: .generous)
        #expect(answer.body == [1])
        for socket in sockets { #expect(socket.receive(5) == Self.lines("TEXT")) }
        lines.stop()
        for socket in sockets { #expect(socket.isClosedByPeer) }
        try await eventually("every protocol is told") { counts.closed.value == 4 }
    }

    // MARK: Transports

    @Test func theFirstByteOfAConnectionDecides() throws {
        let port = try LinePort({
            ChoosingTransport { first in
                if first == FlippingTransport.hello { FlippingTransport() } else { PlainTransport() }
            }
        })
        defer { port.stop() }
        let plain = try RawSocket(port: port.server.port)
        let flipping = try RawSocket(port: port.server.port)
        flipping.send([FlippingTransport.hello])
        plain.send(Self.lines("text"))
        flipping.send(FlippingTransport.flip(Self.lines("text")))
        #expect(plain.receive(5) == Self.lines("TEXT"))
        #expect(FlippingTransport.flip(flipping.receive(5)) == Self.lines("TEXT"))
        flipping.send(FlippingTransport.flip(Self.lines("bytes 100000")))
        #expect(FlippingTransport.flip(flipping.receive(100_001)).dropLast().allSatisfy { $0 == UInt8(ascii: "x") })
    }

    /// Whatever happens to connections, every request comes to an end, and nothing of them is left.
    @Test func connectionsThatBreakAtAnyByteLeaveNothingBehind() async throws {
        let group = EventLoopGroup(count: 2, name: "cuts")
        defer { group.stop() }
        let maker = try HostileTransport.maker(seed: 21, cuts: 1...40_000)
        let server = RemotingServer(
            configuration: ServerConfiguration(makeTransport: maker), loops: group, logger: .silent) { _ in EchoHandler() }
        try server.start()
        defer { server.stop() }
        let client = RemotingClient(
            configuration: ClientConfiguration(connectTimeout: .generous, maxBackoff: .milliseconds(1)), loops: group, logger: .silent,
            makeTransport: maker)
        let address = "127.0.0.1:\(server.port)"
        var answered = 0
        var broken = 0
        for _ in 0..<40 {
            let results = await withTaskGroup(of: Result<[UInt8], RemotingError>.self) { tasks in
                for number in 0..<10 {
                    tasks.addTask {
                        do throws(RemotingError) {
                            let body = [UInt8](repeating: UInt8(number), count: 1000)
                            return .success(try await client.request(RemotingCommand(code: 10, body: body), to: address, timeout: .generous).body)
                        } catch {
                            return .failure(error)
                        }
                    }
                }
                return await tasks.reduce(into: []) { $0.append($1) }
            }
            for result in results {
                switch result {
                case .success(let body):
                    answered += 1
                    #expect(body.count == 1000 && body.allSatisfy { $0 == body[0] })
                case .failure(let error):
                    broken += 1
                    #expect(error == .connectionClosed(address: address))
                }
            }
        }
        #expect(answered > 0)
        #expect(broken > 0)
        client.close()
        try await eventually("no connection is left") { server.connectionCount == 0 }
    }
}
