// The examples of Documentation.docc, so that they cannot rot: a test looks for each of their lines here. An application imports no more
// than this.
import RMQClient

func landing() async throws {
    try await withRocketMQClient(.init(nameServers: "127.0.0.1:9876")) { client in
        let producer = try await client.makeProducer(group: "hello-producer")
        let sent = try await producer.send(Message(topic: "Hello", text: "Hello, world"))
        print("stored as \(sent.messageId) in \(sent.queue)")
    }
}

func firstProducer() async throws {
    let client = try RocketMQClient(.init(nameServers: "10.0.0.1:9876;10.0.0.2:9876"))
    let producer = try await client.makeProducer(group: "orders-api")
    // To any queue; tried again at another broker when one is down.
    try await producer.send(Message(topic: "Orders", text: "created", tags: "created", keys: ["order-1"]))
    // What belongs together stays in order: one key, one queue.
    try await producer.send(Message(topic: "Orders", text: "paid"), orderingKey: "customer-7")
    // Many in one request, stored side by side or not at all.
    try await producer.send(batch: ["a", "b", "c"].map { Message(topic: "Audit", text: $0) })
}

func firstConsumer(_ client: RocketMQClient) async throws {
    let consumer = try await client.makePushConsumer(group: "mailer")
    try await consumer.subscribe(to: "Orders", .tags(["created", "paid"]))
    try await consumer.run { message in
        print(message.topic, message.tags ?? "", message.text)
        return .success
    }
}

func inOrder(_ consumer: PushConsumer, apply: @escaping @Sendable (StoredMessage) async throws -> Void) async throws {
    try await consumer.runOrdered { messages in
        for message in messages { try await apply(message) }   // throwing stops the queue for a second
        return .success
    }
}

func loop(over consumer: PushConsumer, store: (StoredMessage) async throws -> Void) async throws {
    for try await delivery in consumer.deliveries {
        try await store(delivery.message)
        delivery.acknowledge()
    }
}

func errors(_ message: Message, _ producer: Producer, keepForLater: (Message) -> Void) async {
    do {
        try await producer.send(message, timeout: .seconds(2))
    } catch where error.isTransient {
        keepForLater(message)              // a broker is down or busy; the message may be stored all the same
    } catch where error.code == .routeNotFound {
        print("create the topic first")
    } catch {
        print(error)                       // names the topic, the broker and every try
    }
}

func adminCalls(_ id: String) async throws {
    let admin = Admin(nameServers: ["10.0.0.1:9876"])
    defer { admin.close() }
    for topic in try await admin.topics() { print(topic) }

    let stats = try await admin.consumeStats(group: "mailer")
    for (queue, progress) in stats.queues {
        print("\(queue): \(progress.brokerOffset - progress.consumerOffset) behind")
    }

    if let message = try await admin.message(topic: "Orders", uniqueId: id) {
        for track in try await admin.tracks(of: message) { print(track.group, track.fate) }
    }
}
