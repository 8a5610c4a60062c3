// Handles the messages of each queue one after the other, in the order in which they were sent.
import RMQClient

try await withRocketMQClient(.init()) { client in
    let producer = try await client.makeProducer(group: "example-producer")
    for step in ["created", "paid", "shipped"] {
        try await producer.send(Message(topic: "ExampleSteps", text: step), orderingKey: "order-7")
    }
    var settings = ConsumerConfiguration()
    settings.start = .first
    let consumer = try await client.makePushConsumer(group: "example-ordered", settings)
    try await consumer.subscribe(to: "ExampleSteps")
    let (steps, handled) = AsyncStream<String>.makeStream()
    let running = Task {
        try await consumer.runOrdered { messages in
            for message in messages { handled.yield(message.text) }
            return .success
        }
    }
    for await step in steps.prefix(3) { print("order-7 is \(step)") }
    await consumer.close()
    try await running.value
}
