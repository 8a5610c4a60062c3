import RMQCommon
import RMQRemoting

/// Sends to one queue, many at once; what a busy broker refuses, and what a lost connection leaves open, is sent again.
final class SoakProducer {
    /// As many as a second of a fast queue; consumers that are slower than this hold the producer back, without a rate.
    private static let inFlightLimit = 512
    private static let aheadLimit: Int64 = 200_000

    private let plan: SoakPlan
    private let progress: SoakProgress
    private let connection: SoakConnection
    private let sender: UInt32
    private let header: SendMessageHeaderV2
    private var next: UInt64 = 0
    private var again: [UInt64] = []
    private var inFlight: [Int32: UInt64] = [:]

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
            try sendAgain()
            try sendDue(&pace)
            try takeAnswers()
            guard nanosecondsNow() > nextRestart else { continue }
            nextRestart += plan.restartEvery!.nanoseconds
            try restart()
        }
        while !inFlight.isEmpty || !again.isEmpty, progress.firstFailure == nil {
            try sendAgain()
            try takeAnswers()
        }
        progress.ended(sender: sender, count: next)
    }

    private func sendDue(_ pace: inout Pace?) throws(BenchError) {
        while inFlight.count < Self.inFlightLimit {
            if pace != nil {
                guard pace?.take(now: nanosecondsNow()) != nil else { return }
            } else {
                guard progress.acknowledged.value - progress.received.value < Self.aheadLimit else { return }
            }
            try send(next)
            next += 1
        }
    }

    private func sendAgain() throws(BenchError) {
        for number in again { try send(number) }
        again = []
    }

    private func send(_ number: UInt64) throws(BenchError) {
        let body = SoakMessage(sender: sender, number: number).body(size: plan.size)
        inFlight[try connection.send(RemotingCommand(.sendMessageV2, header: header, body: body))] = number
    }

    private func takeAnswers() throws(BenchError) {
        try connection.receive(milliseconds: 1) { answer throws(BenchError) in
            guard let number = inFlight.removeValue(forKey: answer.opaque) else { return }
            switch answer.responseCode {
            case .success: progress.acknowledged.add(1)
            // As every client does.
            case .systemBusy:
                progress.busy.add(1)
                again.append(number)
            default: throw BenchError("a send was answered \(answer.code): \(answer.remark ?? "")")
            }
        }
    }

    private func restart() throws(BenchError) {
        try connection.reconnect()
        again += inFlight.values.sorted()
        inFlight = [:]
        progress.restarts.add(1)
    }
}
