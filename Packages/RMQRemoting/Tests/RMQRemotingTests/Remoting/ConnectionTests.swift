import Glibc
import RMQCommon
import RMQTestSupport
import Synchronization
import Testing

@testable import RMQRemoting

@Suite(.takesTurns) struct ConnectionTests {
    static let malformed: [(name: String, bytes: [UInt8])] = [
        ("negative length", [0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0]),
        ("length above the limit", [0x01, 0x00, 0x00, 0x00, 0, 0, 0, 0]),
        ("no room for the header word", [0, 0, 0, 2, 0, 0, 0, 0]),
        ("unknown serialization", [0, 0, 0, 6, 9, 0, 0, 2, 0x7B, 0x7D]),
        ("header longer than the frame", [0, 0, 0, 6, 0, 0, 0, 3, 0x7B, 0x7D]),
        ("garbage JSON", [0, 0, 0, 8, 0, 0, 0, 4, 0x7B, 0x3F, 0x3F, 0x7D]),
        ("short binary header", [0, 0, 0, 8, 1, 0, 0, 4, 0, 1, 2, 3]),
        ("binary remark that lies", [0, 0, 0, 25, 1, 0, 0, 21] + [UInt8](repeating: 0, count: 13) + [0x7F, 0xFF, 0xFF, 0xFF] + [0, 0, 0, 0]),
    ]

    @Test(arguments: malformed, TransportKind.allCases)
    func malformedInputClosesItsConnectionOnly(_ input: (name: String, bytes: [UInt8]), over transport: TransportKind) async throws {
        let loopback = try Loopback(over: transport)
        defer { loopback.stop() }
        let good = try RawSocket(port: loopback.server.port)
        let bad = try RawSocket(port: loopback.server.port)
        bad.send(input.bytes)
        #expect(bad.isClosedByPeer)
        #expect(loopback.log.contains("closed 127.0.0.1"))
        good.send(RemotingCommand(code: 10, opaque: 3).encoded())
        #expect(try good.receiveCommand()?.opaque == 3)
    }

    @Test(arguments: TransportKind.allCases)
    func aSlowReaderIsNotReadFromAndGetsEverythingInTheEnd(over transport: TransportKind) async throws {
        let answerBytes = 100_000
        final class Generous: RequestHandler {
            let answer: RemotingCommand
            let handled: SharedCount
            init(_ bytes: Int, _ handled: SharedCount) {
                answer = RemotingCommand(code: 0, body: [UInt8](repeating: 7, count: bytes))
                self.handled = handled
            }
            func receive(_ request: InboundFrame, on connection: Connection) {
                handled.add(1)
                connection.reply(answer, to: request)
            }
        }
        let handled = SharedCount()
        let loopback = try Loopback(over: transport, ServerConfiguration(outputHighWaterBytes: 500_000)) { _ in Generous(answerBytes, handled) }
        defer { loopback.stop() }
        let socket = try RawSocket(port: loopback.server.port, receiveBuffer: 8192)
        let requests = 2000
        var bytes: [UInt8] = []
        for number in 0..<requests { bytes += RemotingCommand(code: 11, opaque: Int32(number)).encoded() }
        socket.send(bytes)
        // The socket buffers take a few megabytes; all 2,000 answers would be 200.
        try await eventually("some requests") { handled.value > 5 }
        #expect(handled.value < 200)
        for number in 0..<requests {
            let answer = try socket.receiveCommand()
            try #require(answer?.opaque == Int32(number))
            try #require(answer?.body.count == answerBytes)
        }
        #expect(handled.value == requests)
    }

    @Test(arguments: TransportKind.allCases)
    func aBusyPortIsNamed(over transport: TransportKind) throws {
        let loopback = try Loopback(over: transport)
        defer { loopback.stop() }
        let second = RemotingServer(
            configuration: ServerConfiguration(port: loopback.server.port), loops: loopback.group,
            logger: Logger(category: "remoting", sink: loopback.log)) { _ in EchoHandler() }
        #expect(throws: RemotingError.addressInUse(address: "127.0.0.1:\(loopback.server.port)")) { try second.start() }
    }

