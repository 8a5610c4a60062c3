import RMQCommon
import RMQTestSupport
import Synchronization
import Testing

@testable import RMQRemoting

@Suite(.takesTurns) struct ClientTests {
    @Test(arguments: TransportKind.allCases)
    func aLostServerIsReportedAndFoundAgain(over transport: TransportKind) async throws {
        let loopback = try Loopback(over: transport)
        defer { loopback.stop() }
        let lost = Mutex<[String]>([])
        loopback.client.setConnectionClosedHandler { address in lost.withLock { $0.append(address) } }
        _ = try await loopback.client.request(RemotingCommand(code: 10), to: loopback.address, timeout: .generous)

        let waiting = Task {
            try await loopback.client.request(RemotingCommand(code: EchoHandler.silent), to: loopback.address, timeout: .generous)
        }
        // The silent request is on its way once a later one was answered.
        _ = try await loopback.client.request(RemotingCommand(code: 10), to: loopback.address, timeout: .generous)
        let port = loopback.server.port
        loopback.server.stop()
        do {
            _ = try await waiting.value
            Issue.record("a request without an answer ended well")
        } catch let error as RemotingError {
            switch error {
            case .connectionClosed, .connectFailed: break
            default: Issue.record("unexpected \(error)")
            }
        }
        try await eventually("the loss is reported") { lost.withLock { $0.contains(loopback.address) } }
        do {
            _ = try await loopback.client.request(RemotingCommand(code: 10), to: loopback.address, timeout: .generous)
            Issue.record("a request to a stopped server ended well")
        } catch {
            guard case .connectFailed(loopback.address, _) = error else { throw error }
        }

        let second = RemotingServer(
            configuration: ServerConfiguration(port: port), loops: loopback.group,
            logger: Logger(category: "remoting", sink: loopback.log)) { _ in EchoHandler() }
        try second.start()
        defer { second.stop() }
        let answer = try await loopback.client.request(RemotingCommand(code: 10, body: [1]), to: loopback.address, timeout: .generous)
        #expect(answer.body == [1])
    }

