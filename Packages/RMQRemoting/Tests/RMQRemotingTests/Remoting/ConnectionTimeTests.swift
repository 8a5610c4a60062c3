import RMQCommon
import Synchronization
import Testing

@testable import RMQRemoting
import RMQTestSupport

/// Connections over loopback whose loop goes by a clock that only moves when told.
@Suite(.takesTurns) struct ConnectionTimeTests {
    private let clock = HandClock()

    private func loops() -> EventLoopGroup { EventLoopGroup(count: 1, name: "hand", clocks: clock.clocks) }

    /// Lets time pass, and the loop see it.
    private func pass(_ duration: Duration, _ group: EventLoopGroup) {
        clock.advance(duration)
        group.loops[0].execute {}
    }

    // MARK: Requests that wait

    /// Takes an hour for each request, and keeps how long each had waited.
    private final class Slow: RequestHandler {
        private let clock: HandClock
        private(set) var waitedNanoseconds: [Int64] = []
        init(_ clock: HandClock) { self.clock = clock }

        func receive(_ request: InboundFrame, on connection: Connection) {
            waitedNanoseconds.append(connection.waitedNanoseconds)
            clock.advance(.seconds(3_600))
            connection.loop.noteDelay()
        }
    }

    @Test func requestsBehindASlowOneHaveWaitedForIt() async throws {
        let group = loops()
        defer { group.stop() }
        let shown = Mutex<LoopBound<Slow>?>(nil)
        let server = RemotingServer(configuration: ServerConfiguration(idleTimeout: .seconds(100_000)), loops: group, logger: .silent) { [clock] loop in
            let handler = Slow(clock)
            shown.withLock { $0 = LoopBound(handler, loop: loop) }
            return handler
        }
        try server.start()
        defer { server.stop() }
        let socket = try RawSocket(port: server.port)
        try await eventually("the loop has its handler") { shown.withLock { $0 } != nil }
        let handler = try #require(shown.withLock { $0 })
        func waited() async -> [Int64] { await withCheckedContinuation { done in handler.post { done.resume(returning: $0.waitedNanoseconds) } } }
        socket.send((1...3).flatMap { RemotingCommand(code: 10, opaque: $0).encoded() })
        try await eventually("all are handled") { await waited().count == 3 }
        #expect(await waited() == [0, 3_600_000_000_000, 7_200_000_000_000])
        socket.send(RemotingCommand(code: 10, opaque: 4).encoded())
        try await eventually("the next one is handled") { await waited().count == 4 }
        // The kernel knows that it came just now, though the loop was away for hours.
        #expect(await waited()[3] < 3_600_000_000_000)
    }

    // MARK: Idle connections

    /// Answers with so many bytes, and shows its connection.
    private final class Generous: RequestHandler {
        let bodyCount: Int
        private(set) var connection: Connection?
        init(bodyCount: Int) { self.bodyCount = bodyCount }

        func receive(_ request: InboundFrame, on connection: Connection) {
            self.connection = connection
            connection.reply(RemotingCommand(code: 0, body: [UInt8](repeating: 7, count: bodyCount)), to: request)
        }

        func connectionClosed(_ connection: Connection) { self.connection = nil }
    }

    @Test(arguments: TransportKind.allCases)
    func aPeerThatTakesItsAnswerSlowlyIsNotIdle(over transport: TransportKind) async throws {
        let group = loops()
        defer { group.stop() }
        let bodyCount = 24 << 20
        let shown = Mutex<LoopBound<Generous>?>(nil)
        let server = RemotingServer(
            configuration: ServerConfiguration(idleTimeout: .seconds(100), makeTransport: try transport.maker()), loops: group,
            logger: .silent
        ) { loop in
            let handler = Generous(bodyCount: bodyCount)
            shown.withLock { $0 = LoopBound(handler, loop: loop) }
            return handler
        }
        try server.start()
        defer { server.stop() }
        let socket = try RawSocket(port: server.port, receiveBuffer: 8192)
        try await eventually("the loop has its handler") { shown.withLock { $0 } != nil }
        let handler = try #require(shown.withLock { $0 })
        /// Bytes that wait in the server; nil without a connection.
        func waiting() async -> Int? {
            await withCheckedContinuation { done in handler.post { done.resume(returning: $0.connection?.channel.waitingBytes) } }
        }
        socket.send(RemotingCommand(code: 10, opaque: 1).encoded())
        var last = 0
        try await eventually("the socket takes no more") {
            let now = await waiting() ?? 0
            defer { last = now }
            return now > 0 && now == last
        }
        var received = 0
        for _ in 0..<4 {
            pass(.seconds(60), group)
            let before = try #require(await waiting(), "the connection is still there")
            try await eventually("the server writes on") {
                received += socket.receive(1 << 18).count
                let now = await waiting() ?? before
                return now < before
            }
        }
        received += socket.receive(bodyCount - received).count
        #expect(received == bodyCount, "all but the header's length, which is left")
        pass(.seconds(60), group)
        #expect(await waiting() != nil)
        // Nothing is written any more.
        pass(.seconds(60), group)
        try await eventually("it is idle now") { await waiting() == nil }
    }

    // MARK: Connecting again

    @Test(arguments: TransportKind.allCases)
    func aConnectionThatWorkedMakesTheNextOutageANewOne(over transport: TransportKind) async throws {
        let group = loops()
        defer { group.stop() }
        let client = RemotingClient(
            configuration: ClientConfiguration(connectTimeout: .seconds(1000), maxBackoff: .seconds(100)), loops: group, logger: .silent,
            makeTransport: try transport.maker())
        defer { client.close() }
        let closed = Mutex(0)
        client.setConnectionClosedHandler { _ in closed.withLock { $0 += 1 } }
        let port = try ReservedPort().number
        let address = "127.0.0.1:\(port)"
        func ask() async throws -> RemotingCommand { try await client.request(RemotingCommand(code: 10), to: address, timeout: .seconds(1000)) }
        func fails() async throws {
            do {
                _ = try await ask()
                Issue.record("nobody is there to answer")
            } catch let error as RemotingError {
                guard case .connectFailed(address, _) = error else { throw error }
            }
        }
        func serve() throws -> RemotingServer {
            let server = RemotingServer(
                configuration: ServerConfiguration(port: port, makeTransport: try transport.maker()), loops: group, logger: .silent
            ) { _ in EchoHandler() }
            try server.start()
            return server
        }
        // The pauses behind these are 20, 40, 80, 160, 320 and 640 ms; the next one would be longer still.
        for _ in 0..<6 {
            try await fails()
            pass(.milliseconds(640), group)
        }
        let first = try serve()
        #expect(try await ask().code == 0)
        first.stop()
        try await eventually("the client knows") { closed.withLock { $0 } == 1 }
        try await fails()
        let second = try serve()
        defer { second.stop() }
        pass(.milliseconds(20), group)
        async let answer = ask()
        try await eventually("the client connects") { second.connectionCount == 1 }
        #expect(try await answer.code == 0)
    }
}
