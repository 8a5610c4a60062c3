import RMQClient
import RMQCommon

/// Opens producers: the client's, or a test's stand-in.
protocol MessageSending: Sendable {
    /// A producer for as many messages as a command sends; it has to be closed.
    func open(_ settings: ProducerSettings, nameServers: [String], access: ToolsAccess) async throws(ClientError) -> any OpenProducer
}

/// What commands choose about a producer.
struct ProducerSettings: Sendable {
    var group: String
    /// Whether its sends are recorded for `queryMsgTraceById`.
    var isTraced = false
    /// The third part of its client id; nil for none.
    var unitName: String?
}

/// A producer until it is closed.
protocol OpenProducer: Sendable {
    /// Sends and measures.
    func send(_ message: Message, to target: QueueChoice) async -> Sending
    func close() async
}

/// Which queue a message goes to.
enum QueueChoice: Sendable {
    /// The next one that the producer chooses.
    case anyQueue
    case queue(MessageQueue)
    /// Of the topic's queues, sorted by broker name and id, that of this turn: 0 is the first, and behind the last comes the first.
    case turn(Int)
}

/// How a send went.
struct Sending: Sendable {
    var result: Result<SendResult, ClientError>
    /// Where it went or was to go; nil when it did not come so far.
    var queue: MessageQueue?
    var elapsed: Duration
}

extension CommandContext {
    /// Opens a producer, and closes it whatever happens.
    func withProducer<Result>(_ settings: ProducerSettings, _ body: (any OpenProducer) async throws -> Result) async throws -> Result {
        let producer = try await sender.open(settings, nameServers: admin.nameServers, access: access)
        do {
            let result = try await body(producer)
            await producer.close()
            return result
        } catch {
            await producer.close()
            throw error
        }
    }

    /// Sends one message with a producer of its own.
    func send(_ message: Message, to target: QueueChoice = .anyQueue, _ settings: ProducerSettings) async throws -> SendResult {
        try await withProducer(settings) { try await $0.send(message, to: target).result.get() }
    }
}

/// Sends with a ``Producer`` of a client of its own.
struct ProducerSending: MessageSending {
    func open(_ settings: ProducerSettings, nameServers: [String], access: ToolsAccess) async throws(ClientError) -> any OpenProducer {
        var configuration = RocketMQClient.Configuration(nameServers: nameServers)
        access.apply(to: &configuration)
        configuration.unitName = settings.unitName
        if settings.isTraced { configuration.tracing = .enabled() }
        let client = try RocketMQClient(configuration)
        do throws(ClientError) {
            return ClientProducer(client: client, producer: try await client.makeProducer(group: settings.group))
        } catch {
            await client.shutdown()
            throw error
        }
    }
}

private struct ClientProducer: OpenProducer {
    let client: RocketMQClient
    let producer: Producer

    func send(_ message: Message, to target: QueueChoice) async -> Sending {
        let start = MonotonicInstant.now
        var queue: MessageQueue?
        let result: Result<SendResult, ClientError>
        do throws(ClientError) {
            queue = try await chosen(target, message.topic)
            let sent = if let queue { try await producer.send(message, to: queue) } else { try await producer.send(message) }
            queue = sent.queue
            result = .success(sent)
        } catch {
            result = .failure(error)
        }
        return Sending(result: result, queue: queue, elapsed: MonotonicInstant.now - start)
    }

    /// Nil leaves it to the producer.
    private func chosen(_ target: QueueChoice, _ topic: String) async throws(ClientError) -> MessageQueue? {
        switch target {
        case .anyQueue: return nil
        case .queue(let queue): return queue
        case .turn(let turn):
            let queues = try await producer.queues(for: topic)
            return queues.isEmpty ? nil : queues[turn % queues.count]
        }
    }

    /// What it recorded for the trace is sent now.
    func close() async { await client.shutdown() }
}

extension SendResult {
    /// In the reference's words.
    var referenceText: String {
        "SendResult [sendStatus=\(status.referenceName), msgId=\(messageId), offsetMsgId=\(offsetMessageId), "
            + "messageQueue=\(queue), queueOffset=\(queueOffset)]"
    }

    /// As `--json` shows it.
    var facts: JSONObject {
        JSONObject(queue, [
            ("queueOffset", .integer(queueOffset)), ("sendStatus", .string(status.referenceName)), ("msgId", .string(messageId)),
            ("offsetMsgId", .string(offsetMessageId)),
        ])
    }
}

extension SendResult.Status {
    /// In the reference's words.
    var referenceName: String {
        switch self {
        case .stored: "SEND_OK"
        case .flushTimedOut: "FLUSH_DISK_TIMEOUT"
        case .replicationTimedOut: "FLUSH_SLAVE_TIMEOUT"
        case .noReplica: "SLAVE_NOT_AVAILABLE"
        }
    }
}
