import RMQRemoting
import RMQTestSupport
import Testing

@testable import RMQBroker

@Suite(.takesTurns) struct BrokerRequestsTests {
    @Test func everyCodeThatHasANameHasARow() {
        for number in Int32(0)...2_000 {
            let code = RequestCode(rawValue: number)
            #expect((code.name != nil) == (BrokerRequests.table.work(of: code) != nil), "\(code)")
        }
    }

    @Test(arguments: [
        // Some releases of the reference answer it with every account and its secret.
        (RequestCode(rawValue: 54), "not supported by this broker"), (.registerBroker, "it is for a name server"),
        (.notifyConsumerIdsChanged, "it is for a client"), (.suspendConsumer, "nor by any other of RocketMQ 4"),
        (RequestCode(rawValue: 999), "not supported by this broker"), (RequestCode(rawValue: -1), "not supported by this broker"),
    ])
    func whatIsNotServedIsToldWithItsCause(code: RequestCode, cause: String) async throws {
        try await withPeer { peer in
            let answer = try await peer.ask(code)
            #expect(answer.responseCode == .requestCodeNotSupported)
            #expect(answer.remark?.hasSuffix(cause) == true, "\(answer.remark ?? "")")
        }
    }
}
