import RMQCommon
import RMQTestSupport
import Synchronization
import Testing

@testable import RMQRemoting

/// What a handler decides on a request, and what its peer then sees.
@Suite(.takesTurns) struct ReplyTests {
    /// Decides by the request's command.
    private final class Decider: RequestHandler {
        let decide: @Sendable (RemotingCommand) throws -> Reply
        init(_ decide: @escaping @Sendable (RemotingCommand) throws -> Reply) { self.decide = decide }
        func receive(_ request: InboundFrame, on connection: Connection) {
            connection.answer(request) { try decide(request.command()) }
        }
    }

    private struct Odd: Error, CustomStringConvertible {
        var description: String { "the disk is on fire" }
    }

    /// A server that decides so, with a thread beside its loops.
    private func serving(
        by pool: WorkerPool = WorkerPool(name: "worker", threadLimit: 1, queueLimit: 100),
        _ decide: @escaping @Sendable (RemotingCommand, WorkerPool) throws -> Reply, _ body: (Loopback) async throws -> Void
    ) async throws {
        let loopback = try Loopback { _ in Decider { try decide($0, pool) } }
        defer {
            pool.stop()
            loopback.stop()
        }
        try await body(loopback)
    }

    private func ask(_ loopback: Loopback, _ code: Int32 = 10, body: [UInt8] = []) async throws -> RemotingCommand {
        try await loopback.client.request(RemotingCommand(code: code, body: body), to: loopback.address, timeout: .generous)
    }

    private static func echo(_ command: RemotingCommand, _ way: String) -> RemotingCommand {
        .response(.success, remark: way, body: command.body)
    }

    /// Each way of answering, and how they follow each other.
    private static let ways: [(name: String, decide: @Sendable (RemotingCommand, WorkerPool) throws -> Reply)] = [
        ("now", { command, _ in .now(echo(command, "now")) }),
        ("later, at once", { command, _ in .later { $0.complete(echo(command, "later, at once")) } }),
        ("later, from a thread", { command, _ in
            .later { handle in SystemThread(name: "later") { handle.complete(echo(command, "later, from a thread")) }?.detach() }
        }),
        ("elsewhere", { command, pool in .elsewhere(pool) { .now(echo(command, "elsewhere")) } }),
        ("elsewhere and later", { command, pool in .elsewhere(pool) { .later { $0.complete(echo(command, "elsewhere and later")) } } }),
        ("elsewhere twice", { command, pool in
            .elsewhere(pool) { .elsewhere(pool) { .elsewhere(pool) { .now(echo(command, "elsewhere twice")) } } }
        }),
    ]

    @Test(arguments: ways.indices, [HeaderSerialization.json, .rocketmq])
    func everyWayIsAnswered(way: Int, serialization: HeaderSerialization) async throws {
        try await serving(Self.ways[way].decide) { loopback in
            for number in 0..<20 as Range<UInt8> {
                let request = RemotingCommand(code: 10, body: [number], serialization: serialization)
                let answer = try await loopback.client.request(request, to: loopback.address, timeout: .generous)
                #expect(answer.code == 0)
                #expect(answer.remark == Self.ways[way].name)
                #expect(answer.body == [number])
                #expect(answer.serialization == serialization)
            }
        }
    }

    @Test func answersWithATypedHeaderCarryItsFields() async throws {
        try await serving({ _, _ in .response(.success, header: TopicHeader(topic: "T"), body: [1]) }) { loopback in
            let answer = try await ask(loopback)
            #expect(try answer.header(TopicHeader.self).topic == "T")
            #expect(answer.body == [1])
        }
    }

    /// Some of it may block, so the loop goes on meanwhile.
    @Test func aLoopGoesOnWhileAWorkerIsBusy() async throws {
        let gate = Gate()
        try await serving({ command, pool in
            guard command.code == 11 else { return .response(.success) }
            return .elsewhere(pool) {
                gate.pass()
                return .response(.success, remark: "held up")
            }
        }) { loopback in
            let socket = try RawSocket(port: loopback.server.port)
            socket.send(RemotingCommand(code: 11, opaque: 1).encoded() + RemotingCommand(code: 10, opaque: 2).encoded())
            #expect(try socket.receiveCommand()?.opaque == 2)
            gate.open()
            let late = try socket.receiveCommand()
            #expect(late?.opaque == 1)
            #expect(late?.remark == "held up")
        }
    }

