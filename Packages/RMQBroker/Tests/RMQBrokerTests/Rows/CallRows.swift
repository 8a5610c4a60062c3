@testable import RMQBroker
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

/// What reaches a client through the broker: questions, orders and replies. The peer's own connection is the client, which answers
/// everything with success.
enum CallRows {
    private static let ofClient = ["consumerGroup": "g", "clientId": "c"]
    private static let reply = Peer.sendFields("DefaultCluster_REPLY_TOPIC", properties: "REPLY_TO_CLIENT\u{1}c")
    private static let longReply = [
        "producerGroup": "p", "topic": "DefaultCluster_REPLY_TOPIC", "defaultTopic": "TBW102", "defaultTopicQueueNums": "4", "queueId": "0",
        "sysFlag": "0", "bornTimestamp": "1", "flag": "0", "properties": "REPLY_TO_CLIENT\u{1}c",
    ]
    private static let online: RowCase.Step = { peer async throws in
        let subscription = SubscriptionData(topic: "T", tagExpression: "*", version: 1)
        #expect(try await peer.heartbeat("c", subscriptions: [subscription], sends: "p").code == 0)
    }
    private static let withMessage: RowCase.Step = { peer async throws in
        _ = try await peer.send("T", "x")
        try await online(peer)
    }

    /// What the client was asked, but for notices that its group changed.
    private static func asked(_ peer: Peer, _ code: RequestCode) async throws -> RemotingCommand {
        try await eventually("the client is asked") { peer.received.contains { $0.requestCode == code } }
        return try #require(peer.received.first { $0.requestCode == code })
    }

    private static let isPushed: RowCase.Effect = { peer, answer async throws in
        #expect(answer.fields?["queueOffset"] == "0")
        #expect(try await asked(peer, .pushReplyMessageToClient).text == "yes")
        #expect(try await peer.pull("DefaultCluster_REPLY_TOPIC", from: 0).messages.map(\.text) == ["yes"])
    }

    static let all: [RowCase] = [
        RowCase(.getConsumerRunningInfo, good: "hands the question on", given: online, fields: ofClient) { peer, _ async throws in
            #expect(try await asked(peer, .getConsumerRunningInfo).fields?["clientId"] == "c")
        },
        RowCase(
            .getConsumerRunningInfo, bad: "nobody is there", fields: ofClient, answers: .systemError, remark: "The Consumer <g> <c> not online"),
        RowCase(
            .consumeMessageDirectly, good: "hands the message on", given: withMessage,
            fields: ofClient.merging(["msgId": "7F00000100002A9F0000000000000000"]) { $1 }
        ) { peer, _ async throws in
            #expect(try await asked(peer, .consumeMessageDirectly).messages.map(\.text) == ["x"])
        },
        RowCase(
            .consumeMessageDirectly, bad: "no such message", given: online, fields: ofClient.merging(["msgId": "7F00000100002A9F0000000000000000"]) { $1 },
            answers: .systemError, remark: "can not find message by the id"),
        RowCase(.invokeBrokerToGetConsumerStatus, good: "asks the members", given: online, fields: ["topic": "T", "group": "g"]) { peer, answer async throws in
            #expect(answer.text == #"{"consumerTable":{},"messageQueueTable":{}}"#)
            #expect(try await asked(peer, .getConsumerStatusFromClient).fields?["group"] == "g")
        },
        RowCase(
            .invokeBrokerToGetConsumerStatus, bad: "nobody is there", fields: ["topic": "T", "group": "g"], answers: .systemError,
            remark: "No Any Consumer online in the consumer group: [g]"),
        RowCase(.sendReplyMessage, good: "is pushed and stored", given: online, fields: longReply, body: Array("yes".utf8), effect: isPushed),
        RowCase(
            .sendReplyMessage, bad: "a topic that may not be made", given: online, fields: longReply.merging(["topic": "T", "defaultTopic": "Nowhere"]) { $1 },
            answers: .topicNotExist, remark: "topic[T] not exist"),
        RowCase(.sendReplyMessageV2, good: "is pushed and stored", given: online, fields: reply, body: Array("yes".utf8), effect: isPushed),
        RowCase(
            .sendReplyMessageV2, bad: "a topic of the system", given: online, fields: reply.merging(["b": "SCHEDULE_TOPIC_XXXX"]) { $1 },
            answers: .noPermission, remark: "SCHEDULE_TOPIC_XXXX"),
    ]
}
