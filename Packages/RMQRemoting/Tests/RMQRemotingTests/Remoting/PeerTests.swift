import Dispatch
import RMQCommon
import RMQTestSupport
import Synchronization
import Testing

@testable import RMQRemoting

/// Sends and pulls through a ``RemotingPeer``.
@Suite(.takesTurns) struct PeerTests {
    private static let template = SendTemplate(.sendMessageV2, SendMessageHeader {
        $0.producerGroup = "p"
        $0.topic = "T"
    })

    typealias Outcome = PendingRequest.Outcome

    /// - Throws: why there was no answer.
    private static func send(_ body: [UInt8], to peer: RemotingPeer, timeout: Duration = .generous) async throws(RemotingError) -> Outcome {
        let message = SendTemplate.Message(systemFlag: 0, bornTimestamp: 1, flag: 0, properties: Array("a\u{1}b".utf8), body: body)
        let begin = MonotonicInstant.now
        let request = PendingRequest(sending: message, by: template, from: begin, until: begin + timeout)
        await peer.run(request)
        if case .failed(let error) = request.outcome { throw error }
        return request.outcome
    }

    /// The queue offset in the answer; nil for an answer of another kind.
    private static func offset(_ answer: Outcome) -> Int64? {
        if case .stored(let stored) = answer { stored.queueOffset } else { nil }
    }

    private static func stored(_ opaque: Int32, offset: Int64) -> [UInt8] {
        var answer = RemotingCommand.response(.success, header: SendMessageResponseHeader {
            $0.messageId = "7F000001000051AF0000000000007627"
            $0.queueOffset = offset
        })
        answer.opaque = opaque
        answer.serialization = .rocketmq
        return answer.encoded()
    }

    /// Answers a send with the length of its body as the queue offset, a pull with as many bytes as it asks for.
    private final class Broker: RequestHandler {
        let trailer = SendReplyTrailer()

        func receive(_ request: InboundFrame, on connection: Connection) {
            if let fields = PullFields(request) {
                let body = [UInt8](repeating: 5, count: Int(fields.maxMsgNums))
                let answer = PullMessageResponseHeader { $0.nextBeginOffset = fields.queueOffset }
                return connection.reply(.response(.success, remark: "FOUND", header: answer, body: body), to: request)
            }
            guard SendFields(request) != nil else { return connection.reply(.response(.systemError, remark: "no send"), to: request) }
            connection.replySend(
                to: request.ticket, messageId: .stored(ipv4AndPort: 1, physicalOffset: 2), queueId: 0, queueOffset: Int64(request.body.count),
                trailer: trailer)
        }
    }

    // MARK: Exchange

    @Test(arguments: HeaderSerialization.allCases, TransportKind.allCases)
    func manySendsShareAConnectionAndGetTheirOwnAnswers(serialization: HeaderSerialization, over transport: TransportKind) async throws {
        let loopback = try Loopback(over: transport) { _ in Broker() }
        defer { loopback.stop() }
        let peer = try #require(loopback.client.peer(loopback.address, serialization: serialization))
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for size in 0..<500 {
                group.addTask { Self.offset(try await Self.send([UInt8](repeating: 1, count: size), to: peer)) == Int64(size) }
            }
            for try await isRight in group { #expect(isRight) }
        }
        #expect(loopback.server.connectionCount == 1)
        #expect(peer.endpoint.outbox.waitingCount == 0)
        #expect(peer.endpoint.outbox.waitingBytes == 0)
    }

    @Test func aLoneSendDoesNotWaitForTheLoop() async throws {
        let loopback = try Loopback()
        defer { loopback.stop() }
        let listener = try RawListener()
        let peer = try #require(loopback.client.peer("127.0.0.1:\(listener.port)"))
        let first = Task { try await Self.send([1], to: peer) as Outcome }
        let socket = try listener.accept()
        let opened = try #require(try socket.receiveCommand())
        socket.send(Self.stored(opened.opaque, offset: 1))
        #expect(Self.offset(try await first.value) == 1)
        // The loop has something else to do, until the server has the second message.
        let release = DispatchSemaphore(value: 0)
        peer.endpoint.loop.execute { _ = release.wait(timeout: .now() + .seconds(60)) }
        defer { release.signal() }
        let second = Task { try await Self.send([2], to: peer) as Outcome }
        let command = try #require(try socket.receiveCommand())
        #expect(command.body == [2])
        socket.send(Self.stored(command.opaque, offset: 2))
        release.signal()
        #expect(Self.offset(try await second.value) == 2)
    }

