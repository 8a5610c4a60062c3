public import RMQCommon
import Synchronization

/// Sends the lines of a log to a topic, one message a record: for applications whose logs are collected by way of RocketMQ.
///
/// ```swift
/// let sink = TopicLogSink(.init(nameServers: "10.0.0.1:9876"), topic: "AppLogs", tags: "checkout")
/// let logger = Logger(category: "checkout", sink: sink)
/// logger.info("order 7 paid")
/// await sink.close()                       // at the end of the program: what waits is still sent
/// ```
///
/// Writing never waits: records go into a queue of ``recordLimit`` and from there, one way, to a broker. What does not fit, and what no broker takes,
/// is dropped and counted. The client behind it is made with the first record, and says nothing itself, so that no record makes another one.
public final class TopicLogSink: LogSink {
    /// Most records that wait to be sent: some hundred kilobytes, or the time that a cluster needs to choose another master.
    public static let recordLimit = 4_096

    private enum Phase { case idle, sending(Task<Void, Never>), closed }

    private struct State {
        var waiting: [LogRecord] = []
        var phase = Phase.idle
        var dropped = 0
    }

    private let state = Mutex(State())
    private let sender: LogSender

    /// - Parameters:
    ///   - configuration: of a client of its own; its logger is not used.
    ///   - topic: where the records go.
    ///   - tags: the one word by which consumers select them; nil for none.
    ///   - group: the producers' group.
    ///   - layout: what becomes the body of a message. The time, level and category of the record are properties of it as well.
    public init(
        _ configuration: RocketMQClient.Configuration, topic: String, tags: String? = nil, group: String = "log-records",
        layout: @escaping @Sendable (LogRecord) -> String = { $0.line }
    ) {
        var configuration = configuration
        configuration.logger = .silent
        sender = LogSender(configuration: configuration, group: group, topic: topic, tags: tags, layout: layout)
    }

    /// Records that were not sent, since the start.
    public var droppedCount: Int { state.withLock { $0.dropped } }

    public func write(_ record: LogRecord) {
        state.withLock { state in
            if case .closed = state.phase { return state.dropped += 1 }
            guard state.waiting.count < Self.recordLimit else { return state.dropped += 1 }
            state.waiting.append(record)
            if case .idle = state.phase { state.phase = .sending(Task { await self.sendAll() }) }
        }
    }

    /// Sends what waits, for at most `gracePeriod`, and closes the connections. Records that come later are dropped.
    public func close(gracePeriod: Duration = .seconds(5)) async {
        let sending: Task<Void, Never>? = state.withLock { state in
            defer { state.phase = .closed }
            if case .sending(let task) = state.phase { return task }
            return nil
        }
        if let sending {
            let limit = Task {
                try? await Task.sleep(for: gracePeriod)
                sending.cancel()
            }
            await sending.value
            limit.cancel()
        }
        await sender.close()
    }

    /// Ends when nothing waits any more.
    private func sendAll() async {
        while let records = takeWaiting() {
            var failed = 0
            for record in records {
                if await !sender.send(record) { failed += 1 }
            }
            if failed > 0 { state.withLock { $0.dropped += failed } }
        }
    }

    private func takeWaiting() -> [LogRecord]? {
        state.withLock { state in
            guard !state.waiting.isEmpty else {
                if case .sending = state.phase { state.phase = .idle }
                return nil
            }
            defer { state.waiting = [] }
            return state.waiting
        }
    }
}

/// The client behind a sink.
private actor LogSender {
    private let configuration: RocketMQClient.Configuration
    private let group: String
    private let topic: String
    private let tags: String?
    private let layout: @Sendable (LogRecord) -> String
    private var client: RocketMQClient?
    private var producer: Producer?

    init(
        configuration: RocketMQClient.Configuration, group: String, topic: String, tags: String?, layout: @escaping @Sendable (LogRecord) -> String
    ) {
        self.configuration = configuration
        self.group = group
        self.topic = topic
        self.tags = tags
        self.layout = layout
    }

    /// False when the record was not handed to a connection.
    func send(_ record: LogRecord) async -> Bool {
        guard !Task.isCancelled else { return false }
        do {
            var message = Message(topic: topic, text: layout(record), tags: tags)
            message.properties["level"] = record.level.text
            message.properties["category"] = record.category
            message.properties["time"] = String(record.time)
            try await connected().sendOneway(message)
            return true
        } catch {
            return false
        }
    }

    private func connected() async throws(ClientError) -> Producer {
        if let producer { return producer }
        if client == nil { client = try RocketMQClient(configuration) }
        guard let client else { throw .closedClient }
        let producer = try await client.makeProducer(group: group)
        self.producer = producer
        return producer
    }

    func close() async {
        await client?.shutdown()
        client = nil
        producer = nil
    }
}
