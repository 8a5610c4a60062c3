import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

/// Admin calls one by one: which request each makes, with which fields, at whom, and what it makes of the answer.
@Suite(.takesTurns) struct AdminCallTests {
    struct Call: Sendable, CustomTestStringConvertible {
        let code: RequestCode
        let fields: [String: String]
        var body = ""
        var answer = RemotingCommand.response(.success)
        var server = "a"
        /// Asks, and says whether the answer is what was to be made of it.
        let isMade: @Sendable (Admin, _ broker: String) async throws -> Bool
        var testDescription: String { "\(code)" }
    }

    private static let queue = MessageQueue(topic: "T", brokerName: "a", queueId: 0)

    private static func answer(_ body: some JSONBody) -> RemotingCommand { .response(.success, body: body.body) }
    private static func text(_ text: String) -> RemotingCommand { .response(.success, body: Array(text.utf8)) }

    static let ofBrokers: [Call] = [
        Call(code: .getBrokerConfig, fields: [:], answer: text("brokerName=a\nbrokerId=0\n")) { admin, broker in
            try await admin.brokerConfiguration(at: broker).table == ["brokerName": "a", "brokerId": "0"]
        },
        Call(code: .updateBrokerConfig, fields: [:], body: "a=1\nb=2\n") { admin, broker in
            try await admin.updateBrokerConfiguration(["b": "2", "a": "1"], at: broker)
            return true
        },
        Call(
            code: .viewBrokerStatsData, fields: ["statsName": "TOPIC_PUT_NUMS", "statsKey": "T"], answer: answer(BrokerStatsData { $0.minute.sum = 7 })
        ) { admin, broker in
            try await admin.brokerStats("TOPIC_PUT_NUMS", key: "T", at: broker).minute.sum == 7
        },
        Call(code: .getBrokerConsumeStats, fields: ["isOrder": "true"], answer: answer(BrokerConsumeStats { $0.totalDifference = 9 })) { admin, broker in
            try await admin.consumeStats(onlyOrdered: true, at: broker).totalDifference == 9
        },
        Call(code: .getAllProducerInfo, fields: [:], answer: answer(ProducerTableInfo(groups: ["g": []]))) { admin, broker in
            try await admin.producers(at: broker).groups.keys.map(\.text).isExactly(["g"])
        },
        Call(code: .getSystemTopicListFromBroker, fields: [:], answer: answer(TopicList(["TBW102"]))) { admin, broker in
            try await admin.systemTopics(at: broker).isExactly(["TBW102"])
        },
        Call(
            code: .queryConsumeQueue, fields: ["topic": "T", "queueId": "3", "index": "5", "count": "2", "consumerGroup": "g"],
            answer: answer(ConsumeQueueEntries { $0.maxQueueIndex = 8 })
        ) { admin, broker in
            try await admin.queueEntries(topic: "T", queueId: 3, index: 5, maxCount: 2, group: "g", at: broker).maxQueueIndex == 8
        },
        Call(code: .queryConsumeQueue, fields: [:]) { admin, broker in
            try await admin.queueEntries(topic: "T", queueId: 0, index: 99, at: broker).entries.isEmpty
        },
        Call(code: .getAllConsumerOffset, fields: [:], answer: answer(ConsumerOffsetTable(["T@g": [0: 5]]))) { admin, broker in
            try await admin.allOffsets(at: broker).offsets == ["T@g": [0: 5]]
        },
        Call(
            code: .getConsumerRunningInfo, fields: ["consumerGroup": "g", "clientId": "c", "jstackEnable": "true"],
            answer: answer(ConsumerRunningInfo { $0.properties = ["PROP_CONSUMEORDERLY": "false"] })
        ) { admin, broker in
            try await admin.runningInfo(of: "c", in: "g", withStacks: true, at: broker).properties == ["PROP_CONSUMEORDERLY": "false"]
        },
        Call(
            code: .getConsumeStats, fields: ["consumerGroup": "g"], answer: answer(ConsumeStats { $0.queues[queue] = .init { $0.brokerOffset = 5 } })
        ) { admin, broker in
            try await admin.consumeStats(group: "g", at: broker).queues[queue]?.brokerOffset == 5
        },
        Call(
            code: .getConsumerConnectionList, fields: ["consumerGroup": "g"],
            answer: answer(ConsumerConnection { $0.connections = [ClientConnection { $0.clientId = "c" }] })
        ) { admin, broker in
            try await admin.consumerConnection(group: "g", at: broker).connections.map(\.clientId).isExactly(["c"])
        },
        Call(
            code: .getTopicStatsInfo, fields: ["topic": "T"], answer: answer(TopicStatsTable { $0.queues[queue] = .init { $0.maxOffset = 5 } })
        ) { admin, broker in
            try await admin.topicStats("T", at: broker).queues[queue]?.maxOffset == 5
        },
        Call(code: .cleanExpiredConsumequeue, fields: [:]) { try await $0.cleanExpiredQueues(at: $1); return true },
        Call(code: .cleanUnusedTopic, fields: [:]) { try await $0.cleanUnusedTopics(at: $1); return true },
        Call(code: .deleteExpiredCommitlog, fields: [:]) { try await $0.deleteExpiredLog(at: $1); return true },
        Call(code: .changeBrokerRole, fields: ["brokerRole": "SLAVE", "masterAddr": "10.0.0.1:10911", "brokerId": "2"]) {
            try await $0.makeSlave($1, of: "10.0.0.1:10911", brokerId: 2)
            return true
        },
        Call(code: .changeBrokerRole, fields: ["brokerRole": "SYNC_MASTER", "leastOffset": "7"]) {
            try await $0.makeMaster($1, isSynchronous: true, leastOffset: 7)
            return true
        },
        Call(code: .deleteSubscriptiongroup, fields: ["groupName": "g", "removeOffset": "true"]) { admin, broker in
            try await admin.deleteGroup("g", removingOffsets: true, at: broker)
            return true
        },
        Call(
            code: .queryCorrectionOffset, fields: ["topic": "T", "compareGroup": "g", "filterGroups": "x,y"], answer: answer(CorrectionOffsets([0: 4]))
        ) { admin, broker in
            try await admin.leastOffsets(ofTopic: "T", comparedWith: "g", ignoring: ["x", "y"], at: broker) == [0: 4]
        },
    ]

