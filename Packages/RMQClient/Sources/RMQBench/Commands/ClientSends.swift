import RMQClient
import RMQCommon
import Synchronization

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
        let results = (0..<min(tasks, Self.resultCount)).map { _ in SharedResult() }
        try await withThrowingDiscardingTaskGroup { group in
            for index in 0..<tasks {
                let share = plan.messages.map { $0 / tasks + (index < $0 % tasks ? 1 : 0) } ?? .max
                group.addTask { try await one(share, until: deadline, results[index % results.count], done) }
            }
        }
        let result = results.reduce(into: LoadResult()) { $0.merge($1.value) }
        let nanoseconds = nanosecondsNow() - start
        let used = usage.since()
        try ProducerBench.report(result, nanoseconds: nanoseconds, latencyOf: "send to acknowledgement")
        Report.write(used, messages: result.completed)
    }

    /// Several tasks share a histogram: one each would fill the caches that the client needs, and its memory be taken for the client's.
    private static let resultCount = 16

    private final class SharedResult: Sendable {
        private let state = Mutex(LoadResult())
        var value: LoadResult { state.withLock { $0 } }

        func add(_ count: Int, nanoseconds: Int64) {
            state.withLock { state in
                state.completed += count
                state.latency.record(nanoseconds)
            }
        }

        func addFailure(_ count: Int, _ reason: String) {
            state.withLock { state in
                state.failed += count
                state.firstFailure = state.firstFailure ?? reason
            }
        }
    }

    /// What one task does. A failure that may pass is counted, another one ends the run.
    private func one(_ share: Int, until deadline: Int64, _ result: SharedResult, _ done: Counter) async throws(ClientError) {
        var left = share
        let message = Message(topic: plan.topic, body: [UInt8](repeating: 0x61, count: plan.size))
        var start = nanosecondsNow()
        while left > 0, start < deadline {
            let count = min(left, batch)
            do {
                if batch == 1 { try await producer.send(message) } else { try await producer.send(batch: Array(repeating: message, count: count)) }
                let end = nanosecondsNow()
                result.add(count, nanoseconds: end - start)
                done.add(Int64(count))
                start = end
            } catch where error.isTransient {
                result.addFailure(count, "\(error)")
                start = nanosecondsNow()
            }
            left -= count
        }
    }
}