    @Test(arguments: TransportKind.allCases)
    func loneSendsAndCommandsFollowEachOtherWhole(over transport: TransportKind) async throws {
        let loopback = try Loopback(over: transport) { _ in EchoHandler() }
        defer { loopback.stop() }
        let peer = try #require(loopback.client.peer(loopback.address))
        try await withThrowingTaskGroup { group in
            group.addTask {
                for size in 0..<300 {
                    guard case .other(let answer) = try await Self.send([UInt8](repeating: 1, count: size), to: peer) else {
                        Issue.record("an answer without fields was taken for a success")
                        return
                    }
                    #expect(answer.body.count == size)
                }
            }
            for _ in 0..<2 {
                group.addTask {
                    for size in 0..<300 {
                        let command = RemotingCommand(code: 5, body: [UInt8](repeating: 2, count: size))
                        let answer = try await loopback.client.request(command, to: loopback.address, timeout: .generous)
                        #expect(answer.body.count == size)
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(loopback.server.connectionCount == 1)
    }

    /// Answers a send, and asks the client something each time, too: that answer is written by the client's loop.
    private final class AskingBroker: RequestHandler {
        private let answers: SharedCount
        private let trailer = SendReplyTrailer()

        init(_ answers: SharedCount) { self.answers = answers }

        func receive(_ request: InboundFrame, on connection: Connection) {
            let answers = answers
            connection.send(OutboundRequest(
                RemotingCommand(code: 221, body: [UInt8](repeating: 3, count: 100)), to: "the client", timeout: .generous
            ) { if case .success(let answer) = $0, answer.body.count == 100 { answers.add(1) } })
            connection.replySend(
                to: request.ticket, messageId: .stored(ipv4AndPort: 1, physicalOffset: 2), queueId: 0, queueOffset: Int64(request.body.count),
                trailer: trailer)
        }
    }

    @Test func loneSendsAndAnswersFollowEachOtherWhole() async throws {
        let answers = SharedCount()
        let loopback = try Loopback(over: .stingy) { _ in AskingBroker(answers) }
        defer { loopback.stop() }
        loopback.client.setRequestHandler { request, _ in RemotingCommand(code: 0, body: request.body) }
        let peer = try #require(loopback.client.peer(loopback.address))
        for size in 0..<300 { #expect(Self.offset(try await Self.send([UInt8](repeating: 1, count: 100 * size), to: peer)) == Int64(100 * size)) }
        try await eventually("all answers of the client") { answers.value == 300 }
        #expect(loopback.server.connectionCount == 1)
    }

    @Test(arguments: HeaderSerialization.allCases)
    func aPullBringsItsBytes(serialization: HeaderSerialization) async throws {
        let loopback = try Loopback { _ in Broker() }
        defer { loopback.stop() }
        let peer = try #require(loopback.client.peer(loopback.address, serialization: serialization))
        for count in [0, 1, 300_000] as [Int32] {
            let header = PullMessageHeader {
                $0.consumerGroup = "g"
                $0.topic = "T"
                $0.maxMessages = count
            }
            let begin = MonotonicInstant.now
            let request = PendingRequest(pulling: PullTemplate.Place(offset: 77), by: PullTemplate(header), from: begin, until: begin + .generous)
            await peer.run(request)
            guard case .pulled(let answer) = request.outcome else {
                Issue.record("the pull was refused")
                continue
            }
            #expect(answer.nextBeginOffset == 77)
            #expect(answer.body == [UInt8](repeating: 5, count: Int(count)))
        }
    }

    /// One that follows on the network's thread from the one before needs no task between them.
    @Test(arguments: HeaderSerialization.allCases)
    func pullsFollowEachOtherOnTheLoop(serialization: HeaderSerialization) async throws {
        let loopback = try Loopback { _ in Broker() }
        defer { loopback.stop() }
        let peer = try #require(loopback.client.peer(loopback.address, serialization: serialization))
        let template = PullTemplate(PullMessageHeader {
            $0.consumerGroup = "g"
            $0.topic = "T"
            $0.maxMessages = 3
        })
        let answered: [Int64] = await withCheckedContinuation { continuation in
            @Sendable func pull(_ offset: Int64, after before: [Int64]) {
                let begin = MonotonicInstant.now
                let request = PendingRequest(pulling: PullTemplate.Place(offset: offset), by: template, from: begin, until: begin + .generous)
                peer.start(request) { outcome in
                    guard case .pulled(let answer) = outcome, answer.body.count == 3, EventLoop.current != nil else {
                        return continuation.resume(returning: before)
                    }
                    let all = before + [answer.nextBeginOffset]
                    if all.count == 50 { continuation.resume(returning: all) } else { pull(offset + 1, after: all) }
                }
            }
            pull(0, after: [])
        }
        #expect(answered == Array(0..<50))
        #expect(peer.endpoint.outbox.waitingCount == 0)
    }

    @Test func whatIsStartedWithoutAConnectionEndsByItsDeadline() async throws {
        let loopback = try Loopback { _ in Broker() }
        let peer = try #require(loopback.client.peer(loopback.address))
        loopback.stop()
        let begin = MonotonicInstant.now
        let request = PendingRequest(
            pulling: PullTemplate.Place(offset: 0), by: PullTemplate(PullMessageHeader()), from: begin, until: begin + .milliseconds(200))
        let hasFailed: Bool = await withCheckedContinuation { continuation in
            peer.start(request) { outcome in
                if case .failed = outcome { continuation.resume(returning: true) } else { continuation.resume(returning: false) }
            }
        }
        #expect(hasFailed)
    }

    @Test func aRefusalComesAsItIs() async throws {
        let loopback = try Loopback { _ in EchoHandler() }
        defer { loopback.stop() }
        let peer = try #require(loopback.client.peer(loopback.address))
        guard case .other(let answer) = try await Self.send([1, 2], to: peer) else {
            Issue.record("an answer without fields was taken for a success")
            return
        }
        #expect(answer.remark == "echo")
        #expect(answer.body == [1, 2])
    }

    @Test func aFrameAboveTheLimitIsRefusedAlone() async throws {
        let loopback = try Loopback(client: ClientConfiguration(connectTimeout: .generous, maxFrameBytes: 1000)) { _ in Broker() }
        defer { loopback.stop() }
        let peer = try #require(loopback.client.peer(loopback.address))
        do {
            _ = try await Self.send([UInt8](repeating: 0, count: 2000), to: peer)
            Issue.record("a frame above the limit was sent")
        } catch {
            guard case .frameTooLarge(_, limit: 1000) = error else { throw error }
        }
        #expect(Self.offset(try await Self.send([1], to: peer)) == 1)
    }

    @Test func aServerThatIsNotThereIsSaidSo() async throws {
        let loopback = try Loopback()
        let nobody = try RawListener(listens: false)
        let address = "127.0.0.1:\(nobody.port)"
        let peer = try #require(loopback.client.peer(address))
        do {
            _ = try await Self.send([1], to: peer)
            Issue.record("a send to nobody ended well")
        } catch {
            guard case .connectFailed(address, _) = error else { throw error }
        }
        loopback.client.close()
        await #expect(throws: RemotingError.closed) { try await Self.send([1], to: peer) }
        #expect(loopback.client.peer(address) == nil)
        loopback.stop()
    }

    @Test(arguments: TransportKind.allCases)
    func aServerThatComesBackIsFoundAgain(over transport: TransportKind) async throws {
        let loopback = try Loopback(over: transport) { _ in Broker() }
        defer { loopback.stop() }
        let peer = try #require(loopback.client.peer(loopback.address))
        #expect(Self.offset(try await Self.send([1], to: peer)) == 1)
        let port = loopback.server.port
        loopback.server.stop()
        do {
            _ = try await Self.send([1], to: peer)
            Issue.record("a send to a stopped server ended well")
        } catch {
            switch error {
            case .connectFailed(loopback.address, _), .connectionClosed(loopback.address): break
            default: throw error
            }
        }
        let second = RemotingServer(configuration: ServerConfiguration(port: port), loops: loopback.group, logger: .silent) { _ in Broker() }
        try second.start()
        defer { second.stop() }
        try await eventually("the server is used again") { (try? await Self.send([1, 2], to: peer)).flatMap(Self.offset) == 2 }
    }

    // MARK: Answers that should not be

    /// A client whose server is a socket that the test speaks through; the send is on its way.
    private func withSend(
        timeout: Duration = .generous, _ work: (RemotingPeer, RawSocket, RemotingCommand, Task<Outcome, any Error>) async throws -> Void
    ) async throws {
        let loopback = try Loopback()
        defer { loopback.stop() }
        let listener = try RawListener()
        let peer = try #require(loopback.client.peer("127.0.0.1:\(listener.port)"))
        let sending = Task { try await Self.send([1], to: peer, timeout: timeout) as Outcome }
        let socket = try listener.accept()
        let command = try #require(try socket.receiveCommand())
        try await work(peer, socket, command, sending)
    }

    @Test func garbageClosesTheConnectionAndEndsAllSends() async throws {
        try await withSend { peer, socket, _, sending in
            let second = Task { try await Self.send([2], to: peer) as Outcome }
            _ = try socket.receiveCommand()
            socket.send([0, 0, 0, 8, 9, 0, 0, 4, 1, 2, 3, 4])
            let expected = RemotingError.connectionClosed(address: peer.address)
            await #expect(throws: expected) { try await sending.value }
            await #expect(throws: expected) { try await second.value }
            #expect(socket.isClosedByPeer)
        }
    }

    @Test func answersBeforeTheGarbageCount() async throws {
        try await withSend { peer, socket, command, sending in
            let second = Task { try await Self.send([2], to: peer) as Outcome }
            _ = try socket.receiveCommand()
            socket.send(Self.stored(command.opaque, offset: 40) + [0, 0, 0, 1, 0])
            #expect(Self.offset(try await sending.value) == 40)
            await #expect(throws: RemotingError.connectionClosed(address: peer.address)) { try await second.value }
        }
    }

    @Test func aSecondAnswerIsIgnored() async throws {
        try await withSend { peer, socket, command, sending in
            socket.send(Self.stored(command.opaque, offset: 1) + Self.stored(command.opaque, offset: 2))
            #expect(Self.offset(try await sending.value) == 1)
            let second = Task { try await Self.send([2], to: peer) as Outcome }
            let next = try #require(try socket.receiveCommand())
            #expect(next.opaque != command.opaque)
            socket.send(Self.stored(command.opaque, offset: 3) + Self.stored(next.opaque, offset: 4))
            #expect(Self.offset(try await second.value) == 4)
        }
    }

    @Test func anAnswerAfterTheTimeoutIsDropped() async throws {
        try await withSend(timeout: .milliseconds(50)) { peer, socket, command, sending in
            await #expect(throws: RemotingError.timedOut(address: peer.address, code: 310, after: .milliseconds(50))) { try await sending.value }
            #expect(peer.endpoint.outbox.waitingCount == 0)
            let second = Task { try await Self.send([2], to: peer) as Outcome }
            let next = try #require(try socket.receiveCommand())
            socket.send(Self.stored(command.opaque, offset: 1) + Self.stored(next.opaque, offset: 2))
            #expect(Self.offset(try await second.value) == 2)
        }
    }

    @Test func aCancelledSendStopsWaiting() async throws {
        try await withSend { peer, socket, _, sending in
            sending.cancel()
            await #expect(throws: RemotingError.cancelled) { try await sending.value }
            #expect(peer.endpoint.outbox.waitingCount == 0)
        }
    }

    @Test func aShortTimeoutBehindALongOneIsKept() async throws {
        try await withSend { peer, socket, command, sending in
            await #expect(throws: RemotingError.timedOut(address: peer.address, code: 310, after: .milliseconds(60))) {
                try await Self.send([2], to: peer, timeout: .milliseconds(60))
            }
            socket.send(Self.stored(command.opaque, offset: 5))
            let answer = try await sending.value
            #expect(Self.offset(answer) == 5)
        }
    }

    // MARK: Room

    private static let bodyBytes = 100_000
    private static let limitBytes = 250_000

    /// A server that reads nothing yet, and sends that are more than the sockets and the client's buffer take.
    private func withFullOutbox(
        timeout: Duration, _ work: (RemotingPeer, RawSocket, [Task<Outcome, any Error>]) async throws -> Void
    ) async throws {
        let loopback = try Loopback(client: ClientConfiguration(connectTimeout: .generous, sendBufferBytes: Self.limitBytes))
        defer { loopback.stop() }
        let listener = try RawListener()
        let peer = try #require(loopback.client.peer("127.0.0.1:\(listener.port)"))
        // More than any socket buffer of the kernel.
        let tasks = (0..<200).map { number in
            Task { try await Self.send([UInt8](repeating: UInt8(number), count: Self.bodyBytes), to: peer, timeout: timeout) as Outcome }
        }
        defer { for task in tasks { task.cancel() } }
        try await work(peer, try listener.accept(), tasks)
    }

    private func expectFull(_ peer: RemotingPeer, _ tasks: [Task<Outcome, any Error>]) async throws {
        try await eventually("all are on their way or wait for room") { peer.endpoint.outbox.waitingCount == tasks.count }
        #expect(peer.endpoint.outbox.waitingBytes <= Self.limitBytes)
    }

    @Test func whatWaitsIsBoundedAndAllOfItEndsByItsDeadline() async throws {
        try await withFullOutbox(timeout: .seconds(1)) { peer, _, tasks in
            for task in tasks {
                await #expect(throws: RemotingError.timedOut(address: peer.address, code: 310, after: .seconds(1))) { try await task.value }
            }
            #expect(peer.endpoint.outbox.waitingCount == 0)
            #expect(peer.endpoint.outbox.waitingBytes <= Self.limitBytes)
        }
    }

    @Test func thoseThatWaitForRoomAreSentWhenThereIsSome() async throws {
        try await withFullOutbox(timeout: .generous) { peer, socket, tasks in
            try await expectFull(peer, tasks)
            var seen: Set<UInt8> = []
            for _ in tasks {
                let command = try #require(try socket.receiveCommand())
                seen.insert(try #require(command.body.first))
                socket.send(Self.stored(command.opaque, offset: Int64(command.body[0])))
            }
            #expect(seen.count == tasks.count)
            for (number, task) in tasks.enumerated() { #expect(Self.offset(try await task.value) == Int64(number)) }
            #expect(peer.endpoint.outbox.waitingBytes == 0)
        }
    }

    @Test func aTaskThatWaitsForRoomCanBeCancelled() async throws {
        try await withFullOutbox(timeout: .generous) { peer, socket, tasks in
            try await expectFull(peer, tasks)
            for task in tasks { task.cancel() }
            for task in tasks { await #expect(throws: RemotingError.cancelled) { try await task.value } }
            #expect(peer.endpoint.outbox.waitingCount == 0)
            // The room of those that left is not lost.
            let last = Task { try await Self.send([1], to: peer) as Outcome }
            while true {
                let command = try #require(try socket.receiveCommand())
                guard command.body == [1] else { continue }
                socket.send(Self.stored(command.opaque, offset: 8))
                break
            }
            #expect(Self.offset(try await last.value) == 8)
        }
    }

    @Test func aLostConnectionEndsThoseThatWaitForRoom() async throws {
        let loopback = try Loopback(client: ClientConfiguration(connectTimeout: .generous, sendBufferBytes: Self.limitBytes))
        defer { loopback.stop() }
        var listener: RawListener? = try RawListener()
        let peer = try #require(loopback.client.peer("127.0.0.1:\(listener!.port)"))
        let tasks = (0..<200).map { _ in Task { try await Self.send([UInt8](repeating: 1, count: Self.bodyBytes), to: peer) as Outcome } }
        var socket = try listener?.accept()
        try await expectFull(peer, tasks)
        listener = nil
        socket = nil
        for task in tasks {
            do {
                _ = try await task.value
                Issue.record("a send to a server that is gone ended well")
            } catch let error as RemotingError {
                switch error {
                case .connectFailed(peer.address, _), .connectionClosed(peer.address): break
                default: Issue.record("unexpected \(error)")
                }
            }
        }
        #expect(socket == nil && peer.endpoint.outbox.waitingCount == 0)
    }
}
