@testable import RMQBroker
import RMQCommon
import RMQRemoting
import RMQStore
import RMQTestSupport
import Testing

/// Roles in a broker set.
enum RoleRows {
    static let all: [RowCase] = [
        RowCase(.getBrokerEpochCache, good: "has the masters of the log", given: { peer async throws in _ = try await peer.send("T", "x") }) { peer, answer async throws in
            let epochs = try BrokerEpochs(body: answer.body)
            #expect(epochs.brokerName == "broker-a" && epochs.brokerId == 0 && epochs.maxOffset == peer.broker.state.store.maxPhysicalOffset)
            #expect(epochs.epochs.map(\.epoch) == [1] && epochs.epochs[0].startOffset == 0 && epochs.epochs[0].endOffset == epochs.maxOffset)
            #expect(epochs.epochs[0].brokerAddress == peer.address)
        },
        RowCase(.changeBrokerRole, good: "makes it a slave at once", fields: ["brokerRole": "SLAVE", "brokerId": "3"]) { peer, _ async throws in
            #expect(peer.broker.state.store.role == .replica)
            #expect(try await peer.send("T", "x").responseCode == .serviceNotAvailable)
            #expect(peer.broker.state.live.current.brokerId == 3)
        },
        RowCase(.changeBrokerRole, bad: "no role", answers: .systemError, remark: "brokerRole"),
        RowCase(.changeBrokerRole, bad: "a role that is none", fields: ["brokerRole": "LEADER"], answers: .systemError, remark: "brokerRole=LEADER"),
        RowCase(.changeBrokerRole, bad: "the number of a master", fields: ["brokerRole": "SLAVE", "brokerId": "0"], answers: .systemError, remark: "brokerId=0"),
        RowCase(.changeBrokerRole, bad: "no address", fields: ["brokerRole": "SLAVE", "masterAddr": "here"], answers: .systemError, remark: "masterAddr=here"),
        RowCase(.changeBrokerRole, bad: "another kind of master", fields: ["brokerRole": "SYNC_MASTER"], answers: .systemError, remark: "when it starts next"),
    ]
}
