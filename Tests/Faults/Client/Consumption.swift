import RMQClient
import RMQCommon
import Synchronization

/// A consumer and the task in which it runs. What becomes of a message is said by its body: one that begins with `throws` or `hangs` does so
/// the first time that it comes here.
final class Consumption: Sendable {
    private let consumer: PushConsumer
    private let run: Task<Void, Never>

    init(_ consumer: PushConsumer, isOrdered: Bool) {
        self.consumer = consumer
        let handling = Handling(group: consumer.group)
        run = Task {
            var failure: String?
            do throws(ClientError) {
                if isOrdered {
                    try await consumer.runOrdered { messages in
                        for message in messages { try await handling.take(message) }
                        return .success
                    }
                } else {
                    try await consumer.run { message in
                        try await handling.take(message)
                        return .success
                    }
                }
            } catch {
                failure = "\(error)"
            }
            report("ended", ["group": .string(consumer.group), "error": JSONValue(failure)])
        }
    }

    func close(grace: Duration) async {
        let begin = MonotonicInstant.now
        await consumer.close(gracePeriod: grace)
        report("closed", ["group": .string(consumer.group), "ms": .integer((MonotonicInstant.now - begin).milliseconds)])
    }

    func abandon() async {
        let begin = MonotonicInstant.now
        run.cancel()
        await run.value
        report("abandoned", ["group": .string(consumer.group), "ms": .integer((MonotonicInstant.now - begin).milliseconds)])
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
