@testable import RMQBroker
import RMQCommon
import RMQRemoting
import RMQStore
import RMQTestSupport
import Testing

/// What becomes of groups that are far behind: advice where to read, or the end of it; and what a replica does not do.
@Suite(.takesTurns) struct PullAdviceTests {
    private static let group = #"{"groupName":"g","brokerId":2,"whichBrokerWhenConsumeSlowly":3}"#

    /// On every answer, whatever it says. Every message that is not the newest counts as far behind.
    @Test(arguments: [(true, "2", "3"), (false, "0", "0")]) func everyPullIsAdvisedWhomToAsk(slaveRead: Bool, usual: String, farBehind: String) async throws {
        try await withPeer({ $0.slaveRead = slaveRead; $0.store.transferLimits.memoryPercent = 0 }) { peer in
            _ = try await peer.changeGroup(Self.group)
            for number in 0..<3 { _ = try await peer.send("T", "\(number)", properties: "TAGS\u{1}a") }
            func expect(_ code: ResponseCode, _ advice: String, from offset: Int64, tags: String = "*", hold: Int = 0) async throws {
                let answer = try await peer.pull("T", from: offset, tags: tags, holdingMilliseconds: hold)
                #expect(answer.responseCode == code)
                #expect(answer.fields?["suggestWhichBrokerId"] == advice, "\(code)")
            }
            try await expect(.success, farBehind, from: 0)
            try await expect(.pullRetryImmediately, farBehind, from: 0, tags: "b")
            try await expect(.pullNotFound, usual, from: 3)
            try await expect(.pullOffsetMoved, usual, from: 99)
            let held = Task { try await peer.pull("T", from: 3, tags: "b", holdingMilliseconds: 600_000) }
            try await eventually("it is held") { try await peer.heldPulls() == 1 }
            _ = try await peer.send("T", "3")
            peer.expirePulls()
            #expect(try await held.value.fields?["suggestWhichBrokerId"] == usual)
        }
    }

    @Test func theMasterIsTheAdviceOfAGroupThatKeepsUp() async throws {
        try await withPeer({ $0.slaveRead = true }) { peer in
            _ = try await peer.send("T", "x")
            #expect(try await peer.pull("T", from: 0).fields?["suggestWhichBrokerId"] == "0")
            // Changed while consumers pull.
            _ = try await peer.changeGroup(Self.group)
            #expect(try await peer.pull("T", from: 0).fields?["suggestWhichBrokerId"] == "2")
            _ = try await peer.ask(.updateBrokerConfig, text: "slaveReadEnable=false")
            #expect(try await peer.pull("T", from: 0).fields?["suggestWhichBrokerId"] == "0")
        }
    }

    @Test func aGroupThatIsTooFarBehindMayConsumeNoMore() async throws {
        try await withPeer({ $0.shutsOutSlowGroups = true; $0.slowGroupBytes = 500 }) { peer in
            for number in 0..<10 { _ = try await peer.send("T", "\(number)") }
            let one = ["maxMsgNums": "1"]
            for group in ["slow", "catchesUp"] {
                #expect(try await peer.pull("T", from: 0, changing: one.merging(["consumerGroup": group]) { $1 }).messages.count == 1)
            }
            #expect(try await peer.pull("T", from: 9, changing: ["consumerGroup": "catchesUp"]).messages.count == 1)
            #expect(try await peer.pull("T", from: 9, changing: ["consumerGroup": "keepsUp"]).messages.count == 1)
            peer.broker.state.shutOutSlowGroups()
            let refused = try await peer.pull("T", from: 1, changing: ["consumerGroup": "slow"])
            #expect(refused.responseCode == .noPermission)
            #expect(refused.remark == "subscription group no permission, slow")
            for group in ["catchesUp", "keepsUp"] { #expect(try await peer.pull("T", from: 9, changing: ["consumerGroup": group]).code == 0) }
            // It stays so until an operator changes it.
            try peer.restart()
            #expect(try await peer.pull("T", from: 1, changing: ["consumerGroup": "slow"]).responseCode == .noPermission)
            _ = try await peer.changeGroup(#"{"groupName":"slow","consumeEnable":true}"#)
            #expect(try await peer.pull("T", from: 1, changing: ["consumerGroup": "slow"]).code == 0)
        }
    }

    @Test func noGroupIsShutOutUnlessThatIsAskedFor() async throws {
        try await withPeer({ $0.slowGroupBytes = 0 }) { peer in
            for number in 0..<3 { _ = try await peer.send("T", "\(number)") }
            #expect(try await peer.pull("T", from: 0, changing: ["maxMsgNums": "1"]).code == 0)
            peer.broker.state.shutOutSlowGroups()
            #expect(try await peer.pull("T", from: 0).code == 0)
            // Switched on while the broker runs.
            _ = try await peer.ask(.updateBrokerConfig, text: "disableConsumeIfConsumerReadSlowly=true")
            #expect(try await peer.pull("T", from: 0, changing: ["maxMsgNums": "1"]).code == 0)
            peer.broker.state.shutOutSlowGroups()
            #expect(try await peer.pull("T", from: 0).responseCode == .noPermission)
        }
    }

    /// Its master tells it the offsets.
    @Test func aReplicaKeepsNoOffsetThatAPullBrings() async throws {
        try await withPeer { peer in
            _ = try await peer.send("T", "x")
            let queue = ["consumerGroup": "g", "topic": "T", "queueId": "0"]
            let commits = ["sysFlag": "5", "commitOffset": "1"]
            try peer.broker.state.store.becomeReplica()
            #expect(try await peer.pull("T", from: 0, changing: commits).code == 0)
            #expect(try await peer.ask(.queryConsumerOffset, queue).fields?["offset"] == "0")
            try peer.broker.state.store.becomeMaster()
            #expect(try await peer.pull("T", from: 0, changing: commits).code == 0)
            #expect(try await peer.ask(.queryConsumerOffset, queue).fields?["offset"] == "1")
        }
    }
}
