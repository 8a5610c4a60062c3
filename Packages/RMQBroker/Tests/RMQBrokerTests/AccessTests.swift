import RMQCommon
import RMQRemoting
import RMQTestSupport
import Synchronization
import Testing

@testable import RMQBroker

/// What access control is asked, and what its refusals do.
@Suite(.takesTurns) struct AccessTests {
    /// Lets everybody publish to and consume the topics and groups named `open…`, and nobody administrate.
    private final class OnlyOpen: AccessControl {
        let asked = Mutex<[RequestCode]>([])

        func check(_ request: RemotingCommand, needing access: RequestAccess, from remote: HostAddress) throws {
            asked.withLock { $0.append(request.requestCode) }
            switch access {
            case .account: return
            case .administrator: throw Refusal(.noPermission, "\(remote.isLoopback ? "you" : "they") are no administrator")
            case .fields(let named): try check(named.rights(of: request))
            case .rights(let find): try check(find(request))
            }
        }

        private func check(_ rights: [ResourceRight]) throws {
            for right in rights where !isOpen(right.topic) { throw Refusal(.noPermission, "not for \(right.topic)") }
        }

        private func isOpen(_ topic: String) -> Bool { topic.hasPrefix("open") || topic.hasPrefix("%RETRY%open") }
    }

    @Test func aProducerMaySendToWhatIsOpen() async throws {
        try await withPeer(accessControl: OnlyOpen()) { peer in
            #expect(try await peer.send("open-orders", "x").code == 0)
            let refused = try await peer.send("orders", "x")
            #expect(refused.responseCode == .noPermission)
            #expect(refused.remark == "not for orders")
            #expect(peer.broker.state.topics["orders"] == nil, "nothing was made for it")
            let header = SendMessageHeader {
                $0.producerGroup = "p"
                $0.topic = "orders"
                $0.defaultTopic = "TBW102"
                $0.defaultTopicQueueCount = 4
                $0.queueId = 0
                $0.systemFlag = 0
                $0.bornTimestamp = 0
                $0.flag = 0
            }
            let first = try await peer.client.request(RemotingCommand(.sendMessage, header: header), to: peer.address, timeout: .generous)
            #expect(first.remark == "not for orders")
            let batch = try await peer.ask(.sendBatchMessage, Peer.sendFields("orders").merging(["m": "true"]) { $1 }, text: "x")
            #expect(batch.remark == "not for orders")
        }
    }

    /// The reference asks nothing of replies, which may have any topic.
    @Test func aReplyIsFreeInATopicOfRepliesAlone() async throws {
        try await withPeer(accessControl: OnlyOpen()) { peer in
            _ = try await peer.createTopic("orders")
            let properties = ["i": "REPLY_TO_CLIENT\u{1}nobody"]
            for code in [RequestCode.sendReplyMessage, .sendReplyMessageV2] {
                let topic = code == .sendReplyMessage ? "topic" : "b"
                let refused = try await peer.ask(code, Peer.sendFields("orders").merging(properties.merging([topic: "orders"]) { $1 }) { $1 }, text: "x")
                #expect(refused.remark == "not for orders", "\(code)")
            }
            let free = try await peer.ask(.sendReplyMessageV2, Peer.sendFields("DefaultCluster_REPLY_TOPIC").merging(properties) { $1 }, text: "x")
            #expect(free.remark == "push reply message fail, channel of <nobody> not found.")
        }
    }

    @Test func aRetryTopicIsItsGroups() async throws {
        try await withPeer(accessControl: OnlyOpen()) { peer in
            // Whatever group the sender says that it is.
            let shut = try await peer.send("%RETRY%shut", "x", changing: ["a": "open"])
            #expect(shut.remark == "not for %RETRY%shut")
            let open = try await peer.send("%RETRY%open", "x", changing: ["a": "shut"])
            #expect(open.remark?.contains("not for") != true)
        }
    }

    @Test func aConsumerNeedsTheTopicAndTheGroup() async throws {
        try await withPeer(accessControl: OnlyOpen()) { peer in
            _ = try await peer.send("open-orders", "x")
            #expect(try await peer.pull("open-orders", from: 0).remark == "not for %RETRY%g")
            #expect(try await peer.pull("shut", from: 0, changing: ["consumerGroup": "open"]).remark == "not for shut")
            #expect(try await peer.pull("open-orders", from: 0, changing: ["consumerGroup": "open"]).code == 0)
            let subscription = SubscriptionData(topic: "shut", tagExpression: "*", version: 1)
            #expect(try await peer.heartbeat("c", group: "open", subscriptions: [subscription]).remark == "not for shut")
            #expect(peer.broker.state.clients.consumers["open"] == nil)
            #expect(try await peer.heartbeat("c", group: "open").code == 0)
            #expect(try await peer.ask(.getConsumerListByGroup, ["consumerGroup": "g"]).remark == "not for %RETRY%g")
            let commit = ["consumerGroup": "open", "topic": "shut", "queueId": "0", "commitOffset": "1"]
            #expect(try await peer.ask(.updateConsumerOffset, commit).remark == "not for shut")
        }
    }

    @Test func onlyAnAdministratorChangesTopicsGroupsAndSettings() async throws {
        let control = OnlyOpen()
        try await withPeer(accessControl: control) { peer in
            let answers = [
                try await peer.createTopic("open-new"), try await peer.ask(.deleteTopicInBroker, ["topic": "open-orders"]),
                try await peer.changeGroup(#"{"groupName":"open"}"#), try await peer.ask(.deleteSubscriptiongroup, ["groupName": "open"]),
                try await peer.ask(.updateBrokerConfig, text: "traceOn=false"),
            ]
            for answer in answers { #expect(answer.remark == "you are no administrator") }
            #expect(peer.broker.state.topics["open-new"] == nil)
            #expect(try await peer.ask(.getBrokerConfig).code == 0)
            #expect(control.asked.withLock { $0.count } == 6, "each request is judged once")
        }
    }

    @Test func aRequestWhoseBodyCannotBeReadIsRefused() async throws {
        try await withPeer(accessControl: OnlyOpen()) { peer in
            let answer = try await peer.ask(.heartBeat, text: "{")
            #expect(answer.responseCode == .systemError)
        }
    }
}
