import RMQCommon
import RMQRemoting

/// Consumes one queue with its offset at the broker, and gives some messages back.
final class SoakConsumer {
    private let plan: SoakPlan
    private let progress: SoakProgress
    private let connection: SoakConnection
    private let queue: Int
    private var ledger = SoakLedger()
    private var offset: Int64 = 0
    private var lastReceived = nanosecondsNow()

    init(_ plan: SoakPlan, _ progress: SoakProgress, queue: Int) throws(BenchError) {
        self.plan = plan
        self.progress = progress
        self.queue = queue
        connection = try SoakConnection(plan.address)
    }

    func run() throws(BenchError) {
        var nextRestart = plan.restartEvery.map { nanosecondsNow() + $0.nanoseconds * 3 / 2 + Int64(queue) * 1_000_000_000 } ?? .max
        while progress.firstFailure == nil, !isDone {
            try consume()
            guard nanosecondsNow() > nextRestart else { continue }
            nextRestart += plan.restartEvery!.nanoseconds
            // It begins again where it had got to, not where the broker has it: at a restart of a process both are the same.
            try connection.reconnect()
            progress.restarts.add(1)
        }
        progress.consumed.add(1)
    }

    /// Tells what is missing when the sender has ended and nothing has come for a minute.
    private func checkIdle() throws(BenchError) {
        guard progress.total(of: UInt32(queue)) != nil, nanosecondsNow() - lastReceived > 60_000_000_000 else { return }
        throw BenchError("queue \(queue), \(ledger.gaps(of: UInt32(queue)))")
    }

    private var isDone: Bool { progress.total(of: UInt32(queue)).map { ledger.count(of: UInt32(queue)) >= $0 } ?? false }

    private func consume() throws(BenchError) {
        let answer = try connection.ask(.soakPull(topic: SoakPlan.topic, queue: Int32(queue), offset: offset))
        guard answer.code == 0 else {
            guard [.pullNotFound, .pullRetryImmediately, .systemBusy].contains(answer.responseCode) else {
                throw BenchError("a pull of queue \(queue) from \(offset) was answered \(answer.code): \(answer.remark ?? "")")
            }
            return try checkIdle()
        }
        lastReceived = nanosecondsNow()
        var givenBack: [Int64] = []
        let before = ledger.repeated
        var count: Int64 = 0
        answer.body.withUnsafeBytes { bytes in
            Records.forEach(bytes) { record in
                guard let fields = RecordFields(record), let parts = try? RecordParts(record, flag: fields.systemFlag),
                    let message = SoakMessage(parts.body)
                else { return progress.fail("queue \(queue) holds something else than a message of the soak") }
                ledger.take(message)
                count += 1
                if fields.queueOffset % Int64(SoakPlan.sendBackEvery) == 0 { givenBack.append(fields.physicalOffset) }
            }
        }
        if ledger.lostMany(of: UInt32(queue)) { throw BenchError("queue \(queue), \(ledger.gaps(of: UInt32(queue)))") }
        progress.received.add(count)
        progress.repeated.add(Int64(ledger.repeated - before))
        for physicalOffset in givenBack { try giveBack(physicalOffset) }
        offset = answer.fields?["nextBeginOffset"].flatMap { Int64($0) } ?? offset
    }

    private func giveBack(_ physicalOffset: Int64) throws(BenchError) {
        let header = SendBackHeader {
            $0.physicalOffset = physicalOffset
            $0.group = SoakPlan.group
            $0.delayLevel = 1
            $0.maxReconsumeTimes = 16
        }
        let answer = try connection.ask(RemotingCommand(.consumerSendMsgBack, header: header))
        // A client tries again later.
        if answer.responseCode == .systemBusy { return }
        guard answer.code == 0 else { throw BenchError("a send-back was answered \(answer.code): \(answer.remark ?? "")") }
        progress.givenBack.add(1)
    }
}

extension RemotingCommand {
    /// A pull that waits half a second for a message and commits what came before.
    static func soakPull(topic: String, queue: Int32, offset: Int64) -> RemotingCommand {
        RemotingCommand(.pullMessage, header: PullMessageHeader {
            $0.consumerGroup = SoakPlan.group
            $0.topic = topic
            $0.queueId = queue
            $0.queueOffset = offset
            $0.maxMessages = 1_024
            $0.flags = [.carriesSubscription, .suspends, .commitsOffset]
            $0.commitOffset = offset
            $0.suspendTimeoutMillis = 500
            $0.subscription = "*"
            $0.expressionType = "TAG"
        })
    }
}

/// Consumes what was given back: each comes once more.
final class SoakRetries {
    private let progress: SoakProgress
    private let connection: SoakConnection
    private let topic: String
    private let counter: Counter
    private var offset: Int64 = 0

    init(_ plan: SoakPlan, _ progress: SoakProgress, topic: String, counter: Counter) throws(BenchError) {
        self.progress = progress
        self.topic = topic
        self.counter = counter
        connection = try SoakConnection(plan.address)
    }

    func run(until isDone: () -> Bool) throws(BenchError) {
        while progress.firstFailure == nil, !isDone() {
            let answer = try connection.ask(.soakPull(topic: topic, queue: 0, offset: offset))
            guard answer.code == 0 else { continue }
            counter.add(Int64(answer.body.withUnsafeBytes { Records.count($0) }))
            offset = answer.fields?["nextBeginOffset"].flatMap { Int64($0) } ?? offset
        }
    }
}
