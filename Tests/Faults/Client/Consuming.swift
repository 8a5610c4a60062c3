import RMQClient
import RMQCommon
import Synchronization

/// A consumer and the task in which it runs. What becomes of a message is said by its body: one that begins with `throws` or `hangs` does so
/// the first time that it comes here.
final class Consuming: Sendable {
    private let group: String
    private let closeConsumer: @Sendable (_ grace: Duration) async -> Void
    private let run: Task<Void, Never>

    private init(
        _ group: String, closing: @escaping @Sendable (Duration) async -> Void, _ consume: @escaping @Sendable (Handling) async throws(ClientError) -> Void
    ) {
        self.group = group
        closeConsumer = closing
        run = Task {
            var failure: String?
            do throws(ClientError) { try await consume(Handling(group: group)) } catch { failure = "\(error)" }
            report("ended", ["group": .string(group), "error": JSONValue(failure)])
        }
    }

    /// With handlers, side by side.
    convenience init(each consumer: PushConsumer) {
        self.init(consumer.group, closing: { await consumer.close(gracePeriod: $0) }) { handling throws(ClientError) in
            try await consumer.run { message in
                try await handling.take(message)
                return .success
            }
        }
    }

    convenience init(ordered consumer: PushConsumer) {
        self.init(consumer.group, closing: { await consumer.close(gracePeriod: $0) }) { handling throws(ClientError) in
            try await consumer.runOrdered { messages in
                for message in messages { try await handling.take(message) }
                return .success
            }
        }
    }

    /// By a loop over deliveries.
    convenience init(loop consumer: PushConsumer) {
        self.init(consumer.group, closing: { await consumer.close(gracePeriod: $0) }) { handling throws(ClientError) in
            for try await delivery in consumer.deliveries {
                if (try? await handling.take(delivery.message)) != nil { delivery.acknowledge() } else { delivery.retry() }
            }
        }
    }

    /// By polls, until one of them says that there is no more.
    convenience init(poll consumer: LitePullConsumer) {
        self.init(consumer.group, closing: { _ in await consumer.close() }) { handling throws(ClientError) in
            while true {
                for message in try await consumer.poll(timeout: .seconds(60)) { try? await handling.take(message) }
            }
        }
    }

    func close(grace: Duration) async {
        let begin = MonotonicInstant.now
        await closeConsumer(grace)
        report("closed", ["group": .string(group), "ms": .integer((MonotonicInstant.now - begin).milliseconds)])
    }

    func abandon() async {
        let begin = MonotonicInstant.now
        run.cancel()
        await run.value
        report("abandoned", ["group": .string(group), "ms": .integer((MonotonicInstant.now - begin).milliseconds)])
    }

    func ended() async { await run.value }
}

private struct WishedFailure: Error {}

/// The handler of a consumer.
private final class Handling: Sendable {
    private let group: String
    private let known = Mutex<Set<ByteText>>([])

    init(group: String) { self.group = group }

    func take(_ message: StoredMessage) async throws {
        let body = String(decoding: message.body, as: UTF8.self)
        let isNew = known.withLock { $0.insert(ByteText(body)).inserted }
        report("got", [
            "group": .string(group), "body": .string(body), "broker": .string(message.brokerName), "queue": .integer(Int64(message.queueId)),
            "offset": .integer(message.queueOffset), "times": .integer(Int64(message.reconsumeTimes)),
        ])
        if isNew, body.hasBytePrefix("throws") { throw WishedFailure() }
        if isNew, body.hasBytePrefix("hangs") { try await Task.sleep(for: .seconds(3600)) }
        report("handled", ["group": .string(group), "body": .string(body)])
    }
}
