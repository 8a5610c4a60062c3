@testable import RMQBroker
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

/// Ending transactions, and asking about them again. The half message of each case is the first message of its broker.
enum TransactionRows {
    private static let half: RowCase.Step = { peer async throws in
        _ = try await peer.createTopic("T")
        _ = try await peer.sendHalf("T", "x")
    }
    private static let ended: RowCase.Step = { peer async throws in
        try await half(peer)
        #expect(try await peer.ask(.endTransaction, end).code == 0)
    }
    private static let end = [
        "producerGroup": "p", "tranStateTableOffset": "0", "commitLogOffset": "0", "commitOrRollback": "8", "fromTransactionCheck": "false", "msgId": "m",
    ]
    private static let rollback = end.merging(["commitOrRollback": "12"]) { $1 }
    private static let first = ["msgId": OffsetMessageId(storeHost: .unspecified, physicalOffset: 0).text]

    private static func holds(_ texts: [String], _ ops: [String]) -> RowCase.Effect {
        { peer, answer async throws in
            #expect(answer.fields == nil && answer.body.isEmpty)
            #expect(try await peer.texts("T") == texts)
            #expect(try await peer.texts(Peer.ops) == ops)
        }
    }

    static let all: [RowCase] = [
        RowCase(.endTransaction, good: "a commit delivers the message", given: half, fields: end, effect: holds(["x"], ["0"])),
        RowCase(.endTransaction, good: "a rollback does not", given: half, fields: rollback, effect: holds([], ["0"])),
        RowCase(.endTransaction, good: "a second commit changes nothing", given: ended, fields: end, effect: holds(["x"], ["0"])),
        RowCase(.endTransaction, good: "nor does a late rollback", given: ended, fields: rollback, effect: holds(["x"], ["0"])),
        RowCase(
            .endTransaction, bad: "another group", given: half, fields: end.merging(["producerGroup": "q"]) { $1 }, answers: .systemError,
            remark: "The producer group wrong"),
        RowCase(
            .endTransaction, bad: "another place in the queue", given: half, fields: end.merging(["tranStateTableOffset": "1"]) { $1 },
            answers: .systemError, remark: "The transaction state table offset wrong"),
        RowCase(
            .endTransaction, bad: "no record begins there", given: half, fields: rollback.merging(["commitLogOffset": "3"]) { $1 },
            answers: .systemError, remark: "Find prepared transaction message failed"),
        RowCase(.endTransaction, bad: "what was never half a message", given: { peer async throws in
            _ = try await peer.createTopic("T")
            _ = try await peer.send("T", "x", properties: "PGROUP\u{1}p")
        }, fields: end, answers: .systemError, remark: "is no half message"),
        RowCase(
            .endTransaction, bad: "neither commit nor rollback", given: half, fields: end.merging(["commitOrRollback": "4"]) { $1 },
            answers: .systemError, remark: "commitOrRollback"),
        RowCase(.resumeCheckHalfMessage, good: "the message is stored once more", given: half, fields: first) { peer, _ async throws in
            let messages = try await peer.pull(Peer.half, from: 0).messages
            #expect(messages.map(\.text) == ["x", "x"])
            #expect(messages.last?.properties["TRANSACTION_CHECK_TIMES"] == "0")
        },
        RowCase(.resumeCheckHalfMessage, bad: "no id", given: half, answers: .systemError, remark: "is not the offset id of a message"),
        RowCase(.resumeCheckHalfMessage, bad: "a transaction that has ended", given: ended, fields: first, answers: .systemError, remark: "has ended"),
        RowCase(.resumeCheckHalfMessage, bad: "what is not waiting", given: { peer async throws in
            _ = try await peer.createTopic("T")
            _ = try await peer.send("T", "x")
        }, fields: first, answers: .systemError, remark: "waits for no end of a transaction"),
    ]
}