    /// Another test may be given the port by chance before it is taken again, so it is tried with a few.
    @Test(arguments: TransportKind.allCases)
    func aPortIsFreeAgainAfterStop(over transport: TransportKind) throws {
        let wasFree = try (0..<5).contains { _ in
            do {
                try takePortAgain(over: transport)
                return true
            } catch RemotingError.addressInUse {
                return false
            }
        }
        #expect(wasFree)
    }

    private func takePortAgain(over transport: TransportKind) throws {
        let loopback = try Loopback(over: transport)
        defer { loopback.stop() }
        let port = loopback.server.port
        let socket = try RawSocket(port: port)
        socket.send(RemotingCommand(code: 10).encoded())
        _ = try socket.receiveCommand()
        loopback.server.stop()
        #expect(socket.isClosedByPeer)
        let second = RemotingServer(
            configuration: ServerConfiguration(port: port), loops: loopback.group,
            logger: Logger(category: "remoting", sink: loopback.log)) { _ in EchoHandler() }
        try second.start()
        #expect(second.port == port)
        second.stop()
    }

    @Test(.runsAlone, arguments: TransportKind.allCases)
    func anIdleConnectionIsClosedAndABusyOneIsNot(over transport: TransportKind) async throws {
        let closed = SharedCount()
        // Long enough that the busy one is busy in the eyes of a server whose peer is held up for a second.
        let loopback = try Loopback(over: transport, ServerConfiguration(idleTimeout: .seconds(2))) { _ in EchoHandler(onClosed: { closed.add(1) }) }
        defer { loopback.stop() }
        let idle = try RawSocket(port: loopback.server.port)
        let busy = try RawSocket(port: loopback.server.port)
        try await eventually("the idle connection is closed") {
            busy.send(RemotingCommand(code: 10).encoded())
            try #require(try busy.receiveCommand() != nil)
            return closed.value > 0
        }
        #expect(idle.isClosedByPeer)
        #expect(loopback.log.contains("idle"))
        #expect(closed.value == 1)
    }

    @Test(arguments: TransportKind.allCases)
    func ipv6Works(over transport: TransportKind) async throws {
        let loopback = try Loopback(over: transport, ServerConfiguration(listenAddress: "::1"))
        defer { loopback.stop() }
        let answer = try await loopback.client.request(RemotingCommand(code: 10, body: [6]), to: loopback.address, timeout: .generous)
        #expect(answer.body == [6])
    }

    @Test(arguments: TransportKind.allCases)
    func namesAreResolved(over transport: TransportKind) async throws {
        let loopback = try Loopback(over: transport)
        defer { loopback.stop() }
        let answer = try await loopback.client.request(
            RemotingCommand(code: 10, body: [6]), to: "localhost:\(loopback.server.port)", timeout: .generous)
        #expect(answer.body == [6])
    }

    @Test(arguments: TransportKind.allCases)
    func connectionsAboveTheLimitAreRefused(over transport: TransportKind) async throws {
        let loopback = try Loopback(over: transport, ServerConfiguration(maxConnections: 1))
        defer { loopback.stop() }
        let first = try RawSocket(port: loopback.server.port)
        first.send(RemotingCommand(code: 10).encoded())
        #expect(try first.receiveCommand() != nil)
        #expect(try RawSocket(port: loopback.server.port).isClosedByPeer)
        let log = loopback.log
        try await eventually("a line about the limit") { log.contains("the limit") }
    }

