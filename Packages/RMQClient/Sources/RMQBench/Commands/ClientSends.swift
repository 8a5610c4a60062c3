import RMQClient
import RMQCommon

/// Sends by the Swift client: `connections` times `depth` tasks, of which each sends one message, or one batch, after the other.
struct ClientSends: Sendable {
    let producer: Producer
    let plan: SendPlan
    /// Messages of one send.
    let batch: Int

    func run() async throws {
        let done = Counter()
        let live = Task { await RateLine(what: "messages", counter: done).run() }
        defer { live.cancel() }
        let tasks = plan.connections * plan.depth
        let usage = ProcessUsage()
        let start = nanosecondsNow()
        let deadline = plan.duration.map { start &+ $0.nanoseconds } ?? .max
        let result = try await withThrowingTaskGroup(of: LoadResult.self) { group in
            for index in 0..<tasks {
                let share = plan.messages.map { $0 / tasks + (index < $0 % tasks ? 1 : 0) } ?? .max
                group.addTask { try await one(share, until: deadline, done) }
            }
            return try await group.reduce(into: LoadResult()) { $0.merge($1) }
        }
        let nanoseconds = nanosecondsNow() - start
        let used = usage.since()
        try ProducerBench.report(result, nanoseconds: nanoseconds, latencyOf: "send to acknowledgement")
        Report.write(used, messages: result.completed)
    }

    /// What one task does.
    private func one(_ share: Int, until deadline: Int64, _ done: Counter) async throws -> LoadResult {
        var result = LoadResult()
        var left = share
        let body = [UInt8](repeating: 0x61, count: plan.size)
        while left > 0, nanosecondsNow() < deadline {
            let count = min(left, batch)
            try await send(Message(topic: plan.topic, body: body), count, &result, done)
            left -= count
        }
        return result
    }

    /// One send. A failure that may pass is counted, another one ends the run.
    private func send(_ message: Message, _ count: Int, _ result: inout LoadResult, _ done: Counter) async throws(ClientError) {
        let start = nanosecondsNow()
        do {
            if batch == 1 {
                try await producer.send(message)
            } else {
                try await producer.send(batch: Array(repeating: message, count: count))
            }
            result.completed += count
            result.latency.record(nanosecondsNow() - start)
            done.add(Int64(count))
        } catch where error.isTransient {
            result.failed += count
            result.firstFailure = result.firstFailure ?? "\(error)"
        }
    }
}
