@testable import RMQBroker
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

/// Names that are equal as `String` and two things by their bytes: `が` in one scalar and in two, the Kelvin sign and `K`.
private let lookAlikes = [("\u{304C}", "\u{304B}\u{3099}"), ("\u{212A}", "K")]

/// Every table of the broker, with two keys that look alike. `==` of `String` would find fault with nothing here, so texts are
/// compared as `ByteText`.
@Suite(.takesTurns) struct LookAlikeTests {
    @Test("Case 1.2: both forms of a tag are subscribed to", arguments: lookAlikes)
    func aPullGetsBothForms(_ first: String, _ second: String) async throws {
        try await withPeer { peer in
            _ = try await peer.send("Tags", "1", properties: "TAGS\u{1}\(first)")
            _ = try await peer.send("Tags", "2", properties: "TAGS\u{1}\(second)")
            #expect(try await peer.pull("Tags", from: 0, tags: "\(first)||\(second)").messages.map(\.text) == ["1", "2"])
            #expect(try await peer.pull("Tags", from: 0, tags: first).messages.map(\.text) == ["1"])
            #expect(try await peer.pull("Tags", from: 0, tags: second).messages.map(\.text) == ["2"])
        }
    }

    @Test("Case 1.2: a tag of a heartbeat", arguments: lookAlikes)
    func aHeartbeatSubscribesToBothForms(_ first: String, _ second: String) async throws {
        try await withPeer { peer in
            _ = try await peer.send("Tags", "1", properties: "TAGS\u{1}\(first)")
            _ = try await peer.send("Tags", "2", properties: "TAGS\u{1}\(second)")
            let both = SubscriptionData(topic: "Tags", tagExpression: "\(first) || \(second)", version: 1)
            _ = try await peer.heartbeat("c", group: "both", subscriptions: [both])
            let pulled = try await peer.pull("Tags", from: 0, changing: ["consumerGroup": "both", "sysFlag": "0", "subVersion": "1"])
            #expect(try pulled.messages.map(\.text) == ["1", "2"])
        }
    }

    @Test("Case 1.3: lock owners", arguments: lookAlikes)
    func aLockHasOneOwner(_ first: String, _ second: String) async throws {
        try await withPeer { peer in
            let queue = MessageQueue(topic: "T", brokerName: "b", queueId: 0)
            func lock(_ client: String, _ code: RequestCode = .lockBatchMq) async throws -> [MessageQueue] {
                let request = LockBatchRequest {
                    $0.consumerGroup = "g"
                    $0.clientId = client
                    $0.queues = [queue]
                }
                let answer = try await peer.ask(code, body: request.body)
                return answer.body.isEmpty ? [] : try LockBatchResponse(body: answer.body).lockedQueues
            }
            #expect(try await lock(first) == [queue])
            #expect(try await lock(second) == [])
            _ = try await lock(second, .unlockBatchMq)
            #expect(try await lock(second) == [], "only the owner gives a queue back")
            _ = try await lock(first, .unlockBatchMq)
            #expect(try await lock(second) == [queue])
        }
    }

    @Test("Case 1.3: groups and topics of locks", arguments: lookAlikes)
    func locksOfTwoGroupsAndTopicsAreApart(_ first: String, _ second: String) {
        let locks = QueueLocks()
        func lock(_ topic: String, _ group: String, _ client: String) -> Int {
            locks.lock([MessageQueue(topic: topic, brokerName: "b", queueId: 0)], group: group, clientId: client, now: .at(0)).count
        }
        #expect(lock("T", first, "one") == 1)
        #expect(lock("T", second, "two") == 1)
        #expect(lock(first, "g", "one") == 1)
        #expect(lock(second, "g", "two") == 1)
    }

    @Test("Case 1.3: client ids", arguments: lookAlikes)
    func aGroupHasBothMembers(_ first: String, _ second: String) async throws {
        try await withPeer { peer in
            _ = try await peer.heartbeat(first)
            _ = try await peer.heartbeat(second, from: peer.anotherClient())
            let answer = try await peer.ask(.getConsumerListByGroup, ["consumerGroup": "g"])
            #expect(Set<ByteText>(texts: try ConsumerIdList(body: answer.body).clientIds) == [ByteText(first), ByteText(second)])
        }
    }

    @Test("Case 1.3: consumer groups and the topics that they subscribe to", arguments: lookAlikes)
    func consumerGroupsAreApart(_ first: String, _ second: String) async throws {
        try await withPeer { peer in
            _ = try await peer.heartbeat("one", group: first, subscriptions: [SubscriptionData(topic: first, tagExpression: "*", version: 1)])
            _ = try await peer.heartbeat(
                "two", group: second, subscriptions: [SubscriptionData(topic: second, tagExpression: "*", version: 1)], from: peer.anotherClient())
            let consumers = peer.broker.state.clients.consumers
            #expect(consumers[first]?.clientIds == ["one"])
            #expect(consumers[second]?.clientIds == ["two"])
            #expect(consumers.groups(subscribingTo: first).map { ByteText($0) } == [ByteText(first)])
            #expect(consumers[second]?.subscriptions.keys.map(\.self) == [ByteText(second)])
        }
    }

