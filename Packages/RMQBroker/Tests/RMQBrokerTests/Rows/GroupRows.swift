@testable import RMQBroker
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

/// Consumer groups, as administrators see and change them.
enum GroupRows {
    private static let made: RowCase.Step = { peer async throws in _ = try await peer.changeGroup(#"{"groupName":"g","retryMaxTimes":3}"#) }
    private static let consumed: RowCase.Step = { peer async throws in
        _ = try await peer.changeGroup(#"{"groupName":"g"}"#)
        _ = try await peer.createTopic("T")
        for text in ["a", "b", "c"] { _ = try await peer.send("T", text) }
        _ = try await peer.ask(.updateConsumerOffset, ["consumerGroup": "g", "topic": "T", "queueId": "0", "commitOffset": "1"])
    }

    static let all: [RowCase] = [
        RowCase(.updateAndCreateSubscriptiongroup, good: "makes a group", body: Array(#"{"groupName":"g","retryMaxTimes":3}"#.utf8)) { peer, _ async throws in
            #expect(peer.broker.state.groups["g"]?.retryMaxTimes == 3)
            #expect(try peer.file("subscriptionGroup.json").contains("\"g\""))
        },
        RowCase(.updateAndCreateSubscriptiongroup, bad: "no name", body: Array("{}".utf8), answers: .systemError, remark: "groupName"),
        RowCase(.getAllSubscriptiongroupConfig, good: "has every group", given: made) { _, answer async throws in
            let groups = try SubscriptionGroupTable(body: answer.body).groups
            #expect(groups["g"]?.retryMaxTimes == 3)
            #expect(groups["TOOLS_CONSUMER"] != nil)
        },
        RowCase(
            .deleteSubscriptiongroup, good: "deletes it and its offsets", given: consumed, fields: ["groupName": "g", "removeOffset": "true"]
        ) { peer, _ async throws in
            #expect(peer.broker.state.groups["g"] == nil)
            #expect(peer.broker.state.offsets.existing(group: "g", topic: "T") == nil)
            #expect(try !peer.file("consumerOffset.json").contains("T@g"))
        },
        RowCase(.deleteSubscriptiongroup, bad: "no name", answers: .systemError, remark: "groupName"),
        RowCase(.getConsumeStats, good: "tells how far it is", given: consumed, fields: ["consumerGroup": "g", "topic": "T"]) { _, answer async throws in
            let progress = try #require(try ConsumeStats(body: answer.body).queues.values.first)
            #expect(progress.brokerOffset == 3)
            #expect(progress.consumerOffset == 1)
        },
        RowCase(.getConsumeStats, bad: "no group", answers: .systemError, remark: "consumerGroup"),
        RowCase(.getBrokerConsumeStats, good: "sums up what all groups lack", given: consumed, fields: ["isOrder": "false"]) { _, answer async throws in
            #expect(try JSONValue(parsing: answer.body)["totalDiff"]?.asInt64 == 2)
        },
    ]
}
