@testable import RMQBroker
import RMQCommon
import RMQRemoting
import RMQStore
import RMQTestSupport
import Testing

/// Topics, as administrators see and change them.
enum TopicRows {
    private static let made: RowCase.Step = { peer async throws in _ = try await peer.createTopic("T", queues: 2) }
    private static let fields = [
        "topic": "New", "defaultTopic": "TBW102", "readQueueNums": "3", "writeQueueNums": "2", "perm": "4", "topicFilterType": "SINGLE_TAG",
        "topicSysFlag": "0", "order": "false",
    ]

    static let all: [RowCase] = [
        RowCase(.updateAndCreateTopic, good: "makes a topic", fields: fields) { peer, _ async throws in
            let topic = try #require(try await peer.topics["New"])
            #expect(topic.readQueueCount == 3)
            #expect(topic.writeQueueCount == 2)
            #expect(topic.permission.rawValue == 4)
            #expect(try peer.file("topics.json").contains("\"New\""))
        },
        RowCase(
            .updateAndCreateTopic, bad: "a name with other characters", fields: fields.merging(["topic": "a/b"]) { $1 }, answers: .systemError,
            remark: "a/b"),
        RowCase(
            .updateAndCreateTopic, bad: "a system topic", fields: fields.merging(["topic": "TBW102"]) { $1 }, answers: .systemError,
            remark: "The topic[TBW102] is conflict with system topic."),
        RowCase(
            .updateAndCreateTopic, bad: "more queues than a topic has", fields: fields.merging(["readQueueNums": "5000"]) { $1 },
            answers: .systemError, remark: "0 to 4096 read and write queues"),
        RowCase(.deleteTopicInBroker, good: "deletes it with its messages", given: made, fields: ["topic": "T"]) { peer, _ async throws in
            #expect(try await peer.topics["T"] == nil)
            #expect(try !peer.file("topics.json").contains("\"T\""))
        },
        RowCase(
            .deleteTopicInBroker, bad: "a system topic", fields: ["topic": "SCHEDULE_TOPIC_XXXX"], answers: .systemError,
            remark: "conflict with system topic"),
        RowCase(.getAllTopicConfig, good: "has the version and every topic", given: made) { _, answer async throws in
            let table = try TopicConfigTable(body: answer.body)
            #expect(table.topics["T"]?.readQueueCount == 2)
            #expect(table.topics["TBW102"] != nil)
            #expect(table.dataVersion.counter == 1)
        },
        RowCase(.getTopicStatsInfo, good: "has a range for each queue", given: { peer async throws in
            try await made(peer)
            _ = try await peer.send("T", "x", queue: 1)
        }, fields: ["topic": "T"]) { _, answer async throws in
            let stats = try TopicStatsTable(body: answer.body)
            let second = try #require(stats.queues[MessageQueue(topic: "T", brokerName: "broker-a", queueId: 1)])
            #expect(stats.queues.count == 2)
            #expect(second.maxOffset == 1)
            #expect(second.lastUpdateTimestamp > 0)
        },
        RowCase(.getTopicStatsInfo, bad: "an unknown topic", fields: ["topic": "Nowhere"], answers: .topicNotExist, remark: "Nowhere"),
        RowCase(.getSystemTopicListFromBroker, good: "has the broker's and the cluster's") { _, answer async throws in
            let topics = Set<ByteText>(texts: try TopicList(body: answer.body).topics)
            for topic in ["TBW102", "broker-a", "DefaultCluster", "SCHEDULE_TOPIC_XXXX"] { #expect(topics.contains(topic)) }
        },
        RowCase(.cleanUnusedTopic, good: "removes queues of no topic", given: { peer async throws in
            _ = try await peer.send("Gone", "x")
            peer.broker.state.topics.remove("Gone")
        }) { peer, _ async throws in
            #expect(!peer.broker.state.store.topics.contains("Gone"))
        },
        RowCase(.queryTopicConsumeByWho, good: "names who is online and who once was", given: { peer async throws in
            _ = try await peer.heartbeat("c", group: "online", subscriptions: [SubscriptionData(topic: "T", tagExpression: "*", version: 1)])
            _ = try await peer.ask(.updateConsumerOffset, ["consumerGroup": "once", "topic": "T", "queueId": "0", "commitOffset": "1"])
        }, fields: ["topic": "T"]) { _, answer async throws in
            #expect(answer.text == #"{"groupList":["once","online"]}"#)
        },
        RowCase(.queryTopicConsumeByWho, bad: "no topic", answers: .systemError, remark: "topic"),
    ]
}
