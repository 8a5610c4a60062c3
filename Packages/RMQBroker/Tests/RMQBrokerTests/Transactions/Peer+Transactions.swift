import RMQCommon
import RMQRemoting
import RMQStore
import RMQTestSupport
import Testing

@testable import RMQBroker

/// A half message as its producer knows it.
struct SentHalf {
    let queueOffset: Int64
    let physicalOffset: Int64

    init(_ answer: RemotingCommand) throws {
        #expect(answer.code == 0, "\(answer.remark ?? "")")
        queueOffset = try #require(answer.fields?["queueOffset"].flatMap { Int64($0) })
        physicalOffset = try #require(answer.fields?["msgId"].flatMap { OffsetMessageId($0) }).physicalOffset
    }

    /// The half message that a broker asks about.
    init(question: RemotingCommand) throws {
        let header = try question.header(CheckTransactionHeader.self)
        queueOffset = header.halfQueueOffset
        physicalOffset = header.halfPhysicalOffset
    }
}

extension Peer {
    static let half = SystemTopic.transactionHalf, ops = SystemTopic.transactionOperations, exceeded = SystemTopic.transactionCheckExceeded

    func sendHalf(
        _ topic: String, _ text: String, properties: String = "", group: String = "p", queue: Int = 0, changing fields: [String: String] = [:]
    ) async throws -> SentHalf {
        let own = "TRAN_MSG\u{1}true\u{2}PGROUP\u{1}\(group)\u{2}UNIQ_KEY\u{1}id-\(text)"
        let all = properties.isEmpty ? own : own + "\u{2}" + properties
        return try SentHalf(await send(topic, text, properties: all, queue: queue, changing: ["f": "4"].merging(fields) { $1 }))
    }

    static func endFields(_ half: SentHalf, _ decision: TransactionDecision, group: String = "p") -> [String: String] {
        [
            "producerGroup": group, "tranStateTableOffset": "\(half.queueOffset)", "commitLogOffset": "\(half.physicalOffset)",
            "commitOrRollback": "\(decision.rawValue)", "fromTransactionCheck": "false", "msgId": "m",
        ]
    }

    func end(_ half: SentHalf, _ decision: TransactionDecision, group: String = "p", changing fields: [String: String] = [:]) async throws -> RemotingCommand {
        try await ask(.endTransaction, Self.endFields(half, decision, group: group).merging(fields) { $1 })
    }

    /// One round through the half messages, where a broker does that.
    func check() async -> TransactionCheck.Outcome? {
        let state = broker.state
        return await withCheckedContinuation { done in
            let isTaken = state.workers.transactions.run { done.resume(returning: TransactionCheck(broker: state, isStopping: { false }).run()) }
            if !isTaken { done.resume(returning: nil) }
        }
    }

    /// Makes a client a producer of a group.
    func produce(as clientId: String, group: String = "p", from client: RemotingClient? = nil) async throws {
        let heartbeat = HeartbeatData {
            $0.clientId = clientId
            $0.producers = [ProducerData(group: group)]
        }
        #expect(try await ask(.heartBeat, body: heartbeat.body, from: client).code == 0)
    }

    /// What the broker asked about transactions, by the half messages' places, which is the order in which it asked.
    var questions: [RemotingCommand] {
        func place(_ question: RemotingCommand) -> Int64 { question.fields?["tranStateTableOffset"].flatMap { Int64($0) } ?? -1 }
        return received.filter { $0.requestCode == .checkTransactionState }.sorted { place($0) < place($1) }
    }

    /// The half message that one of the questions is about.
    /// - Parameter count: how many questions there are; nil: it is the last.
    func question(_ number: Int, of count: Int? = nil) async throws -> SentHalf {
        let count = count ?? number + 1
        try await eventually("\(count) questions have come") { questions.count == count }
        return try SentHalf(question: questions[number])
    }

    /// The texts of a topic's first queue.
    func texts(_ topic: String, queue: Int = 0) async throws -> [String] {
        try await pull(topic, from: 0, changing: ["queueId": "\(queue)"]).messages.map(\.text)
    }
}
