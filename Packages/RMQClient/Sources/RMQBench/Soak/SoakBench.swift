import RMQCommon
import RMQRemoting

/// `mqbench soak`: producers, consumers, retries and transactions at once, all of it counted.
enum SoakBench {
    /// Transactions a second beside the sends.
    private static let transactionRate = 200

    static func run(_ options: inout BenchOptions) async throws {
        let plan = SoakPlan(
            address: try options.address() ?? HostAddress(ipv4: (127, 0, 0, 1), port: 10_911), queues: try options.number("queues", default: 4, in: 1...64),
            size: try options.number("size", default: 128, in: SoakMessage.byteCount...4 << 20),
            duration: .seconds(try options.number("seconds", default: 1_800, in: 1...86_400)), rate: try options.number("rate", in: 1...10_000_000),
            restartEvery: try options.number("restart", in: 1...86_400).map { .seconds($0) })
        try options.checkAllUsed()
        try prepare(plan)
        let start = nanosecondsNow()
        let progress = SoakProgress(end: start + plan.duration.nanoseconds)
        let live = Task { await RateLine(what: "messages", counter: progress.received).run() }
        defer { live.cancel() }
        await withTaskGroup(of: Void.self) { group in
            for queue in 0..<plan.queues {
                add(to: &group, progress) { () throws(BenchError) in try SoakProducer(plan, progress, queue: queue).run() }
                add(to: &group, progress) { () throws(BenchError) in try SoakConsumer(plan, progress, queue: queue).run() }
            }
            add(to: &group, progress) { () throws(BenchError) in try SoakTransactions(plan, progress, rate: transactionRate).run() }
            add(to: &group, progress) { () throws(BenchError) in
                try SoakRetries(plan, progress, topic: SoakPlan.transactionTopic, counter: progress.delivered)
                    .run { !progress.isSending && progress.delivered.value >= progress.committed.value }
            }
            add(to: &group, progress) { () throws(BenchError) in
                try SoakRetries(plan, progress, topic: RetryTopic.name(SoakPlan.group), counter: progress.cameAgain).run {
                    progress.isConsumed(queues: plan.queues) && progress.cameAgain.value >= progress.givenBack.value
                }
            }
        }
        try report(progress, nanoseconds: min(nanosecondsNow() - start, plan.duration.nanoseconds))
    }

    private static func add(
        to group: inout TaskGroup<Void>, _ progress: SoakProgress, _ work: @escaping @Sendable () throws(BenchError) -> Void
    ) {
        group.addTask {
            do throws(BenchError) {
                try await BenchThread.run { () throws(BenchError) in try work() }
            } catch {
                progress.fail("\(error)")
            }
        }
    }

    private static func prepare(_ plan: SoakPlan) throws(BenchError) {
        let connection = try SoakConnection(plan.address)
        for (topic, queues) in [(SoakPlan.topic, plan.queues), (SoakPlan.transactionTopic, 1)] {
            let header = CreateTopicHeader {
                $0.topic = topic
                $0.defaultTopic = SystemTopic.autoCreate
                $0.readQueueCount = Int32(queues)
                $0.writeQueueCount = Int32(queues)
                $0.permission = Permission(rawValue: 6)
            }
            let answer = try connection.ask(RemotingCommand(.updateAndCreateTopic, header: header))
            guard answer.code == 0 else { throw BenchError("topic \(topic) cannot be made: \(answer.remark ?? "")") }
        }
        let heartbeat = HeartbeatData {
            $0.clientId = "soak-prepare"
            $0.consumers = [ConsumerData { $0.group = SoakPlan.group }]
        }
        _ = try connection.ask(RemotingCommand(.heartBeat, body: heartbeat.body))
    }

    private static func report(_ progress: SoakProgress, nanoseconds: Int64) throws(BenchError) {
        let rate = Double(progress.acknowledged.value) * 1e9 / Double(max(nanoseconds, 1))
        print("\nsent \(Report.grouped(Int(progress.acknowledged.value))), received \(Report.grouped(Int(progress.received.value))), of these again \(Report.grouped(Int(progress.repeated.value)))")
        print("soak: \(Report.grouped(Int(rate))) messages/s")
        print("given back \(Report.grouped(Int(progress.givenBack.value))), came again \(Report.grouped(Int(progress.cameAgain.value)))")
        print("committed \(Report.grouped(Int(progress.committed.value))), delivered \(Report.grouped(Int(progress.delivered.value))), rolled back \(Report.grouped(Int(progress.rolledBack.value)))")
        print("lost connections \(progress.restarts.value), sends that the broker was too busy for \(Report.grouped(Int(progress.busy.value)))")
        if let failure = progress.firstFailure { throw BenchError(failure) }
        guard progress.delivered.value == progress.committed.value else { throw BenchError("transactions were delivered more than once, or although rolled back") }
        guard progress.cameAgain.value == progress.givenBack.value else { throw BenchError("messages that were given back came more than once") }
    }
}
