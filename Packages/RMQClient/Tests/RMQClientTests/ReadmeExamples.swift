// The examples of README.md, word for word, so that they cannot rot: a test compares them. An application imports no more than this.
import RMQClient

func produce(_ client: RocketMQClient) async throws {
    let producer = try await client.makeProducer(group: "orders-api")
    // To any queue; tried again at another broker when one is down.
    try await producer.send(Message(topic: "Orders", text: "created", tags: "created", keys: ["order-1"]))
    // What belongs together stays in order: one key, one queue.
    try await producer.send(Message(topic: "Orders", text: "paid"), orderingKey: "customer-7")
    // Many in one request, stored side by side or not at all.
    try await producer.send(batch: ["a", "b", "c"].map { Message(topic: "Audit", text: $0) })
    // Without an answer: fast, and nobody knows whether it arrived.
    try await producer.sendOneway(Message(topic: "Metrics", text: "cpu 7"))
    // To a queue of your choice.
    try await producer.send(Message(topic: "Orders", text: "last")) { queues in queues[queues.count - 1] }
}

func sendOrKeep(_ message: Message, _ producer: Producer) async throws(ClientError) -> Bool {
    do {
        try await producer.send(message, timeout: .seconds(2))
        return true
    } catch where error.isTransient {
        return false                           // a broker is down or busy; the message may be stored all the same
    }
}

func consume(_ client: RocketMQClient) async throws {
    let consumer = try await client.makePushConsumer(group: "mailer")
    try await consumer.subscribe(to: "Orders", .tags(["created", "paid"]))
    // Up to `maxConcurrency` handlers at once, until the consumer is closed or the task is cancelled.
    try await consumer.run { message in
        print(message.topic, message.tags ?? "", message.text)
        return .success                        // throwing, or .retry, brings the message back later
    }
}

func serve(_ client: RocketMQClient, until stopped: @escaping @Sendable () async -> Void) async throws {
    let consumer = try await client.makePushConsumer(group: "ledger")
    try await consumer.subscribe(to: "Orders")
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await consumer.run { message in .success } }
        group.addTask {
            await stopped()
            await client.shutdown(gracePeriod: .seconds(20))
        }
        try await group.waitForAll()
    }
}

func ask(_ admin: Admin) async throws {
    let route = try await admin.route(of: "Orders")
    for queue in route.subscribeQueues {
        let end = try await admin.maxOffset(of: queue)
        let stored = try await admin.committedOffset(group: "mailer", queue: queue) ?? 0
        print("\(queue): \(end - stored) behind")
    }
    print(try await admin.messages(topic: "Orders", key: "order-1").map(\.text))
}