    @Test("Case 1.3: producer groups", arguments: lookAlikes)
    func producerGroupsAreApart(_ first: String, _ second: String) async throws {
        try await withPeer { peer in
            for (client, group) in [("one", first), ("two", second)] {
                let beat = HeartbeatData {
                    $0.clientId = client
                    $0.producers = [ProducerData(group: group)]
                }
                _ = try await peer.ask(.heartBeat, body: beat.body, from: peer.anotherClient())
            }
            for (client, group) in [("one", first), ("two", second)] {
                let answer = try await peer.ask(.getProducerConnectionList, ["producerGroup": group])
                #expect(try ProducerConnection(body: answer.body).connections.map(\.clientId) == [client])
            }
        }
    }

    @Test("Case 1.3: topics in topics.json", arguments: lookAlikes)
    func bothTopicsOfTheFileAreThereAndStay(_ first: String, _ second: String) async throws {
        let file = #"""
            {"dataVersion":{"counter":1,"timestamp":1},"topicConfigTable":{
            "\#(first)":{"topicName":"\#(first)","readQueueNums":1,"writeQueueNums":1,"perm":6},
            "\#(second)":{"topicName":"\#(second)","readQueueNums":2,"writeQueueNums":2,"perm":6}}}
            """#
        try await withPeer(files: ["topics.json": file]) { peer in
            #expect(try await peer.topics[first]?.readQueueCount == 1)
            #expect(try await peer.topics[second]?.readQueueCount == 2)
            _ = try await peer.createTopic("Another")
            let written = try TopicConfigTable(json: JSONValue(parsing: Array(peer.file("topics.json").utf8))).topics
            #expect(written[first]?.readQueueCount == 1)
            #expect(written[second]?.readQueueCount == 2)
        }
    }

    @Test("Case 1.3: groups in subscriptionGroup.json", arguments: lookAlikes)
    func bothGroupsOfTheFileAreThereAndStay(_ first: String, _ second: String) async throws {
        let file = #"""
            {"dataVersion":{"counter":1,"timestamp":1},"subscriptionGroupTable":{
            "\#(first)":{"groupName":"\#(first)","retryMaxTimes":1},"\#(second)":{"groupName":"\#(second)","retryMaxTimes":2}}}
            """#
        try await withPeer(files: ["subscriptionGroup.json": file]) { peer in
            _ = try await peer.changeGroup(#"{"groupName":"another"}"#)
            let told = try SubscriptionGroupTable(body: try await peer.ask(.getAllSubscriptiongroupConfig).body).groups
            let written = try SubscriptionGroupTable(json: JSONValue(parsing: Array(peer.file("subscriptionGroup.json").utf8))).groups
            for groups in [told, written] {
                #expect(groups[first]?.retryMaxTimes == 1)
                #expect(groups[second]?.retryMaxTimes == 2)
            }
        }
    }

    @Test("Case 1.3: groups of offsets", arguments: lookAlikes)
    func offsetsOfTwoGroupsAreApart(_ first: String, _ second: String) throws {
        let offsets = ConsumerOffsets()
        offsets.load(ConsumerOffsetTable([ByteText("T@" + first): [0: 1], ByteText("T@" + second): [0: 2], ByteText(first + "@g"): [0: 3]]))
        #expect(offsets.existing(group: first, topic: "T")?.all == [0: 1])
        #expect(offsets.existing(group: second, topic: "T")?.all == [0: 2])
        #expect(offsets.existing(group: "g", topic: second) == nil)
        #expect(offsets.topics(of: first) == ["T"])
        #expect(offsets.groups(of: first) == ["g"])
        offsets.remove(group: first)
        #expect(offsets.file.offsets.count == 2)
    }

    @Test("Case 1.3: rates of groups", arguments: lookAlikes)
    func ratesOfTwoGroupsAreApart(_ first: String, _ second: String) throws {
        let set = StatisticsSet("GROUP_GET_NUMS", MetricRegistry().family("gets", "Messages.", labels: ["topic", "group"]) { Summary() })
        set.family.series(["T", first]).add(100)
        set.sample([.minute], now: .at(10_000))
        #expect(set.snapshots(["T", first])?[0].perSecond == 10)
        #expect(set.snapshots(["T", second]) == nil)
        #expect(set.snapshots(key: "T@" + second) == nil)
    }

    @Test("Case 1.3: names of settings, and what separates their parts") func settingsHaveExactNames() async throws {
        try await withPeer { peer in
            let answer = try await peer.ask(.updateBrokerConfig, text: "max\u{212A}ey=1")
            #expect(answer.code == ResponseCode.noPermission.rawValue)
            var configuration = BrokerConfiguration()
            _ = try configuration.apply([("namesrvAddr", "a:1\u{37E}b:2")])
            #expect(configuration.nameServers.count == 1, "a Greek question mark separates nothing")
        }
    }
}