    @Test(arguments: ["nowhere", "host:", "host:99999", ":1"], TransportKind.allCases)
    func anAddressWithoutHostOrPortIsNamed(address: String, over transport: TransportKind) async throws {
        let loopback = try Loopback(over: transport)
        defer { loopback.stop() }
        await #expect(throws: RemotingError.badAddress(address, reason: "not host:port")) {
            try await loopback.client.request(RemotingCommand(code: 10), to: address, timeout: .generous)
        }
    }

    @Test(arguments: TransportKind.allCases)
    func aFrameAboveTheLimitIsNotSent(over transport: TransportKind) async throws {
        let loopback = try Loopback(over: transport, client: ClientConfiguration(maxFrameBytes: 1000))
        defer { loopback.stop() }
        let command = RemotingCommand(code: 10, body: [UInt8](repeating: 0, count: 2000))
        do {
            _ = try await loopback.client.request(command, to: loopback.address, timeout: .generous)
            Issue.record("a frame above the limit was sent")
        } catch {
            guard case .frameTooLarge(_, limit: 1000) = error else { throw error }
        }
    }

    @Test(arguments: TransportKind.allCases)
    func aClosedClientFails(over transport: TransportKind) async throws {
        let loopback = try Loopback(over: transport)
        defer { loopback.stop() }
        loopback.client.close()
        await #expect(throws: RemotingError.closed) {
            try await loopback.client.request(RemotingCommand(code: 10), to: loopback.address, timeout: .generous)
        }
    }

    /// The answer's header is plain enough to be found its request, and wrong on a closer look.
    @Test(arguments: TransportKind.allCases)
    func anAnswerThatCannotBeReadEndsItsRequest(over transport: TransportKind) async throws {
        let loopback = try Loopback(over: transport)
        defer { loopback.stop() }
        let listener = try RawListener()
        let address = "127.0.0.1:\(listener.port)"
        let waiting = Task { try await loopback.client.request(RemotingCommand(code: 10), to: address, timeout: .generous) }
        let peer = try listener.accept()
        let opaque = try #require(try peer.receiveCommand()).opaque
        let header = Array(#"{"code":0,"flag":1,"opaque":\#(opaque),"remark":"\q"}"#.utf8)
        peer.send([0, 0, 0, UInt8(header.count + 4), 0, 0, 0, UInt8(header.count)] + header)
        await #expect(throws: RemotingError.connectionClosed(address: address)) { try await waiting.value }
    }

    @Test(arguments: TransportKind.allCases)
    func aLoopThatEndsFailsWhatWaitsForAConnect(over transport: TransportKind) throws {
        let loopback = try Loopback(over: transport)
        let listener = try RawListener()
        let filler = try RawSocket(port: listener.port)
        let outcome = Mutex<RemotingError?>(nil)
        loopback.client.send(RemotingCommand(code: 10), to: "127.0.0.1:\(listener.port)", timeout: .generous) {
            if case .failure(let error) = $0 { outcome.withLock { $0 = error } }
        }
        loopback.group.stop()
        #expect(outcome.withLock { $0 } == .closed)
        withExtendedLifetime(filler) {}
    }

    @Test(arguments: TransportKind.allCases)
    func aRequestCancelledBeforeTheConnectIsNeverSent(over transport: TransportKind) async throws {
        let loopback = try Loopback(over: transport)
        defer { loopback.stop() }
        let listener = try RawListener()
        let filler = try RawSocket(port: listener.port)
        let address = "127.0.0.1:\(listener.port)"
        let client = loopback.client
        let cancelled = Task { try await client.request(RemotingCommand(code: 10, body: [1]), to: address, timeout: .generous) }
        cancelled.cancel()
        await #expect(throws: RemotingError.cancelled) { try await cancelled.value }
        let sent = Task { try await client.request(RemotingCommand(code: 10, body: [2]), to: address, timeout: .generous) }
        _ = try listener.accept()   // the filler's; the client's own connect is let in now
        let peer = try listener.accept()
        let command = try #require(try peer.receiveCommand())
        #expect(command.body == [2])
        peer.send(RemotingCommand(code: 0, opaque: command.opaque, flag: RemotingCommand.Flag.response).encoded())
        #expect(try await sent.value.code == 0)
        withExtendedLifetime(filler) {}
    }

    /// Though the connect itself may take longer.
    @Test(arguments: TransportKind.allCases)
    func aOnewayRequestThatFindsNoConnectionEndsInTime(over transport: TransportKind) async throws {
        let loopback = try Loopback(over: transport)
        defer { loopback.stop() }
        let listener = try RawListener()
        let filler = try RawSocket(port: listener.port)
        let address = "127.0.0.1:\(listener.port)"
        await #expect(throws: RemotingError.timedOut(address: address, code: 10, after: .milliseconds(50))) {
            try await loopback.client.sendOneway(RemotingCommand(code: 10), to: address, timeout: .milliseconds(50))
        }
        withExtendedLifetime(filler) {}
    }

    @Test(arguments: TransportKind.allCases)
    func whatWaitsForAConnectIsBoundedInBytes(over transport: TransportKind) async throws {
        let loopback = try Loopback(over: transport, client: ClientConfiguration(connectTimeout: .generous, outputLimitBytes: 1_000_000))
        let listener = try RawListener()
        let filler = try RawSocket(port: listener.port)
        let address = "127.0.0.1:\(listener.port)"
        let outcomes = Mutex<[RemotingError]>([])
        for _ in 0..<5 {
            loopback.client.send(RemotingCommand(code: 10, body: [UInt8](repeating: 0, count: 300_000)), to: address, timeout: .generous) {
                if case .failure(let error) = $0 { outcomes.withLock { $0.append(error) } }
            }
        }
        try await eventually("two outcomes") { outcomes.withLock { $0.count } == 2 }
        #expect(outcomes.withLock { $0 }.allSatisfy { $0 == .overloaded(address: address, limitBytes: 1_000_000) })
        loopback.stop()
        withExtendedLifetime(filler) {}
    }

    @Test(arguments: TransportKind.allCases)
    func requestsThatWaitForAConnectTimeOut(over transport: TransportKind) async throws {
        let loopback = try Loopback(over: transport)
        defer { loopback.stop() }
        let listener = try RawListener()
        let filler = try RawSocket(port: listener.port)
        let address = "127.0.0.1:\(listener.port)"
        let client = loopback.client
        async let second = client.request(RemotingCommand(code: 11), to: address, timeout: .milliseconds(120))
        await #expect(throws: RemotingError.timedOut(address: address, code: 10, after: .milliseconds(40))) {
            try await client.request(RemotingCommand(code: 10), to: address, timeout: .milliseconds(40))
        }
        do {
            _ = try await second
            Issue.record("a request without a connection ended well")
        } catch {
            #expect(error as? RemotingError == .timedOut(address: address, code: 11, after: .milliseconds(120)))
        }
        withExtendedLifetime(filler) {}
    }

    @Test(arguments: TransportKind.allCases)
    func aNameIsTriedAtEachOfItsAddresses(over transport: TransportKind) async throws {
        let loopback = try Loopback(over: transport)
        defer { loopback.stop() }
        let nobody = try RawListener(listens: false)
        let addresses = [nobody.port, loopback.server.port].compactMap { SocketAddress(numeric: "127.0.0.1", port: $0) }
        let client = RemotingClient(
            configuration: ClientConfiguration(), loops: loopback.group, logger: .silent, resolve: { _, _ in .success(addresses) })
        defer { client.close() }
        let answer = try await client.request(RemotingCommand(code: 10, body: [4]), to: "broker.example:10911", timeout: .generous)
        #expect(answer.body == [4])
        withExtendedLifetime(nobody) {}
    }

    @Test(arguments: TransportKind.allCases)
    func aNameThatDoesNotResolveIsSaidSo(over transport: TransportKind) async throws {
        let loopback = try Loopback(over: transport)
        defer { loopback.stop() }
        let client = RemotingClient(
            configuration: ClientConfiguration(), loops: loopback.group, logger: .silent,
            resolve: { _, _ in .failure(SocketAddress.ResolveFailure(reason: "no such name")) })
        defer { client.close() }
        await #expect(throws: RemotingError.badAddress("broker.example:10911", reason: "no such name")) {
            try await client.request(RemotingCommand(code: 10), to: "broker.example:10911", timeout: .generous)
        }
    }
}
