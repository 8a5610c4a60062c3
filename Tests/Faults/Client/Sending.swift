import RMQClient
import RMQCommon
import Synchronization

struct SendOrder: Sendable {
    let topics: [String]
    let bodies: String
    let tasks: Int
    let count: Int
    let pause: Duration
    let timeout: Duration

    init(_ order: JSONObject) throws {
        topics = try order.topics()
        bodies = try order.string("bodies")
        tasks = Int(try order.int64("tasks", default: 1))
        count = Int(try order.int64("count", default: .max))
        pause = .milliseconds(try order.int64("pause", default: 20))
        timeout = .milliseconds(try order.int64("timeout", default: 3000))
    }
}

/// Tasks that send one message after the other until they are stopped.
final class Sending: Sendable {
    private let isStopped = Atomic(false)
    private let running: Mutex<[Task<Void, Never>]> = Mutex([])

    init(_ order: SendOrder, _ producer: Producer) {
        running.withLock { tasks in
            tasks = (0..<order.tasks).map { first in Task { await self.send(order, producer, from: first) } }
        }
    }

    /// Those that are under way may end.
    func stop() { isStopped.store(true, ordering: .relaxed) }

    func cancel() {
        stop()
        for task in running.withLock({ $0 }) { task.cancel() }
    }

    func ended() async {
        for task in running.withLock({ $0 }) { await task.value }
    }

    private func send(_ order: SendOrder, _ producer: Producer, from first: Int) async {
        for number in stride(from: first, to: order.count, by: order.tasks) {
            guard !isStopped.load(ordering: .relaxed) else { return }
            let message = Message(topic: order.topics[number % order.topics.count], text: "\(order.bodies)-\(number)")
            await send(message, producer, order.timeout)
            try? await Task.sleep(for: order.pause)
        }
    }

    private func send(_ message: Message, _ producer: Producer, _ timeout: Duration) async {
        let begin = MonotonicInstant.now
        var outcome: JSONObject = [
            "topic": .string(message.topic), "body": JSONValue(String(decoding: message.body, as: UTF8.self)), "timeout": .integer(timeout.milliseconds),
        ]
        let event: String
        do throws(ClientError) {
            let result = try await producer.send(message, timeout: timeout)
            event = "sent"
            outcome.append("broker", .string(result.queue.brokerName))
            outcome.append("queue", .integer(Int64(result.queue.queueId)))
            outcome.append("offset", .integer(result.queueOffset))
        } catch {
            event = "failed"
            outcome.append("code", .string(error.code.description))
            outcome.append("error", .string("\(error)"))
        }
        outcome.append("ms", .integer((MonotonicInstant.now - begin).milliseconds))
        report(event, outcome)
    }
}