    static let ofAccounts: [Call] = [
        Call(
            code: .updateAndCreateAclConfig,
            fields: [
                "accessKey": "account-one", "secretKey": "secret-one", "admin": "true", "defaultTopicPerm": "DENY", "topicPerms": "A=PUB|SUB,B=SUB",
                "groupPerms": "g=SUB",
            ]
        ) { admin, broker in
            var account = AccountChange(accessKey: "account-one", secretKey: "secret-one")
            account.isAdministrator = true
            account.defaultTopicRight = AccountChange.Right.none
            account.topics = ["B": .subscribe, "A": .both]
            account.groups = ["g": .subscribe]
            try await admin.updateAccount(account, at: broker)
            return true
        },
        Call(code: .deleteAclConfig, fields: ["accessKey": "account-one"]) { try await $0.deleteAccount("account-one", at: $1); return true },
        Call(
            code: .getBrokerClusterAclInfo, fields: [:],
            answer: .response(.success, header: AccessVersionResponseHeader {
                $0.version = "v"
                $0.brokerName = "a"
                $0.brokerAddress = "10.0.0.1:10911"
                $0.clusterName = "c"
            })
        ) { admin, broker in
            let version = try await admin.accountsVersion(at: broker)
            return version.version.isExactly("v") && version.clusterName.isExactly("c")
        },
        Call(code: .updateGlobalWhiteAddrsConfig, fields: ["globalWhiteAddrs": "10.0.0.1,10.0.0.2", "aclFileFullPath": "/x"]) { admin, broker in
            try await admin.setGlobalWhiteAddresses(["10.0.0.1", "10.0.0.2"], file: "/x", at: broker)
            return true
        },
    ]

