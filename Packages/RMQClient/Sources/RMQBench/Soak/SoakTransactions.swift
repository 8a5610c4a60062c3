import RMQCommon
import RMQRemoting

/// One transaction after the other: of ten, eight are committed, one is rolled back, and one is left for the broker to ask about,
/// which then commits it.
final class SoakTransactions {
    private let progress: SoakProgress
    private let connection: SoakConnection
    private let pause: Int64
    private var number: UInt64 = 0
    private var checks: [RemotingCommand] = []

    /// - Parameter rate: transactions a second.
    init(_ plan: SoakPlan, _ progress: SoakProgress, rate: Int) throws(BenchError) {
        self.progress = progress
        connection = try SoakConnection(plan.address)
        pause = 1_000_000_000 / Int64(max(rate, 1))
    }

    func run() throws(BenchError) {
        connection.asked = { [unowned self] in checks.append($0) }
        try heartbeat()
        var nextHeartbeat = nanosecondsNow() + 20_000_000_000
        var due = nanosecondsNow()
        while progress.isSending {
            if nanosecondsNow() > nextHeartbeat {
                try heartbeat()
                nextHeartbeat += 20_000_000_000
            }
            try answerChecks()
            guard nanosecondsNow() >= due else {
                try connection.receive(milliseconds: 1) { _ in }
                continue
            }
            due += pause
            try begin()
        }
        // The broker asks about the last ones, too.
        while progress.delivered.value < progress.committed.value, progress.firstFailure == nil {
            try connection.receive(milliseconds: 100) { _ in }
            try answerChecks()
        }
    }

    private func heartbeat() throws(BenchError) {
        let heartbeat = HeartbeatData {
            $0.clientId = "soak-transactions"
            $0.producers = [ProducerData(group: SoakPlan.producerGroup)]
        }
        _ = try connection.ask(RemotingCommand(.heartBeat, body: heartbeat.body))
    }

    private func begin() throws(BenchError) {
        let kind = number % 10
        let properties: MessageProperties = [
            PropertyName.transactionPrepared: "true", PropertyName.producerGroup: SoakPlan.producerGroup, PropertyName.uniqueKey: UniqueId.make(),
        ]
        let header = SendMessageHeader {
            $0.producerGroup = SoakPlan.producerGroup
            $0.topic = SoakPlan.transactionTopic
            $0.bornTimestamp = WallClock.nowMilliseconds()
            $0.properties = properties.text
        }
        let body = SoakMessage(sender: .max, number: number).body(size: 0)
        let answer = try connection.ask(RemotingCommand(.sendMessageV2, header: SendMessageHeaderV2(header), body: body))
        if answer.responseCode == .systemBusy { return }
        guard answer.code == 0, let queueOffset = answer.fields?["queueOffset"].flatMap({ Int64($0) }),
            let id = answer.fields?["msgId"].flatMap({ OffsetMessageId($0) })
        else { throw BenchError("a half message was answered \(answer.code): \(answer.remark ?? "")") }
        number += 1
        switch kind {
        case 8:
            progress.rolledBack.add(1)
            try end(queueOffset, id.physicalOffset, .rollback)
        case 9: progress.committed.add(1)
        default:
            progress.committed.add(1)
            try end(queueOffset, id.physicalOffset, .commit)
        }
    }

    private func end(_ queueOffset: Int64, _ physicalOffset: Int64, _ decision: TransactionDecision) throws(BenchError) {
        let header = EndTransactionHeader {
            $0.producerGroup = SoakPlan.producerGroup
            $0.halfQueueOffset = queueOffset
            $0.halfPhysicalOffset = physicalOffset
            $0.decision = decision
        }
        var answer = try connection.ask(RemotingCommand(.endTransaction, header: header))
        while answer.responseCode == .systemBusy { answer = try connection.ask(RemotingCommand(.endTransaction, header: header)) }
        guard answer.code == 0 else { throw BenchError("the end of a transaction was answered \(answer.code): \(answer.remark ?? "")") }
    }

    private func answerChecks() throws(BenchError) {
        let asked = checks
        checks = []
        for check in asked where RequestCode(rawValue: check.code) == .checkTransactionState {
            guard let queueOffset = check.fields?["tranStateTableOffset"].flatMap({ Int64($0) }),
                let physicalOffset = check.fields?["commitLogOffset"].flatMap({ Int64($0) })
            else { throw BenchError("a broker asks about a transaction and does not say which") }
            try end(queueOffset, physicalOffset, .commit)
        }
    }
}
