import RMQCommon
import Synchronization
import Testing

@testable import RMQRemoting
import RMQTestSupport

/// Time-outs of several requests to one address: the nearest one decides, whichever came first.
@Suite(.takesTurns) struct RequestDeadlineTests {
    private func request(_ timeout: Duration, failed: @escaping @Sendable () -> Void = {}) -> OutboundRequest {
        OutboundRequest(RemotingCommand(code: 1), to: "a:1", timeout: timeout) { result in
            if case .failure(.timedOut) = result { failed() }
        }
    }

    @Test func aShortTimeOutAfterALongOneIsNoticedFirst() {
        let failures = Mutex<[String]>([])
        let long = request(.seconds(10)) { failures.withLock { $0.append("long") } }
        let short = request(.milliseconds(100)) { failures.withLock { $0.append("short") } }
        var exchange = RequestExchange()
        let first = exchange.add(long)
        #expect(first && exchange.nextCheck == long.deadline)
        let second = exchange.add(short)
        #expect(second && exchange.nextCheck == short.deadline)
        let isNews = exchange.expire(now: short.deadline)
        #expect(isNews && exchange.nextCheck == long.deadline)
        #expect(failures.withLock { $0 } == ["short"])
        let isMore = exchange.expire(now: long.deadline)
        #expect(!isMore && exchange.nextCheck == nil)
        #expect(failures.withLock { $0 } == ["short", "long"])
    }

    @Test func theSameWhileThereIsNoConnection() {
        let failures = Mutex<[String]>([])
        let long = request(.seconds(10)) { failures.withLock { $0.append("long") } }
        let short = request(.milliseconds(100)) { failures.withLock { $0.append("short") } }
        var waiting = WaitingRequests()
        let first = waiting.add(long)
        #expect(first && waiting.nextCheck == long.deadline)
        let second = waiting.add(short)
        #expect(second && waiting.nextCheck == short.deadline)
        let isNews = waiting.expire(now: short.deadline)
        #expect(isNews && waiting.nextCheck == long.deadline && waiting.byteCount == long.frame.count)
        #expect(failures.withLock { $0 } == ["short"])
        let isMore = waiting.expire(now: long.deadline)
        #expect(!isMore && waiting.nextCheck == nil && waiting.isEmpty)
        #expect(failures.withLock { $0 } == ["short", "long"])
    }

    @Test(arguments: TransportKind.allCases)
    func aLongTimeOutDoesNotHoldUpAShortOne(over transport: TransportKind) async throws {
        let loopback = try Loopback(over: transport)
        defer { loopback.stop() }
        let silent = RemotingCommand(code: EchoHandler.silent)
        let patient = Task { try await loopback.client.request(silent, to: loopback.address, timeout: .seconds(300)) }
        defer { patient.cancel() }
        // Answered on the same connection, behind the one that waits.
        _ = try await loopback.client.request(RemotingCommand(code: 1), to: loopback.address, timeout: .generous)
        await #expect(throws: RemotingError.timedOut(address: loopback.address, code: EchoHandler.silent, after: .milliseconds(100))) {
            try await loopback.client.request(silent, to: loopback.address, timeout: .milliseconds(100))
        }
    }
}
