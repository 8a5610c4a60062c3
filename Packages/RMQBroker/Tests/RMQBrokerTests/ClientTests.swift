@testable import RMQBroker
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

/// Codes 14, 15, 34, 35, 38, 40, 41, 42 and 46: clients, their offsets and their queue locks.
@Suite(.takesTurns) struct ClientTests {
    private func members(_ peer: Peer, of group: String = "g") async throws -> [String] {
        let answer = try await peer.ask(.getConsumerListByGroup, ["consumerGroup": group])
        guard answer.code == 0 else { return ["code \(answer.code): \(answer.remark ?? "")"] }
        return try ConsumerIdList(body: answer.body).clientIds
    }

    /// As a client of 4.4.0 may send it, with nothing that its classes have a default for.
    @Test func theLeastHeartbeatIsUnderstood() async throws {
        try await withPeer { peer in
            let text = """
                {"clientID":"c1","consumerDataSet":[{"groupName":"g","subscriptionDataSet":[{"topic":"T","subString":"*"}]}],
                "producerDataSet":[{"groupName":"p"}]}
                """
            #expect(try await peer.ask(.heartBeat, text: text).code == 0)
            #expect(try await members(peer) == ["c1"])
            let retry = try #require(try await peer.topics["%RETRY%g"])
            #expect(retry.readQueueCount == 1)
            #expect(retry.writeQueueCount == 1)
            #expect(retry.permission.rawValue == 6)
            #expect(retry.systemFlag == 0)
            let onlyProducers = try await peer.ask(.heartBeat, text: #"{"clientID":"c2","producerDataSet":[{"groupName":"p"}]}"#, from: peer.anotherClient())
            #expect(onlyProducers.code == 0)
            let producers = try ProducerConnection(body: try await peer.ask(.getProducerConnectionList, ["producerGroup": "p"]).body)
            #expect(producers.connections.map(\.clientId).sorted() == ["c1", "c2"])
            let nothing = try await peer.ask(.heartBeat, text: #"{"clientID":"c3"}"#)
            #expect(nothing.code == 0)
            let garbage = try await peer.ask(.heartBeat, text: "{")
            #expect(garbage.responseCode == .systemError)
        }
    }

    /// Lua writes an empty list as an empty object.
    @Test("Case 2.4: an empty object is an empty list", arguments: [
        #"{"clientID":"c","producerDataSet":{},"consumerDataSet":[◊]}"#, #"{"clientID":"c","producerDataSet":[],"consumerDataSet":◊}"#,
        "\u{FEFF}{\"clientID\":\"c\",\"consumerDataSet\":[◊]}", "{\"clientID\":\"c\",\"consumerDataSet\":[◊]}\u{0}\u{0}",
        "/* x */{\"clientID\":\"c\",// y\n\"consumerDataSet\":[◊]}", #"{"clientID":"c","consumerDataSet":[◊,null],"producerDataSet":null}"#,
    ]) func listsThatAreObjectsAndTextAroundAHeartbeatAreUnderstood(text: String) async throws {
        try await withPeer { peer in
            let consumer = #"{"groupName":"g","subscriptionDataSet":[{"topic":"T","subString":"*","tagsSet":{},"codeSet":{}}]}"#
            let answer = try await peer.ask(.heartBeat, text: text.replacing("◊", with: consumer))
            #expect(answer.code == 0)
            #expect(try await members(peer) == ["c"])
        }
    }

    @Test func aConsumerWithoutSubscriptionsIsAMember() async throws {
        try await withPeer { peer in
            let text = #"{"clientID":"c","producerDataSet":{},"consumerDataSet":[{"groupName":"g","subscriptionDataSet":{}}]}"#
            #expect(try await peer.ask(.heartBeat, text: text).code == 0)
            #expect(try await members(peer) == ["c"])
            let locked = try await peer.ask(.lockBatchMq, text: #"{"consumerGroup":"g","clientId":"c","mqSet":{}}"#)
            #expect(try LockBatchResponse(body: locked.body).lockedQueues.isEmpty)
            #expect(try await peer.ask(.unlockBatchMq, text: #"{"consumerGroup":"g","clientId":"c","mqSet":{}}"#).code == 0)
        }
    }

    @Test func membersHearOfEachOther() async throws {
        try await withPeer { peer in
            let other = peer.anotherClient()
            let topic = SubscriptionData(topic: "T", tagExpression: "*", version: 1)
            func notices() -> Int { peer.received.count }
            func heard(_ count: Int, _ what: String) async throws {
                try await eventually(what) { notices() >= count }
                // The answer to a request comes after what was sent before it.
                _ = try await members(peer)
                #expect(notices() == count, "\(what)")
            }
            _ = try await peer.heartbeat("one", subscriptions: [topic])
            try await heard(1, "its own arrival")
            #expect(peer.received.first?.requestCode == .notifyConsumerIdsChanged)
            #expect(peer.received.first?.fields?["consumerGroup"] == "g")
            _ = try await peer.heartbeat("one", subscriptions: [topic])
            try await heard(1, "nothing new")
            _ = try await peer.heartbeat("two", subscriptions: [topic], from: other)
            try await heard(2, "another member")
            #expect(try await members(peer).sorted() == ["one", "two"])
            _ = try await peer.heartbeat("one", subscriptions: [topic, SubscriptionData(topic: "U", tagExpression: "*", version: 1)])
            try await heard(3, "a further topic")
            _ = try await peer.heartbeat("two", subscriptions: [topic], from: other)
            try await heard(4, "a topic less: one heartbeat states the subscriptions of all")
            _ = try await peer.heartbeat("one", subscriptions: [SubscriptionData(topic: "T", tagExpression: "a", version: 2)])
            try await heard(4, "other tags concern no other member")
            _ = try await peer.ask(.unregisterClient, ["clientID": "two", "consumerGroup": "g"], from: other)
            try await heard(5, "a member that left")
            #expect(try await members(peer) == ["one"])
            _ = try await peer.heartbeat("two", subscriptions: [topic], from: other)
            try await heard(6, "it came back")
            other.close()
            try await heard(7, "its connection is closed")
            #expect(try await members(peer) == ["one"])
            _ = try await peer.ask(.unregisterClient, ["clientID": "one", "consumerGroup": "g"])
            #expect(try await members(peer) == ["code 1: no consumer for this group, g"])
        }
    }

    /// Each would hear of every other one: a thousand of them a million times.
    @Test func membersThatJoinTogetherAreToldTogether() async throws {
        try await withPeer { peer in
            _ = try await peer.heartbeat("first")
            try await eventually("its own arrival") { peer.received.count == 1 }
            let others = (0..<50).map { _ in peer.anotherClient() }
            for (number, other) in others.dropLast().enumerated() { _ = try await peer.heartbeat("c\(number)", from: other) }
            let before = peer.received.count
            _ = try await peer.heartbeat("last", from: others[49])
            try await eventually("it hears of the last one") { peer.received.count > before }
            #expect(peer.received.count < 25)
            for other in others { other.close() }
            try await eventually("they are gone") { try await members(peer) == ["first"] }
            #expect(peer.received.count < 50)
        }
    }

    @Test func aGroupOrABrokerMayBeSilent() async throws {
        try await withPeer { peer in
            _ = try await peer.changeGroup(#"{"groupName":"g","notifyConsumerIdsChangedEnable":false}"#)
            let other = peer.anotherClient()
            _ = try await peer.heartbeat("one")
            _ = try await peer.heartbeat("two", from: other)
            _ = try await peer.ask(.unregisterClient, ["clientID": "two", "consumerGroup": "g"], from: other)
            _ = try await peer.heartbeat("two", from: other)
            #expect(peer.received.isEmpty)
            // A connection that closes is told in any case, as at the reference.
            other.close()
            try await eventually("the notice") { peer.received.count == 1 }
            _ = try await peer.ask(.updateBrokerConfig, text: "notifyConsumerIdsChangedEnable=false")
            _ = try await peer.heartbeat("three", group: "loud")
            _ = try await members(peer)
            #expect(peer.received.count == 1)
        }
    }

    @Test func whoIsSilentForTwoMinutesIsForgotten() async throws {
        try await withPeer { peer in
            _ = try await peer.heartbeat("one")
            let state = peer.broker.state
            let now = try #require(state.clients.consumers["g"]?.channels.values.first?.lastUpdate)
            #expect(state.clients.consumers.expire(now: now + .seconds(110)).isEmpty)
            #expect(state.clients.consumers.expire(now: now + .seconds(130)).map(\.group) == ["g"])
            #expect(state.clients.consumers["g"] == nil)
        }
    }

    /// Loops keep what a group subscribes to, as long as the table says that nothing changed.
    @Test func aGroupWhoseMembersFellSilentIsNotServedFromMemory() async throws {
        try await withPeer({ $0.eventLoops = 1 }) { peer in
            _ = try await peer.send("Kept", "x")
            _ = try await peer.heartbeat("one", subscriptions: [SubscriptionData(topic: "Kept", tagExpression: "*", version: 1)])
            let reader = peer.anotherClient()
            func pull() async throws -> RemotingCommand { try await peer.pull("Kept", from: 0, changing: ["sysFlag": "0"], client: reader) }
            #expect(try await pull().code == 0)
            let state = peer.broker.state
            let version = state.clients.consumers.version
            #expect(state.clients.consumers.expire(now: state.clocks.monotonic.now() + .seconds(130)).map(\.group) == ["g"])
            #expect(state.clients.consumers.version > version)
            let refused = try await pull()
            #expect(refused.responseCode == .subscriptionNotExist)
            #expect(refused.remark == "the consumer's group info not exist")
        }
    }

    @Test func aNewGroupStartsAtZeroWhereTheFirstMessageIsStillNear() async throws {
        try await withPeer { peer in
            _ = try await peer.send("Young", "x")
            func offset(_ topic: String, group: String = "g") async throws -> String {
                let answer = try await peer.ask(.queryConsumerOffset, ["consumerGroup": group, "topic": topic, "queueId": "0"])
                return "\(answer.code) \(answer.fields?["offset"] ?? answer.remark ?? "")"
            }
            let reads = { try KeyValueTable(body: try await peer.ask(.getBrokerRuntimeInfo).body).table["msgGetTotalTodayNow"] }
            let before = try await reads()
            #expect(try await offset("Young") == "0 0")
            #expect(try await offset("Nowhere") == "0 0")
            let after = try await reads()
            #expect(before == after, "a question is no consumption")
            let queue = ["consumerGroup": "g", "topic": "Young", "queueId": "0"]
            for value in ["5", "2", "-3"] {
                _ = try await peer.ask(.updateConsumerOffset, queue.merging(["commitOffset": value]) { $1 })
            }
            // A negative one counts as none.
            #expect(try await offset("Young") == "0 0")
            _ = try await peer.ask(.updateConsumerOffset, queue.merging(["commitOffset": "2"]) { $1 })
            #expect(try await offset("Young") == "0 2")
            #expect(try await offset("Young", group: "other") == "0 0")
            let unknown = try await peer.ask(.updateConsumerOffset, queue.merging(["commitOffset": "2", "topic": "Nowhere"]) { $1 })
            #expect(unknown.responseCode == .success, "kept until the topic is there")
        }
    }

    @Test func aLockIsKeptTakenOverAndGivenUp() {
        let locks = QueueLocks()
        let queues = (0..<3).map { MessageQueue(topic: "T", brokerName: "b", queueId: $0) }
        #expect(locks.lock(queues, group: "g", clientId: "one", now: .at(0)) == queues)
        #expect(locks.lock(queues, group: "g", clientId: "two", now: .at(59_999)).isEmpty)
        #expect(locks.lock(queues, group: "other", clientId: "two", now: .at(0)) == queues)
        #expect(locks.lock([queues[0]], group: "g", clientId: "one", now: .at(59_999)) == [queues[0]], "renewed")
        #expect(locks.lock(queues, group: "g", clientId: "two", now: .at(60_001)) == [queues[1], queues[2]], "taken over")
        locks.unlock(queues, group: "g", clientId: "two")
        #expect(locks.lock(queues, group: "g", clientId: "three", now: .at(60_002)) == [queues[1], queues[2]], "only its own were given up")
        locks.unlock(queues, group: "g", clientId: "one")
        #expect(locks.lock([queues[0]], group: "g", clientId: "three", now: .at(60_003)) == [queues[0]])
    }

    @Test(arguments: [
        ("", 0), ("{}", 0), (#"{"subscriptionData":{"topic":"T","subString":"a"}}"#, 0),
        (#"{"subscriptionData":{"topic":"T","subString":"a","expressionType":"TAG"}}"#, 0),
        (#"{"subscriptionData":{"topic":"T","subString":"a > 1","expressionType":"SQL92"}}"#, 0),
        (#"{"subscriptionData":{"topic":"T","subString":"a >","expressionType":"SQL92"}}"#, 23),
        (#"{"subscriptionData":{"topic":"T","expressionType":"SQL92"}}"#, 23),
        (#"{"subscriptionData":{"topic":"T","subString":"a > 1","expressionType":"SQL91"}}"#, 1),
    ] as [(String, Int32)])
    func onlyFiltersThatAreRightAreAccepted(body: String, code: Int32) async throws {
        try await withPeer({ $0.filtersByExpression = true }) { peer in
            let answer = try await peer.ask(.checkClientConfig, text: body)
            #expect(answer.code == code)
            if code == 1 { #expect(answer.remark == "The broker does not support consumer to filter message by SQL91") }
            if code == 23 { #expect(answer.remark?.isEmpty == false) }
        }
    }
}
