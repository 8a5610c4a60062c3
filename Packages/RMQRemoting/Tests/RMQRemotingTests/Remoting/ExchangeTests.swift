import RMQCommon
import RMQTestSupport
import Synchronization
import Testing

@testable import RMQRemoting

@Suite(.takesTurns) struct ExchangeTests {
    @Test(arguments: HeaderSerialization.allCases, TransportKind.allCases)
    func aRequestComesBackWithItsFieldsAndBody(serialization: HeaderSerialization, over transport: TransportKind) async throws {
        let loopback = try Loopback(over: transport)
        defer { loopback.stop() }
        let command = RemotingCommand(
            code: 105, fields: ["topic": "orders", "text": "quote \" and \u{1}"], body: [1, 2, 3], serialization: serialization)
        let answer = try await loopback.client.request(command, to: loopback.address, timeout: .generous)
        #expect(answer.isResponse)
        #expect(answer.serialization == serialization)
        #expect(answer.body == [1, 2, 3])
        #expect(answer.fields == command.fields)
    }

    @Test(arguments: TransportKind.allCases)
    func concurrentRequestsShareAConnection(over transport: TransportKind) async throws {
        let loopback = try Loopback(over: transport)
        defer { loopback.stop() }
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<500 {
                group.addTask {
                    let body = Array("\(number)".utf8)
                    let command = RemotingCommand(code: number % 3 == 0 ? EchoHandler.late : 10, body: body)
                    return try await loopback.client.request(command, to: loopback.address, timeout: .generous).body == body
                }
            }
            for try await isRight in group { #expect(isRight) }
        }
        #expect(loopback.server.connectionCount == 1)
    }

    @Test(arguments: TransportKind.allCases)
    func aOnewayRequestArrivesAndIsNotAnswered(over transport: TransportKind) async throws {
        let arrived = Mutex<[UInt8]>([])
        let loopback = try Loopback(over: transport) { _ in EchoHandler(onOneway: { body in arrived.withLock { $0 = body } }) }
        defer { loopback.stop() }
        let socket = try RawSocket(port: loopback.server.port)
        socket.send(RemotingCommand(code: 10, opaque: 1, flag: RemotingCommand.Flag.oneway, body: [9]).encoded())
        socket.send(RemotingCommand(code: 10, opaque: 2).encoded())
        #expect(try socket.receiveCommand()?.opaque == 2)
        #expect(arrived.withLock { $0 } == [9])

        try await loopback.client.sendOneway(RemotingCommand(code: 10, body: [8]), to: loopback.address)
        try await eventually("the oneway request") { arrived.withLock { $0 } == [8] }
    }

    @Test(arguments: TransportKind.allCases)
    func anUnansweredRequestTimesOut(over transport: TransportKind) async throws {
        let loopback = try Loopback(over: transport)
        defer { loopback.stop() }
        await #expect(throws: RemotingError.timedOut(address: loopback.address, code: EchoHandler.silent, after: .milliseconds(50))) {
            try await loopback.client.request(
                RemotingCommand(code: EchoHandler.silent), to: loopback.address, timeout: .milliseconds(50))
        }
        // The connection is as good as before.
        let answer = try await loopback.client.request(RemotingCommand(code: 1), to: loopback.address, timeout: .generous)
        #expect(answer.code == 0)
    }

    @Test(arguments: TransportKind.allCases)
    func aCancelledTaskStopsWaiting(over transport: TransportKind) async throws {
        let loopback = try Loopback(over: transport)
        defer { loopback.stop() }
        let waiting = Task {
            try await loopback.client.request(RemotingCommand(code: EchoHandler.silent), to: loopback.address, timeout: .generous)
        }
        waiting.cancel()
        await #expect(throws: RemotingError.cancelled) { try await waiting.value }
    }

    @Test(arguments: TransportKind.allCases)
    func theServerAsksTheClient(over transport: TransportKind) async throws {
        let handles = Mutex<[ConnectionHandle]>([])
        final class Greeter: RequestHandler {
            let met: @Sendable (ConnectionHandle) -> Void
            init(_ met: @escaping @Sendable (ConnectionHandle) -> Void) { self.met = met }
            func receive(_ request: InboundFrame, on connection: Connection) {
                met(connection.handle)
                connection.reply(.response(.success), to: request)
            }
        }
        let loopback = try Loopback(over: transport) { _ in Greeter { handle in handles.withLock { $0.append(handle) } } }
        defer { loopback.stop() }
        _ = try await loopback.client.request(RemotingCommand(code: 34), to: loopback.address, timeout: .generous)
        let handle = try #require(handles.withLock { $0.first })

        // Without a handler the client says so; with one it answers; its silence is a timeout.
        let refused = try await handle.request(RemotingCommand(code: 309), timeout: .generous)
        #expect(refused.responseCode == .requestCodeNotSupported)
        loopback.client.setRequestHandler { command, _ in
            command.code == 40 ? nil : .response(.success, body: command.body.reversed())
        }
        #expect(try await handle.request(RemotingCommand(code: 307, body: [1, 2]), timeout: .generous).body == [2, 1])
        await #expect(throws: RemotingError.timedOut(address: handle.remote.description, code: 40, after: .milliseconds(30))) {
            try await handle.request(RemotingCommand(code: 40), timeout: .milliseconds(30))
        }
        func tell() async -> RemotingError? {
            await withCheckedContinuation { done in handle.sendOneway(RemotingCommand(code: 39)) { done.resume(returning: $0) } }
        }
        #expect(await tell() == nil)
        handle.close()
        #expect(await tell() == .connectionClosed(address: handle.remote.description))
        await #expect(throws: RemotingError.connectionClosed(address: handle.remote.description)) {
            try await handle.request(RemotingCommand(code: 307), timeout: .generous)
        }
    }

    @Test(arguments: TransportKind.allCases)
    func framesMayComeByteByByte(over transport: TransportKind) async throws {
        let loopback = try Loopback(over: transport)
        defer { loopback.stop() }
        let socket = try RawSocket(port: loopback.server.port)
        for byte in RemotingCommand(code: 10, opaque: 7, body: Array("slow".utf8)).encoded() { socket.send([byte]) }
        let answer = try socket.receiveCommand()
        #expect(answer?.opaque == 7)
        #expect(answer?.body == Array("slow".utf8))
    }

    @Test(arguments: TransportKind.allCases)
    func aLargeFrameAndItsFollowerArriveWhole(over transport: TransportKind) async throws {
        let loopback = try Loopback(over: transport)
        defer { loopback.stop() }
        let body = (0..<5_000_000).map { UInt8(truncatingIfNeeded: $0) }
        async let large = loopback.client.request(RemotingCommand(code: 10, body: body), to: loopback.address, timeout: .generous)
        async let small = loopback.client.request(RemotingCommand(code: 10, body: [5]), to: loopback.address, timeout: .generous)
        #expect(try await large.body == body)
        #expect(try await small.body == [5])
    }
}
