@testable import RMQBroker
import RMQCommon
import RMQRemoting
import Testing

/// Code 36, and sends to retry topics. `SendBackTests` has what a message looks like that comes again.
enum RetryRows {
    static let all = sendBack + fallback

    private static func fields(_ changes: [String: String] = [:]) -> [String: String] {
        ["offset": "0", "group": "g", "delayLevel": "0", "originTopic": "T", "unitMode": "false"].merging(changes) { $1 }
    }

    private static func end(_ topic: String, queue: Int = 0, _ peer: Peer) async throws -> String? {
        try await peer.ask(.getMaxOffset, ["topic": topic, "queueId": "\(queue)"]).fields?["offset"]
    }

    /// A message that the group has consumed, and its retry topic.
    private static let consumed: RowCase.Step = { peer async throws in
        _ = try await peer.send("T", "x")
        _ = try await peer.heartbeat("c")
    }

    private static let sendBack: [RowCase] = [
        RowCase(.consumerSendMsgBack, good: "waits for its delay level", given: consumed, fields: fields()) { peer, _ async throws in
            #expect(try await end("SCHEDULE_TOPIC_XXXX", queue: 2, peer) == "1")
        },
        RowCase(.consumerSendMsgBack, good: "is a dead letter when it shall not come again", given: consumed, fields: fields(["delayLevel": "-1"])) { peer, _ async throws in
            #expect(try await peer.pull("%DLQ%g", from: 0).messages.map(\.text) == ["x"])
        },
        RowCase(.consumerSendMsgBack, good: "is a dead letter beyond the client's maximum", given: consumed, fields: fields(["maxReconsumeTimes": "0"])) { peer, _ async throws in
            #expect(try await end("%DLQ%g", peer) == "1")
        },
        RowCase(
            .consumerSendMsgBack, good: "vanishes where the group has no retry queues",
            given: { _ = try await $0.changeGroup(#"{"groupName":"g","retryQueueNums":0}"#) }, fields: fields(["offset": "-1"])
        ) { peer, _ async throws in
            #expect(try await peer.topics["%RETRY%g"] == nil)
        },
        RowCase(.consumerSendMsgBack, bad: "of a message that is not there", given: consumed, fields: fields(["offset": "1"]), answers: .systemError, remark: "look message by offset failed, 1"),
        RowCase(
            .consumerSendMsgBack, bad: "of a group that cannot be", given: consumed, fields: fields(["group": String(repeating: "g", count: 256)]),
            answers: .subscriptionGroupNotExist, remark: "subscription group not exist"),
        RowCase(
            .consumerSendMsgBack, bad: "to a topic that may not be written",
            given: { peer async throws in
                try await consumed(peer)
                _ = try await peer.createTopic("%RETRY%g", changing: ["perm": "4"])
            }, fields: fields(), answers: .noPermission, remark: "the topic[%RETRY%g] sending message is forbidden"),
        RowCase(
            .consumerSendMsgBack, bad: "to a topic without queues",
            given: { peer async throws in
                try await consumed(peer)
                _ = try await peer.createTopic("%RETRY%g", queues: 0)
            }, fields: fields(), answers: .systemError, remark: "has no queue to write to"),
    ]

    private static let fallback: [RowCase] = [RequestCode.sendMessageV2, .sendMessage].map { code in
        let names = [
            "b": "topic", "c": "defaultTopic", "d": "defaultTopicQueueNums", "e": "queueId", "f": "sysFlag", "g": "bornTimestamp", "h": "flag",
            "i": "properties", "j": "reconsumeTimes",
        ]
        let short = Peer.sendFields("%RETRY%g", properties: "DELAY\u{1}5").merging(["j": "16"]) { $1 }
        let long = Dictionary(uniqueKeysWithValues: short.compactMap { field in names[field.key].map { ($0, field.value) } })
        return RowCase(code, good: "to a retry topic is a dead letter in the end", given: consumed, fields: code == .sendMessage ? long : short, body: [1]) { peer, _ async throws in
            #expect(try await peer.pull("%DLQ%g", from: 0).messages.map(\.body) == [[1]])
            #expect(try await end("%RETRY%g", peer) == "0")
        }
    }
}
