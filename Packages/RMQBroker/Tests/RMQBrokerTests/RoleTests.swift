import RMQCommon
import RMQRemoting
import RMQStore
import RMQTestSupport
import Testing

@testable import RMQBroker

/// What clients see while the store of a running broker changes its role.
@Suite(.takesTurns) struct RoleTests {
    @Test(arguments: ["ASYNC_FLUSH", "SYNC_FLUSH"]) func aStoreThatChangesItsRoleLosesNothing(flush: String) async throws {
        try await withPeer({ $0.flushDiskType = flush }) { peer in
            let store = peer.broker.state.store
            #expect(try await peer.send("Kept", "0").code == 0)
            for round in 1...5 {
                try store.becomeReplica()
                let refused = try await peer.send("Kept", "no")
                #expect(refused.responseCode == .serviceNotAvailable)
                #expect(refused.remark?.contains("replica") == true, "\(refused.remark ?? "")")
                #expect(try await peer.pull("Kept", from: Int64(round) - 1).messages.map(\.text) == ["\(round - 1)"])
                try store.becomeMaster()
                async let held = peer.pull("Kept", from: Int64(round), holdingMilliseconds: 600_000)
                #expect(try await peer.send("Kept", "\(round)").fields?["queueOffset"] == "\(round)")
                #expect(try await held.messages.map(\.text) == ["\(round)"])
            }
        }
    }

    /// One that waited for a sync of the log is not told of another master's.
    @Test func aSendThatWaitsIsNotAnsweredByAReplica() async throws {
        try await withPeer({ $0.flushDiskType = "SYNC_FLUSH" }) { peer in
            _ = try await peer.createTopic("Split")
            let store = peer.broker.state.store
            let answers = await withTaskGroup(of: RemotingCommand?.self) { group in
                for number in 0..<200 { group.addTask { try? await peer.send("Split", "\(number)") } }
                group.addTask {
                    try? store.becomeReplica()
                    return nil
                }
                return await group.reduce(into: [RemotingCommand]()) { answers, answer in if let answer { answers.append(answer) } }
            }
            #expect(answers.count == 200)
            let stored = answers.filter { $0.responseCode == .success }
            #expect(answers.allSatisfy { [.success, .serviceNotAvailable].contains($0.responseCode) })
            try store.becomeMaster()
            var texts = Set<String>()
            var next: Int64 = 0
            while case let page = try await peer.pull("Split", from: next), page.responseCode == .success {
                texts.formUnion(try page.messages.map(\.text))
                next = page.fields?["nextBeginOffset"].flatMap { Int64($0) } ?? next + 1
            }
            #expect(texts.count >= stored.count, "what was acknowledged is there")
        }
    }
}
