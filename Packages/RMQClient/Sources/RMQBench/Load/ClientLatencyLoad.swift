import RMQClient
import RMQCommon
import Synchronization

/// As ``LatencyLoad``, by the public interface: a producer and a push consumer, each with a client of its own.
///
/// A body says behind a stamp of four bytes when it was sent, on this machine's monotonic clock.
struct ClientLatencyLoad: Sendable {
    let configuration: RocketMQClient.Configuration
    let topic: String
    let queueId: Int32
    let size: Int
    let rate: Int
    let messages: Int
    let done: Counter

    /// - Returns: times from produce to consume, and those from send to acknowledgement.
    func run() async throws -> (consumed: LoadResult, acknowledged: LoadResult) {
        let consumed = Consumed()
        let acknowledged = try await withRocketMQClient(configuration) { client in
            var settings = ConsumerConfiguration()
            settings.rebalanceInterval = .seconds(1)
            // A group of its own each time: it begins at the end of the queues, or at messages without a time.
            let consumer = try await client.makePushConsumer(group: "mqbench_latency_\(WallClock.nowMilliseconds())", settings)
            try await consumer.subscribe(to: topic)
            let (queueId, done) = (queueId, done)
            let running = Task {
                try await consumer.run { message in
                    let now = nanosecondsNow()
                    guard message.queueId == queueId, let sentAt = Self.sentAt(message.body) else { return .success }
                    consumed.add(now - sentAt)
                    done.add()
                    return .success
                }
            }
            while consumer.assignment.allSatisfy({ $0.queueId != queueId || !$0.topic.isExactly(topic) }) {
                try await Task.sleep(for: .milliseconds(50))
            }
            let acknowledged = try await withRocketMQClient(configuration) { try await send($0) }
            let deadline = nanosecondsNow() + 20_000_000_000
            while done.value < messages, nanosecondsNow() < deadline { try await Task.sleep(for: .milliseconds(20)) }
            await consumer.close()
            try await running.value
            return acknowledged
        }
        return (consumed.result, acknowledged)
    }

    private func send(_ client: RocketMQClient) async throws -> LoadResult {
        let producer = try await client.makeProducer(group: "mqbench_producer")
        guard let queue = try await producer.queues(for: topic).first(where: { $0.queueId == queueId }) else {
            throw BenchError("topic \(topic) has no queue \(queueId)")
        }
        var result = LoadResult()
        var body = [UInt8](repeating: 0x61, count: max(Self.stamp.count + 8, size))
        body.replaceSubrange(..<Self.stamp.count, with: Self.stamp)
        var pace = Pace(rate: rate, start: nanosecondsNow())
        while result.completed < messages {
            let wait = pace.next - nanosecondsNow()
            if wait > 0 { try await Task.sleep(for: .nanoseconds(wait)) }
            guard pace.take(now: nanosecondsNow()) != nil else { continue }
            let now = nanosecondsNow()
            withUnsafeBytes(of: now.bigEndian) { body.replaceSubrange(Self.stamp.count..<Self.stamp.count + 8, with: $0) }
            try await producer.send(Message(topic: topic, body: body), to: queue)
            result.completed += 1
            result.latency.record(nanosecondsNow() - now)
        }
        return result
    }

    /// What a body begins with that has a time.
    private static let stamp: [UInt8] = [0xF5, 0xC1, 0xFE, 0xFF]

    private static func sentAt(_ body: [UInt8]) -> Int64? {
        guard body.count >= stamp.count + 8, body.starts(with: stamp) else { return nil }
        return Int64(body[stamp.count..<stamp.count + 8].reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
    }
}

/// What the handlers of the consumer saw.
private final class Consumed: Sendable {
    private let state = Mutex(LoadResult())

    func add(_ nanoseconds: Int64) {
        state.withLock { result in
            result.completed += 1
            result.latency.record(nanoseconds)
        }
    }

    var result: LoadResult { state.withLock { $0 } }
}
