@testable import RMQBroker
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

/// Sending, pulling and looking for messages.
enum MessageRows {
    private static let topic: RowCase.Step = { peer async throws in _ = try await peer.createTopic("T") }
    private static let message: RowCase.Step = { peer async throws in
        try await topic(peer)
        _ = try await peer.send("T", "x", properties: "KEYS\u{1}k\u{2}TAGS\u{1}a")
    }
    private static let long = [
        "producerGroup": "p", "topic": "T", "defaultTopic": "TBW102", "defaultTopicQueueNums": "4", "queueId": "0", "sysFlag": "0",
        "bornTimestamp": "1", "flag": "7", "properties": "", "reconsumeTimes": "0", "unitMode": "false", "batch": "false",
    ]
    private static let short = Peer.sendFields("T")
    private static let batch = Peer.sendFields("T").merging(["m": "true"]) { $1 }
    private static let pull = [
        "consumerGroup": "g", "topic": "T", "queueId": "0", "queueOffset": "0", "maxMsgNums": "32", "sysFlag": "4", "commitOffset": "0",
        "suspendTimeoutMillis": "0", "subscription": "*", "subVersion": "0",
    ]
    private static let byKey = ["topic": "T", "key": "k", "maxNum": "32", "beginTimestamp": "0", "endTimestamp": "\(Int64.max)"]

    private static func batchBody(_ texts: [String]) -> [UInt8] {
        // The encoder throws for what is no batch only.
        (try? BatchBody.encode(texts.map { Message(topic: "T", body: Array($0.utf8)) })) ?? []
    }

    private static func holds(_ texts: [String]) -> RowCase.Effect {
        { peer, answer async throws in
            #expect(answer.fields?["queueOffset"] == "0")
            #expect(answer.fields?["msgId"] != nil)
            #expect(try await peer.pull("T", from: 0).messages.map(\.text) == texts)
        }
    }

    static let all: [RowCase] = [
        RowCase(.sendMessage, good: "is stored", given: topic, fields: long, body: Array("x".utf8), effect: holds(["x"])),
        RowCase(
            .sendMessage, bad: "a topic that may not be made", fields: long.merging(["defaultTopic": "Nowhere"]) { $1 }, answers: .topicNotExist,
            remark: "topic[T] not exist"),
        RowCase(.sendMessageV2, good: "is stored", given: topic, fields: short, body: Array("x".utf8), effect: holds(["x"])),
        RowCase(.sendMessageV2, good: "makes the topic", fields: short, body: Array("x".utf8)) { peer, _ async throws in
            #expect(try await peer.topics["T"]?.writeQueueCount == 4)
        },
        RowCase(
            .sendMessageV2, bad: "a queue that is not there", given: topic, fields: short.merging(["e": "1"]) { $1 }, answers: .systemError,
            remark: "request queueId[1] is illegal"),
        RowCase(
            .sendMessageV2, bad: "a topic of the system", fields: short.merging(["b": "SCHEDULE_TOPIC_XXXX"]) { $1 }, answers: .noPermission,
            remark: "SCHEDULE_TOPIC_XXXX"),
        RowCase(.sendBatchMessage, good: "all are stored", given: topic, fields: batch, body: batchBody(["x", "y"]), effect: holds(["x", "y"])),
        RowCase(.sendBatchMessage, bad: "an empty batch", given: topic, fields: batch, answers: .messageIllegal, remark: ""),
        RowCase(.pullMessage, good: "gives messages", given: message, fields: pull, remark: "FOUND") { _, answer async throws in
            #expect(try answer.messages.map(\.text) == ["x"])
            #expect(answer.fields?["nextBeginOffset"] == "1")
            #expect(answer.fields?["minOffset"] == "0")
            #expect(answer.fields?["maxOffset"] == "1")
        },
        RowCase(
            .pullMessage, good: "says that there is nothing", given: message, fields: pull.merging(["queueOffset": "1"]) { $1 },
            answers: .pullNotFound, remark: "OFFSET_OVERFLOW_ONE"
        ) { _, answer async throws in
            #expect(answer.body.isEmpty)
        },
        RowCase(.pullMessage, bad: "an unknown topic", given: { peer async throws in
            _ = try await peer.changeGroup(#"{"groupName":"g"}"#)
        }, fields: pull, answers: .topicNotExist, remark: "topic[T] not exist"),
        RowCase(.queryMessage, isGood: true, "finds by key") { peer async throws in
            try await message(peer)
            // The index follows the log.
            try await eventually("it is found") { try await peer.ask(.queryMessage, byKey).messages.map(\.text) == ["x"] }
        },
        RowCase(.queryMessage, bad: "an unknown key", given: message, fields: byKey.merging(["key": "other"]) { $1 }, answers: .queryNotFound, remark: "can not find message"),
        RowCase(.viewMessageById, good: "gives the record", given: message, fields: ["offset": "0"]) { _, answer async throws in
            #expect(try answer.messages.map(\.text) == ["x"])
        },
        RowCase(
            .viewMessageById, bad: "no record begins there", given: message, fields: ["offset": "3"], answers: .systemError,
            remark: "can not find message by the offset, 3"),
    ]
}
