// The examples of the articles on configuration, logs and tests, line for line. An application imports no more than this.
import RMQClient

func nameServersFromCode() throws -> RocketMQClient {
    var configuration = RocketMQClient.Configuration()          // NAMESRV_ADDR
    configuration.nameServers = ["10.0.0.1:9876", "10.0.0.2:9876"]
    return try RocketMQClient(configuration)
}

func nameServersFromAFile(secret: String) throws -> RocketMQClient.Configuration {
    var configuration = try RocketMQClient.Configuration(file: "/etc/orders/client.properties")
    configuration.credentials = Credentials(accessKey: "orders-api", secretKey: secret)
    configuration.namespace = "blue"
    configuration.tracing = .enabled()
    return configuration
}

func nameServersFromAWebServer() -> RocketMQClient.Configuration {
    var configuration = RocketMQClient.Configuration()
    configuration.nameServerEndpoint = NameServerEndpoint(domain: "mq.example")
    configuration.log(.info, to: ForwardingSink { level, message, metadata in print(level, message, metadata) })
    return configuration
}

struct ForwardingSink: LogSink {
    let log: @Sendable (_ level: String, _ message: String, _ metadata: [String: String]) -> Void

    func write(_ record: LogRecord) {
        log(record.level.text, record.message, ["category": record.category])
    }
}

struct MeasuredProducer: MessageProducer {
    let producer: any MessageProducer
    let record: @Sendable (_ name: String, _ time: Duration) -> Void

    func publish(_ message: Message) async throws -> String {
        let start = ContinuousClock.now
        defer { record("publish.\(message.topic)", .now - start) }
        return try await producer.publish(message)
    }
}

func logToATopic(_ configuration: RocketMQClient.Configuration) async {
    let sink = TopicLogSink(configuration, topic: "AppLogs", tags: "checkout")
    sink.write(LogRecord(time: 0, level: .info, category: "checkout", message: "order 7 paid"))
    await sink.close()
}

struct Shop: Sendable {
    let producer: any MessageProducer

    func order(_ what: String) async throws {
        try await producer.publish(Message(topic: "Orders", text: what))
    }
}

func testedInMemory(cook: @escaping @Sendable (String) async throws -> Void) async throws {
    let messaging = InMemoryMessaging()
    try await Shop(producer: messaging.producer()).order("coffee")
    assert(messaging.sent(to: "Orders").first?.body == Array("coffee".utf8))

    let consumer = messaging.consumer(group: "kitchen")
    try await consumer.subscribe(to: "Orders", tags: nil)
    let running = Task { try await consumer.consume { order in try await cook(order.text) } }
    let isDone = await messaging.settled()
    assert(isDone && messaging.deadLetters(of: "kitchen").isEmpty)
    await consumer.stop()
    try await running.value
}

func inOrder(_ producer: Producer, _ consumer: PushConsumer) async throws {
    try await producer.send(Message(topic: "Orders", text: "paid"), orderingKey: "customer-7")
    try await consumer.runOrdered { messages in
        for message in messages { print(message.text) }
        return .success
    }
}

func givenUp(_ consumer: PushConsumer, handle: @escaping @Sendable (StoredMessage) async throws -> Void) async throws {
    try await consumer.run { message in
        guard message.reconsumeTimes < 5 else { return .deadLetter }
        try await handle(message)
        return .success
    }
}

func transactions(
    _ client: RocketMQClient, isBooked: @escaping @Sendable (String) async -> Bool, book: @Sendable (String) async throws -> Bool
) async throws {
    let producer = try await client.makeTransactionProducer(group: "orders-tx") { message in
        await isBooked(message.messageId) ? .commit : .rollback
    }
    let result = try await producer.send(Message(topic: "Orders", text: "order 7")) { transactionId in
        try await book(transactionId) ? .commit : .rollback
    }
    if let error = result.localError { print("the booking failed, so the broker will ask: \(error)") }
}

/// What is re-exported, so that an application can name it.
func whenItWasMade(_ result: SendResult) -> Int64? { UniqueId(result.messageId)?.time() }
