@testable import RMQBroker
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

/// Code 11: every check of a pull, and every status that it may end in.
enum PullRows {
    static let all = refused + served

    private static func fields(_ changes: [String: String] = [:]) -> [String: String] {
        [
            "consumerGroup": "g", "topic": "T", "queueId": "0", "queueOffset": "0", "maxMsgNums": "32", "sysFlag": "4", "commitOffset": "0",
            "suspendTimeoutMillis": "0", "subscription": "*", "subVersion": "0",
        ].merging(changes) { $1 }
    }

    /// By the group's heartbeat.
    private static func byHeartbeat(version: Int = 0) -> [String: String] { fields(["sysFlag": "0", "subVersion": "\(version)"]) }

    /// A message with a tag, and a group.
    private static let message: RowCase.Step = { peer async throws in
        _ = try await peer.createTopic("T")
        _ = try await peer.send("T", "x", properties: "TAGS\u{1}a")
        _ = try await peer.changeGroup(#"{"groupName":"g"}"#)
    }

    private static func message(and setting: String) -> RowCase.Step {
        { peer async throws in
            try await message(peer)
            #expect(try await peer.ask(.updateBrokerConfig, text: setting).code == 0)
        }
    }

    private static func message(andGroup json: String) -> RowCase.Step {
        { peer async throws in
            try await message(peer)
            #expect(try await peer.changeGroup(json).code == 0)
        }
    }

    private static func message(andConsumerOf topic: String, model: MessageModel = .clustering) -> RowCase.Step {
        { peer async throws in
            try await message(peer)
            _ = try await peer.heartbeat("c", subscriptions: [SubscriptionData(topic: topic, tagExpression: "*", version: 5)], model: model)
        }
    }

    private static func message(andExpression expression: String) -> RowCase.Step {
        { peer async throws in
            try await message(peer)
            let subscription = SubscriptionData {
                $0.topic = "T"
                $0.expression = expression
                $0.expressionType = "SQL92"
                $0.version = 5
            }
            _ = try await peer.heartbeat("c", subscriptions: [subscription])
        }
    }

    private static func bad(
        _ what: String, given: @escaping RowCase.Step = message, asking fields: [String: String] = fields(), _ answer: ResponseCode, _ remark: String
    ) -> RowCase {
        RowCase(.pullMessage, bad: what, given: given, fields: fields, answers: answer, remark: remark)
    }

    private static let refused: [RowCase] = [
        bad("a broker that may not be read", given: message(and: "brokerPermission=2"), .noPermission, "pulling message is forbidden"),
        bad("an unknown group where none is made", given: message(and: "autoCreateSubscriptionGroup=false"), asking: fields(["consumerGroup": "other"]), .subscriptionGroupNotExist, "subscription group [other] does not exist"),
        bad("a group that may not consume", given: message(andGroup: #"{"groupName":"g","consumeEnable":false}"#), .noPermission, "subscription group no permission, g"),
        bad("an unknown topic", asking: fields(["topic": "Other"]), .topicNotExist, "topic[Other] not exist"),
        bad("a topic that may not be read", given: { peer async throws in
            try await message(peer)
            _ = try await peer.createTopic("T", changing: ["perm": "2"])
        }, .noPermission, "the topic[T] pulling message is forbidden"),
        bad("a negative queue", asking: fields(["queueId": "-1"]), .systemError, "queueId[-1] is illegal"),
        bad("a queue beyond the last", asking: fields(["queueId": "1"]), .systemError, "queueId[1] is illegal"),
        bad("an expression that is none", asking: fields(["expressionType": "SQL92", "subscription": ""]), .subscriptionParseFailed, "parse the consumer's subscription failed"),
        bad("an expression where there are none", asking: fields(["expressionType": "SQL92", "subscription": "a > 1"]), .systemError, "does not support consumer to filter message by SQL92"),
        bad("an expression that cannot be read", given: message(and: "enablePropertyFilter=true"), asking: fields(["expressionType": "SQL92", "subscription": "a >"]), .subscriptionParseFailed, "parse the consumer's subscription failed: "),
        bad("a subscription by an expression that is wrong", given: message(andExpression: "a >"), asking: byHeartbeat(version: 5), .filterDataNotExist, "consumer filter data is not exist"),
        bad("a subscription by an expression where there are none", given: message(andExpression: "a > 1"), asking: byHeartbeat(version: 5), .systemError, "does not support consumer to filter message by SQL92"),
        bad("a group that nobody is in", asking: byHeartbeat(), .subscriptionNotExist, "the consumer's group info not exist"),
        bad("a topic that the group did not subscribe to", given: message(andConsumerOf: "Other"), asking: byHeartbeat(), .subscriptionNotExist, "the consumer's subscription not exist"),
        bad("a group that may not broadcast", given: { peer async throws in
            try await message(andConsumerOf: "T", model: .broadcasting)(peer)
            _ = try await peer.changeGroup(#"{"groupName":"g","consumeBroadcastEnable":false}"#)
        }, asking: byHeartbeat(), .noPermission, "can not consume by broadcast way"),
        bad("a subscription that is newer than the heartbeat's", given: message(andConsumerOf: "T"), asking: byHeartbeat(version: 6), .subscriptionNotLatest, "the consumer's subscription not latest"),
    ]

    private static func good(
        _ what: String, given: @escaping RowCase.Step = message, asking fields: [String: String], _ answer: ResponseCode, _ status: String, next: Int
    ) -> RowCase {
        RowCase(.pullMessage, good: what, given: given, fields: fields, answers: answer, remark: status) { _, answer async throws in
            #expect(answer.fields?["nextBeginOffset"] == "\(next)")
            #expect(answer.fields?["suggestWhichBrokerId"] == "0")
        }
    }

    private static let served: [RowCase] = [
        good("by the heartbeat", given: message(andConsumerOf: "T"), asking: byHeartbeat(version: 5), .success, "FOUND", next: 1),
        good("what does not match", asking: fields(["subscription": "b"]), .pullRetryImmediately, "NO_MATCHED_MESSAGE", next: 1),
        good("by an expression", given: message(and: "enablePropertyFilter=true"), asking: fields(["expressionType": "SQL92", "subscription": "TAGS = 'a'"]), .success, "FOUND", next: 1),
        good("at the end", asking: fields(["queueOffset": "1"]), .pullNotFound, "OFFSET_OVERFLOW_ONE", next: 1),
        good("beyond the end", asking: fields(["queueOffset": "9"]), .pullOffsetMoved, "OFFSET_OVERFLOW_BADLY", next: 1),
        good("before the beginning", asking: fields(["queueOffset": "-1"]), .pullOffsetMoved, "OFFSET_TOO_SMALL", next: 0),
        good("an empty queue", given: { peer async throws in _ = try await peer.createTopic("T") }, asking: fields(), .pullNotFound, "NO_MESSAGE_IN_QUEUE", next: 0),
        RowCase(
            .pullMessage, good: "commits, whatever it finds", given: message, fields: fields(["sysFlag": "5", "commitOffset": "1", "queueOffset": "1"]),
            answers: .pullNotFound, remark: "OFFSET_OVERFLOW_ONE"
        ) { peer, _ async throws in
            #expect(try await peer.ask(.queryConsumerOffset, ["consumerGroup": "g", "topic": "T", "queueId": "0"]).fields?["offset"] == "1")
        },
        RowCase(.pullMessage, isGood: true, "waits for a message and commits meanwhile") { peer async throws in
            try await message(peer)
            let waits = fields(["sysFlag": "7", "commitOffset": "1", "queueOffset": "1", "suspendTimeoutMillis": "600000"])
            async let held = peer.ask(.pullMessage, waits, from: peer.anotherClient())
            try await eventually("it is held") { try await peer.heldPulls() == 1 }
            #expect(try await peer.ask(.queryConsumerOffset, ["consumerGroup": "g", "topic": "T", "queueId": "0"]).fields?["offset"] == "1")
            _ = try await peer.send("T", "y")
            #expect(try await held.messages.map(\.text) == ["y"])
        },
    ]
}
