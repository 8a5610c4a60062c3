import RMQCommon
import Synchronization
import Testing

@testable import RMQRemoting

@Suite struct ClientTests {
    @Test func aLostServerIsReportedAndFoundAgain() async throws {
        let loopback = try Loopback()
        defer { loopback.stop() }
        let lost = Mutex<[String]>([])
        loopback.client.setConnectionClosedHandler { address in lost.withLock { $0.append(address) } }
        _ = try await loopback.client.request(RemotingCommand(code: 10), to: loopback.address, timeout: .seconds(5))

        let waiting = Task {
            try await loopback.client.request(RemotingCommand(code: EchoHandler.silent), to: loopback.address, timeout: .seconds(60))
        }
        // The silent request is on its way once a later one was answered.
        _ = try await loopback.client.request(RemotingCommand(code: 10), to: loopback.address, timeout: .seconds(5))
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
        #expect(await eventually { lost.withLock { $0.contains(loopback.address) } })
        do {
            _ = try await loopback.client.request(RemotingCommand(code: 10), to: loopback.address, timeout: .seconds(5))
            Issue.record("a request to a stopped server ended well")
        } catch {
            guard case .connectFailed(loopback.address, _) = error else { throw error }
        }

        let second = RemotingServer(
            configuration: ServerConfiguration(port: port), loops: loopback.group,
            logger: Logger(category: "remoting", sink: loopback.log)) { _ in EchoHandler() }
        try second.start()
        defer { second.stop() }
        let answer = try await loopback.client.request(RemotingCommand(code: 10, body: [1]), to: loopback.address, timeout: .seconds(5))
        #expect(answer.body == [1])
    }

    @Test(arguments: ["nowhere", "host:", "host:99999", ":1"])
    func anAddressWithoutHostOrPortIsNamed(address: String) async throws {
        let loopback = try Loopback()
        defer { loopback.stop() }
        await #expect(throws: RemotingError.badAddress(address, reason: "not host:port")) {
            try await loopback.client.request(RemotingCommand(code: 10), to: address, timeout: .seconds(5))
        }
    }

    @Test func aFrameAboveTheLimitIsNotSent() async throws {
        let loopback = try Loopback(client: ClientConfiguration(maxFrameBytes: 1000))
        defer { loopback.stop() }
        let command = RemotingCommand(code: 10, body: [UInt8](repeating: 0, count: 2000))
        do {
            _ = try await loopback.client.request(command, to: loopback.address, timeout: .seconds(5))
            Issue.record("a frame above the limit was sent")
        } catch {
            guard case .frameTooLarge(_, limit: 1000) = error else { throw error }
        }
    }

    @Test func aClosedClientFails() async throws {
        let loopback = try Loopback()
        defer { loopback.stop() }
        loopback.client.close()
        await #expect(throws: RemotingError.closed) {
            try await loopback.client.request(RemotingCommand(code: 10), to: loopback.address, timeout: .seconds(5))
        }
    }
}
