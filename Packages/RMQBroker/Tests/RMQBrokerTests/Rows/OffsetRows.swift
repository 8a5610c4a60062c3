@testable import RMQBroker
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

/// The offsets of groups, as administrators look at them and change them.
enum OffsetRows {
    private static let consumed: RowCase.Step = { peer async throws in
        _ = try await peer.createTopic("T")
        for text in ["a", "b", "c"] { _ = try await peer.send("T", text) }
        _ = try await peer.ask(.updateConsumerOffset, ["consumerGroup": "g", "topic": "T", "queueId": "0", "commitOffset": "2"])
    }
    private static let consuming: RowCase.Step = { peer async throws in
        try await consumed(peer)
        _ = try await peer.heartbeat("c", subscriptions: [SubscriptionData(topic: "T", tagExpression: "*", version: 1)])
    }
    private static let queue = MessageQueue(topic: "T", brokerName: "broker-a", queueId: 0)
    private static let reset = ["topic": "T", "group": "g", "timestamp": "0", "isForce": "true"]
    private static let clone = ["srcGroup": "g", "destGroup": "other", "topic": "T", "offline": "true"]
    private static let entries = ["topic": "T", "queueId": "0", "index": "1", "count": "32"]

    static let all: [RowCase] = [
        RowCase(.invokeBrokerToResetOffset, good: "tells the members", given: consuming, fields: reset) { peer, answer async throws in
            #expect(try ResetOffsets(body: answer.body).offsets == [queue: 0])
            try await eventually("the member is told") { peer.received.contains { $0.requestCode == .resetConsumerClientOffset } }
        },
        RowCase(.invokeBrokerToResetOffset, bad: "nobody is there", given: consumed, fields: reset, answers: .consumerNotOnline, remark: "Group: g Topic: T Timestamp: 0"),
        RowCase(.invokeBrokerToResetOffset, bad: "an unknown topic", fields: reset, answers: .systemError, remark: "no topic in this broker. topic=T"),
        RowCase(
            .invokeBrokerToResetOffset, bad: "no time, which would be the oldest message", given: consuming,
            fields: reset.merging(["timestamp": "yesterday"]) { $1 }, answers: .systemError, remark: "timestamp"),
        RowCase(.cloneGroupOffset, good: "the other group has them, too", given: consumed, fields: clone) { peer, _ async throws in
            #expect(peer.broker.state.offsets.existing(group: "other", topic: "T")?.all == [0: 2])
        },
        RowCase(.cloneGroupOffset, bad: "no source", fields: ["destGroup": "other"], answers: .systemError, remark: "srcGroup"),
        RowCase(
            .cloneGroupOffset, bad: "a group longer than any", given: consumed,
            fields: clone.merging(["destGroup": String(repeating: "g", count: 256)]) { $1 }, answers: .systemError, remark: "255 characters"),
        RowCase(
            .queryCorrectionOffset, good: "is the least of all that count", given: consumed, fields: ["topic": "T", "filterGroups": "other", "compareGroup": "g"]
        ) { _, answer async throws in
            #expect(answer.text == #"{"correctionOffsets":{0:2}}"#)
        },
        RowCase(.queryCorrectionOffset, bad: "no topic", answers: .systemError, remark: "topic"),
        RowCase(.queryConsumeTimeSpan, good: "has the times of each queue", given: consumed, fields: ["topic": "T", "group": "g"]) { _, answer async throws in
            let span = try #require(try ConsumeTimeSpans(body: answer.body).spans.first)
            #expect(span.queue == queue)
            #expect(span.minTimestamp > 0 && span.minTimestamp <= span.consumeTimestamp && span.consumeTimestamp <= span.maxTimestamp)
        },
        RowCase(.queryConsumeTimeSpan, bad: "an unknown topic", fields: ["topic": "Nowhere", "group": "g"], answers: .topicNotExist, remark: "Nowhere"),
        RowCase(.queryConsumeQueue, good: "has the entries from there on", given: consumed, fields: entries) { _, answer async throws in
            let body = try ConsumeQueueEntries(body: answer.body)
            #expect(body.maxQueueIndex == 3)
            #expect(body.entries.count == 2)
        },
        RowCase(.queryConsumeQueue, bad: "an unknown queue", fields: entries, answers: .systemError, remark: "0@T is not exist!"),
    ]
}
