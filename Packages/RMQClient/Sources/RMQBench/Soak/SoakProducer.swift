import RMQCommon
import RMQRemoting

/// Sends to one queue, many at once, and goes on after a lost connection with the first message that was not acknowledged.
final class SoakProducer {
    /// As many as a second of a fast queue; consumers that are slower than this hold the producer back, without a rate.
    private static let inFlightLimit: UInt64 = 512
    private static let aheadLimit: Int64 = 200_000

    private let plan: SoakPlan
    private let progress: SoakProgress
    private let connection: SoakConnection
    private let sender: UInt32
    private let header: SendMessageHeaderV2
    private var acknowledged: UInt64 = 0
    private var sent: UInt64 = 0
    private var numbers: [Int32: UInt64] = [:]

    init(_ plan: SoakPlan, _ progress: SoakProgress, queue: Int) throws(BenchError) {
        self.plan = plan
        self.progress = progress
        connection = try SoakConnection(plan.address)
        sender = UInt32(queue)
        header = SendMessageHeaderV2(SendMessageHeader {
            $0.producerGroup = SoakPlan.producerGroup
            $0.topic = SoakPlan.topic
            $0.queueId = Int32(queue)
            $0.bornTimestamp = WallClock.nowMilliseconds()
        })
    }

    func run() throws(BenchError) {
        var pace = plan.rate.map { Pace(rate: max($0 / plan.queues, 1), start: nanosecondsNow()) }
        var nextRestart = plan.restartEvery.map { nanosecondsNow() + $0.nanoseconds + Int64(sender) * 1_000_000_000 } ?? .max
        while progress.isSending {
            try sendDue(&pace)
            try takeAnswers()
            guard nanosecondsNow() > nextRestart else { continue }
            nextRestart += plan.restartEvery!.nanoseconds
            try restart()
        }
        while acknowledged < sent, progress.firstFailure == nil { try takeAnswers() }
        progress.ended(sender: sender, count: acknowledged)
    }

    private func sendDue(_ pace: inout Pace?) throws(BenchError) {
        while sent - acknowledged < Self.inFlightLimit {
            if pace != nil {
                guard pace?.take(now: nanosecondsNow()) != nil else { return }
            } else {
                guard progress.acknowledged.value - progress.received.value < Self.aheadLimit else { return }
            }
            let body = SoakMessage(sender: sender, number: sent).body(size: plan.size)
            numbers[try connection.send(RemotingCommand(.sendMessageV2, header: header, body: body))] = sent
            sent += 1
        }
    }

    private func takeAnswers() throws(BenchError) {
        try connection.receive(milliseconds: 1) { answer throws(BenchError) in
            guard let number = numbers.removeValue(forKey: answer.opaque) else { return }
            guard answer.code == 0 else { throw BenchError("a send was answered \(answer.code): \(answer.remark ?? "")") }
            guard number == acknowledged else { throw BenchError("the answers of one connection are out of order") }
            acknowledged += 1
            progress.acknowledged.add(1)
        }
    }

    private func restart() throws(BenchError) {
        try connection.reconnect()
        numbers = [:]
        sent = acknowledged
        progress.restarts.add(1)
    }
}
