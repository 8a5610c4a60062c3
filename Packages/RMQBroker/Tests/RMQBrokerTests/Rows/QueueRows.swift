@testable import RMQBroker
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

/// Places in queues, and who may consume a queue in order.
enum QueueRows {
    private static let queue = ["topic": "T", "queueId": "0"]
    private static let ofGroup = queue.merging(["consumerGroup": "g"]) { $1 }
    private static let withoutNumber = ["topic": "T", "queueId": "x"]

    private static let twoMessages: RowCase.Step = { peer async throws in
        _ = try await peer.createTopic("T")
        for text in ["a", "b"] { _ = try await peer.send("T", text) }
    }

    private static func commit(_ offset: Int) -> RowCase.Step {
        { peer async throws in _ = try await peer.ask(.updateConsumerOffset, ofGroup.merging(["commitOffset": "\(offset)"]) { $1 }) }
    }

    private static func lockBody(_ client: String) -> [UInt8] {
        Array(#"{"clientId":"\#(client)","consumerGroup":"g","mqSet":[{"brokerName":"b","queueId":0,"topic":"T"}]}"#.utf8)
    }

    static let all: [RowCase] = [
        RowCase(.queryConsumerOffset, good: "tells what was committed", given: commit(7), fields: ofGroup) { _, answer async throws in
            #expect(answer.fields?["offset"] == "7")
        },
        RowCase(.queryConsumerOffset, good: "a new group begins at the start of a young queue", given: twoMessages, fields: ofGroup) { _, answer async throws in
            #expect(answer.fields?["offset"] == "0")
        },
        RowCase(.queryConsumerOffset, bad: "no number", fields: ofGroup.merging(withoutNumber) { $1 }, answers: .systemError, remark: "queueId"),
        RowCase(.updateConsumerOffset, good: "keeps the offset", fields: ofGroup.merging(["commitOffset": "9"]) { $1 }) { peer, _ async throws in
            #expect(peer.broker.state.offsets.existing(group: "g", topic: "T")?[0] == 9)
        },
        RowCase(
            .updateConsumerOffset, good: "goes back when it is told to", given: commit(9), fields: ofGroup.merging(["commitOffset": "2"]) { $1 }
        ) { peer, _ async throws in
            #expect(peer.broker.state.offsets.existing(group: "g", topic: "T")?[0] == 2)
        },
        RowCase(
            .updateConsumerOffset, bad: "no number", fields: ofGroup.merging(["commitOffset": "x"]) { $1 }, answers: .systemError,
            remark: "commitOffset"),
        RowCase(
            .updateConsumerOffset, bad: "a group longer than any", fields: [
                "topic": "T", "queueId": "0", "commitOffset": "1", "consumerGroup": String(repeating: "g", count: 300),
            ], answers: .systemError, remark: "no offset can be kept for group gggg"),
        RowCase(.getMaxOffset, good: "is the next message's", given: twoMessages, fields: queue) { _, answer async throws in
            #expect(answer.fields?["offset"] == "2")
        },
        RowCase(.getMaxOffset, bad: "no number", fields: withoutNumber, answers: .systemError, remark: "queueId"),
        RowCase(.getMinOffset, good: "is the oldest message's", given: twoMessages, fields: queue) { _, answer async throws in
            #expect(answer.fields?["offset"] == "0")
        },
        RowCase(.getMinOffset, bad: "no number", fields: withoutNumber, answers: .systemError, remark: "queueId"),
        RowCase(
            .searchOffsetByTimestamp, good: "a time after all messages leads to the newest", given: twoMessages,
            fields: queue.merging(["timestamp": "\(Int64.max)"]) { $1 }
        ) { _, answer async throws in
            #expect(answer.fields?["offset"] == "1")
        },
        RowCase(
            .searchOffsetByTimestamp, bad: "no time", fields: queue.merging(["timestamp": "soon"]) { $1 }, answers: .systemError,
            remark: "timestamp"),
        RowCase(.getEarliestMsgStoretime, good: "is the oldest message's", given: twoMessages, fields: queue) { peer, answer async throws in
            let stored = try #require(try await peer.pull("T", from: 0).messages.first)
            #expect(answer.fields?["timestamp"] == "\(stored.storeTimestamp)")
        },
        RowCase(.getEarliestMsgStoretime, bad: "no number", fields: withoutNumber, answers: .systemError, remark: "queueId"),
        RowCase(.getAllConsumerOffset, good: "is the file", given: commit(7)) { _, answer async throws in
            #expect(answer.text == #"{"offsetTable":{"T@g":{0:7}}}"#)
        },
        RowCase(.getAllDelayOffset, good: "is the file") { _, answer async throws in #expect(answer.text.contains("offsetTable")) },
        RowCase(.lockBatchMq, good: "gives a free queue to who asks first", body: lockBody("one")) { peer, answer async throws in
            #expect(try LockBatchResponse(body: answer.body).lockedQueues.map(\.queueId) == [0])
            let second = try await peer.ask(.lockBatchMq, body: lockBody("two"))
            #expect(try LockBatchResponse(body: second.body).lockedQueues == [])
        },
        RowCase(.lockBatchMq, bad: "a body that is none", body: Array("{".utf8), answers: .systemError, remark: ""),
        RowCase(
            .unlockBatchMq, good: "gives up one's own", given: { peer async throws in _ = try await peer.ask(.lockBatchMq, body: lockBody("one")) },
            body: lockBody("one")
        ) { peer, _ async throws in
            let second = try await peer.ask(.lockBatchMq, body: lockBody("two"))
            #expect(try LockBatchResponse(body: second.body).lockedQueues.map(\.queueId) == [0])
        },
        RowCase(.unlockBatchMq, isGood: false, "another's stays locked") { peer async throws in
            _ = try await peer.ask(.lockBatchMq, body: lockBody("one"))
            #expect(try await peer.ask(.unlockBatchMq, body: lockBody("two")).code == 0)
            let second = try await peer.ask(.lockBatchMq, body: lockBody("two"))
            #expect(try LockBatchResponse(body: second.body).lockedQueues == [])
        },
    ]
}