    static let ofNameServers: [Call] = [
        Call(code: .getKvlistByNamespace, fields: ["namespace": "n"], answer: answer(KeyValueTable(["k": "v"])), server: FakeCluster.nameServer) { admin, _ in
            try await admin.keyValues(namespace: "n").table == ["k": "v"]
        },
        Call(code: .deleteKvConfig, fields: ["namespace": "n", "key": "k"], server: FakeCluster.nameServer) { admin, _ in
            try await admin.deleteKeyValue(namespace: "n", key: "k")
            return true
        },
        Call(code: .getNamesrvConfig, fields: [:], answer: text("listenPort=9876\n"), server: FakeCluster.nameServer) { admin, _ in
            try await admin.nameServerConfigurations().first?.values.table == ["listenPort": "9876"]
        },
        Call(code: .updateNamesrvConfig, fields: [:], body: "k=v\n", server: FakeCluster.nameServer) { admin, _ in
            try await admin.updateNameServerConfiguration(["k": "v"])
            return true
        },
        Call(
            code: .wipeWritePermOfBroker, fields: ["brokerName": "b"],
            answer: .response(.success, header: WipeWritePermissionResponseHeader(wipedTopicCount: 3)), server: FakeCluster.nameServer
        ) { admin, _ in
            try await admin.wipeWritePermission(ofBroker: "b").map(\.topicCount) == [3]
        },
        Call(
            code: .addWritePermOfBroker, fields: ["brokerName": "b"],
            answer: .response(.success, header: AddWritePermissionResponseHeader(addedTopicCount: 2)), server: FakeCluster.nameServer
        ) { admin, _ in
            try await admin.addWritePermission(ofBroker: "b").map(\.topicCount) == [2]
        },
        Call(code: .getSystemTopicListFromNs, fields: [:], answer: answer(TopicList(["DefaultCluster"])), server: FakeCluster.nameServer) { admin, _ in
            try await admin.systemTopics().isExactly(["DefaultCluster"])
        },
        Call(code: .getUnitTopicList, fields: [:], answer: answer(TopicList(["T"])), server: FakeCluster.nameServer) { admin, _ in
            try await admin.topics(.ofUnits).isExactly(["T"])
        },
        Call(code: .getHasUnitSubTopicList, fields: [:], answer: answer(TopicList(["T"])), server: FakeCluster.nameServer) { admin, _ in
            try await admin.topics(.subscribed).isExactly(["T"])
        },
        Call(code: .getHasUnitSubUnunitTopicList, fields: [:], answer: answer(TopicList(["T"])), server: FakeCluster.nameServer) { admin, _ in
            try await admin.topics(.subscribedOutside).isExactly(["T"])
        },
        Call(
            code: .getKvConfig, fields: ["namespace": "ORDER_TOPIC_CONFIG", "key": "T"],
            answer: .response(.success, header: KeyValueResponseHeader(value: "a:4")), server: FakeCluster.nameServer
        ) { admin, _ in
            try await admin.orderConfiguration(ofTopic: "T").isExactly("a:4")
        },
        Call(code: .putKvConfig, fields: ["namespace": "ORDER_TOPIC_CONFIG", "key": "T", "value": "a:4"], server: FakeCluster.nameServer) { admin, _ in
            try await admin.setOrderConfiguration("a:4", ofTopic: "T")
            return true
        },
        Call(code: .deleteKvConfig, fields: ["namespace": "ORDER_TOPIC_CONFIG", "key": "T"], server: FakeCluster.nameServer) { admin, _ in
            try await admin.deleteOrderConfiguration(ofTopic: "T")
            return true
        },
    ]

    static let ofOffsets: [Call] = [
        Call(
            code: .invokeBrokerToResetOffset, fields: ["topic": "T", "group": "g", "timestamp": "17", "isForce": "true"],
            answer: answer(ResetOffsets([queue: 3]))
        ) { admin, _ in
            try await admin.resetOffsets(group: "g", topic: "T", to: .time(17)) == [queue: 3]
        },
        Call(
            code: .invokeBrokerToResetOffset, fields: ["timestamp": "-1", "isForce": "false"], answer: answer(ResetOffsets([:]))
        ) { admin, _ in
            try await admin.resetOffsets(group: "g", topic: "T", to: .end, forwards: false).isEmpty
        },
        Call(code: .invokeBrokerToResetOffset, fields: ["isForce": "true"], answer: answer(ResetOffsets([queue: 3]))) { admin, _ in
            try await admin.resetMembers(ofGroup: "g", topic: "T", to: .end, asList: true) == [queue: 3]
        },
        Call(code: .cloneGroupOffset, fields: ["srcGroup": "g", "destGroup": "h", "topic": "T", "offline": "true"]) { admin, _ in
            try await admin.cloneOffsets(from: "g", to: "h", topic: "T")
            return true
        },
        Call(
            code: .invokeBrokerToGetConsumerStatus, fields: ["topic": "T", "group": "g", "clientAddr": "c"],
            answer: answer(ConsumerStatus { $0.clients = ["c": [queue: 5]] })
        ) { admin, _ in
            try await admin.memberOffsets(group: "g", topic: "T", clientId: "c") == ["c": [queue: 5]]
        },
        Call(
            code: .queryConsumeTimeSpan, fields: ["topic": "T", "group": "g"],
            answer: answer(ConsumeTimeSpans([ConsumeTimeSpans.Span { $0.queue = queue }]))
        ) { admin, _ in
            try await admin.timeSpans(group: "g", topic: "T").map(\.queue) == [queue]
        },
    ]