    @Test(arguments: [false, true], [false, true])
    func whatIsThrownIsAnswered(isRefusal: Bool, isElsewhere: Bool) async throws {
        let failure: any Error = isRefusal ? Refusal(.topicNotExist, "no topic T") : Odd()
        try await serving({ _, pool in
            guard isElsewhere else { throw failure }
            return .elsewhere(pool) { throw failure }
        }) { loopback in
            let answer = try await ask(loopback)
            #expect(answer.responseCode == (isRefusal ? .topicNotExist : .systemError))
            #expect(answer.remark == (isRefusal ? "no topic T" : "the disk is on fire"))
            #expect(answer.isResponse)
        }
    }

    @Test func aOneWayRequestIsDoneAndNotAnswered() async throws {
        let done = Mutex<[Int32]>([])
        try await serving({ command, pool in
            let code = command.code
            @Sendable func reply() throws -> Reply {
                done.withLock { $0.append(code) }
                if code == 12 { throw Odd() }
                return .response(.success)
            }
            switch code {
            case 13: return .elsewhere(pool) { try reply() }
            case 14: return .later { $0.complete(.response(.success)) }
            default: return try reply()
            }
        }) { loopback in
            let socket = try RawSocket(port: loopback.server.port)
            for code in 11...14 as ClosedRange<Int32> { socket.send(RemotingCommand(code: code, opaque: code, flag: 2).encoded()) }
            try await eventually("the worker has done its part") { done.withLock { $0.contains(13) } }
            socket.send(RemotingCommand(code: 13, opaque: 99).encoded())
            #expect(try socket.receiveCommand()?.opaque == 99, "the first answer of all")
        }
        #expect(done.withLock { $0 } == [11, 12, 13, 13])
    }

    @Test func aFullPoolIsSaidSoWithItsLimit() async throws {
        let gate = Gate()
        let pool = WorkerPool(name: "worker", threadLimit: 1, queueLimit: 1, byteLimit: 2 << 20)
        try await serving(by: pool, { _, pool in .elsewhere(pool) { .response(.success) } }) { loopback in
            #expect(pool.run { gate.pass() })
            try await eventually("the thread is held up") { pool.waitingCount == 0 }
            #expect(pool.run {})
            let answer = try await ask(loopback)
            #expect(answer.responseCode == .systemBusy)
            #expect(answer.remark == "[OVERLOAD]1 requests or 2 MiB wait for the worker threads, the limit; try again later")
            gate.open()
            try await eventually("it is answered again") { try await ask(loopback).responseCode == .success }
        }
    }

    /// What waits for a worker is counted with its header and body.
    @Test func largeRequestsFillAPoolSooner() async throws {
        let gate = Gate()
        let pool = WorkerPool(name: "worker", threadLimit: 1, queueLimit: 100, byteLimit: 1 << 20)
        try await serving(by: pool, { _, pool in .elsewhere(pool) { .response(.success) } }) { loopback in
            #expect(pool.run(holding: 1) { gate.pass() })
            let busy = try await ask(loopback, body: [UInt8](repeating: 1, count: 1 << 20))
            #expect(busy.responseCode == .systemBusy)
            gate.open()
            #expect(try await ask(loopback, body: [1]).responseCode == .success)
        }
    }

    /// The successor gets the same descriptor; what was meant for its predecessor must not reach it.
    @Test func aWorkersAnswerToAGoneConnectionReachesNobody() async throws {
        let gate = Gate()
        let hasEnded = Mutex(false)
        try await serving({ command, pool in
            guard command.code == 11 else { return .response(.success) }
            return .elsewhere(pool) {
                gate.pass()
                hasEnded.withLock { $0 = true }
                return .response(.success)
            }
        }) { loopback in
            var socket: RawSocket? = try RawSocket(port: loopback.server.port)
            socket?.send(RemotingCommand(code: 11, opaque: 100).encoded() + RemotingCommand(code: 10, opaque: 1).encoded())
            #expect(try socket?.receiveCommand()?.opaque == 1)
            socket = nil
            try await eventually("the connection is gone") { loopback.server.connectionCount == 0 }
            let successor = try RawSocket(port: loopback.server.port)
            gate.open()
            try await eventually("the worker has answered") { hasEnded.withLock { $0 } }
            successor.send(RemotingCommand(code: 10, opaque: 2).encoded())
            #expect(try successor.receiveCommand()?.opaque == 2)
        }
    }
}