    @Test("Case 2.5: a mark before a JSON header or NULs behind it do not close the connection", arguments: TransportKind.allCases)
    func textAroundAHeaderDoesNotCloseTheConnection(over transport: TransportKind) throws {
        let loopback = try Loopback(over: transport)
        defer { loopback.stop() }
        let socket = try RawSocket(port: loopback.server.port)
        for (opaque, form) in ["\u{FEFF}◊", "◊\u{0}\u{0}", "◊", "/* x */◊// y"].enumerated() {
            let header = Array(form.replacing("◊", with: #"{"code":10,"opaque":\#(opaque)}"#).utf8)
            let lengths = [UInt32(header.count + 4), UInt32(header.count)].flatMap { word in withUnsafeBytes(of: word.bigEndian) { Array($0) } }
            socket.send(lengths + header)
            #expect(try socket.receiveCommand()?.opaque == Int32(opaque))
        }
    }

    @Test(arguments: TransportKind.allCases)
    func aPeerThatHasSentItsLastStillGetsItsAnswer(over transport: TransportKind) throws {
        let loopback = try Loopback(over: transport)
        defer { loopback.stop() }
        let socket = try RawSocket(port: loopback.server.port)
        socket.send(RemotingCommand(code: 10, opaque: 5).encoded())
        socket.finishSending()
        #expect(try socket.receiveCommand()?.opaque == 5)
        #expect(socket.isClosedByPeer)
    }

    /// The successor gets the same descriptor; what was meant for its predecessor must not reach it.
    @Test(arguments: TransportKind.allCases)
    func aLateAnswerToAGoneConnectionReachesNobody(over transport: TransportKind) async throws {
        final class Keeper: RequestHandler {
            let kept: @Sendable (ReplyHandle) -> Void
            init(_ kept: @escaping @Sendable (ReplyHandle) -> Void) { self.kept = kept }
            func receive(_ request: InboundFrame, on connection: Connection) {
                if request.code == EchoHandler.silent { return kept(connection.replyHandle(for: request)) }
                connection.reply(.response(.success), to: request)
            }
        }
        let handles = Mutex<[ReplyHandle]>([])
        let loopback = try Loopback(over: transport) { _ in Keeper { handle in handles.withLock { $0.append(handle) } } }
        defer { loopback.stop() }
        for round in 0..<8 as Range<Int32> {
            var socket: RawSocket? = try RawSocket(port: loopback.server.port)
            socket?.send(RemotingCommand(code: EchoHandler.silent, opaque: 100).encoded())
            try await eventually("the request") { handles.withLock { $0.count } == round + 1 }
            socket = nil
            try await eventually("the connection is gone") { loopback.server.connectionCount == 0 }
            let successor = try RawSocket(port: loopback.server.port)
            successor.send(RemotingCommand(code: 10, opaque: 1).encoded())
            #expect(try successor.receiveCommand()?.opaque == 1)
            handles.withLock { $0.last }?.complete(.response(.success))
            successor.send(RemotingCommand(code: 10, opaque: 2).encoded())
            #expect(try successor.receiveCommand()?.opaque == 2)
        }
    }

    /// In a process of its own, whose limit it sets. What happens when not one is left: Tests/Workspace/mishaps.py, as the runtime of the
    /// tests ends the process then.
    @Test func aServerShortOfDescriptorsSparesSomeAndServesAgainLater() async {
        await #expect(processExitsWith: .success) {
            var limits = rlimit(rlim_cur: 128, rlim_max: 128)
            try #require(setrlimit(numericCast(RLIMIT_NOFILE.rawValue), &limits) == 0)
            let loopback = try Loopback()
            func isServed(_ socket: RawSocket) throws -> Bool {
                socket.send(RemotingCommand(code: 10, opaque: 9).encoded())
                return try socket.receiveCommand()?.opaque == 9
            }
            // Both ends of each connection take one. The refused are closed, and the rest of the process still opens files.
            var sockets = [try RawSocket(port: loopback.server.port)]
            while try isServed(sockets[sockets.count - 1]) {
                try #require(sockets.count < 64)
                sockets.append(try RawSocket(port: loopback.server.port))
            }
            try await eventually("a line about the limit") { loopback.log.contains("96 files and sockets are open, the limit") }
            let file = open("/dev/null", O_RDONLY)
            try #require(file >= 0)

            // The next is served as soon as others have gone.
            sockets.removeLast(sockets.count / 2)
            let left = sockets.count
            try await eventually("the closed connections are gone") { loopback.server.connectionCount == left }
            try #require(try isServed(try RawSocket(port: loopback.server.port)))
            close(file)
            loopback.stop()
        }
    }
}
