// Asks a question by way of a topic and waits for the answer.
import RMQClient

try await withRocketMQClient(.init()) { client in
    let producer = try await client.makeProducer(group: "example-asking")
    // The topic is there before anybody asks, so that the answering side has its queues.
    try await producer.send(Message(topic: "ExamplePrices", text: "warm-up"))
    var settings = ConsumerConfiguration()
    settings.start = .first
    let consumer = try await client.makePushConsumer(group: "example-answering", settings)
    try await consumer.subscribe(to: "ExamplePrices")
    let answering = Task {
        try await consumer.run { question in
            if let reply = try? question.reply(text: "\(question.text) costs 19.99") { try await producer.send(reply) }
            return .success
        }
    }
    let answer = try await producer.request(Message(topic: "ExamplePrices", text: "coffee"), timeout: .seconds(20))
    print("answer: \(answer.text)")
    await consumer.close()
    try await answering.value
}