    @Test(arguments: ofBrokers + ofAccounts + ofNameServers + ofOffsets) func theRequestOf(call: Call) async throws {
        try await withFakeCluster { cluster in
            cluster.behave { _, command in command.requestCode == call.code ? .answer(call.answer) : .usual }
            try await cluster.withClient { client in
                #expect(try await call.isMade(client.admin, cluster.address(of: "a")))
                let asked = try #require(cluster.asked(call.code, of: call.server).first)
                for (name, value) in call.fields { #expect(asked.fields?[name].isExactly(value) == true, "\(name) of \(call.code)") }
                #expect(String(decoding: asked.body, as: UTF8.self).isExactly(call.body))
            }
        }
    }

    /// A broker refuses to reset a group without members; then its offsets are stored one by one.
    @Test func aGroupThatIsAwayIsResetAsWell() async throws {
        try await withFakeCluster(topics: ["T": 2]) { cluster in
            cluster.fill("T", with: ["1", "2", "3"])
            cluster.behave { _, command in
                command.requestCode == .invokeBrokerToResetOffset ? .answer(.response(.consumerNotOnline, remark: "not online")) : .usual
            }
            try await cluster.withClient { client in
                let second = MessageQueue(topic: "T", brokerName: "a", queueId: 1)
                #expect(try await client.admin.resetOffsets(group: "g", topic: "T", to: .end) == [Self.queue: 3, second: 0])
                #expect(cluster.offset(of: Self.queue) == 3)
                try await client.admin.commit(group: "g", queue: Self.queue, offset: 1)
                #expect(try await client.admin.resetOffsets(group: "g", topic: "T", to: .end, forwards: false) == [second: 0], "it only goes back")
                #expect(cluster.offset(of: Self.queue) == 1)
            }
        }
    }

    @Test func aGroupWithoutMembersIsNotResetByItsBrokers() async throws {
        try await withFakeCluster { cluster in
            cluster.behave { _, command in
                command.requestCode == .invokeBrokerToResetOffset ? .answer(.response(.consumerNotOnline, remark: "not online")) : .usual
            }
            try await cluster.withClient { client in
                let error = await #expect(throws: ClientError.self) { try await client.admin.resetMembers(ofGroup: "g", topic: "T", to: .end) }
                #expect(error?.responseCode == .consumerNotOnline)
            }
        }
    }

    @Test func aHalfMessageIsAskedAboutAtTheBrokerOfItsId() async throws {
        try await withFakeCluster { cluster in
            try await cluster.withClient { client in
                let port = try #require(HostPort(cluster.address(of: "a"))?.port)
                let id = OffsetMessageId(storeHost: HostAddress(ipv4: (127, 0, 0, 1), port: port), physicalOffset: 7).text
                try await client.admin.resumeCheck(ofHalfMessage: id)
                #expect(cluster.asked(.resumeCheckHalfMessage).first?.fields?["msgId"].isExactly(id) == true)
                #expect(await failure { () throws(ClientError) in try await client.admin.resumeCheck(ofHalfMessage: "x") }?.code == .invalidName)
            }
        }
    }

    @Test func theClustersOfATopic() async throws {
        try await withFakeCluster { cluster in
            let clusters = try await cluster.withClient { try await $0.admin.clusters(ofTopic: "T") }
            #expect(clusters.isExactly(["c"]))
        }
    }
}
