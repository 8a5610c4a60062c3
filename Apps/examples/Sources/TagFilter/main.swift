// Receives only the messages with certain tags; the broker leaves out the others.
import RMQClient

try await withRocketMQClient(.init()) { client in
    var settings = ConsumerConfiguration()
    settings.start = .first
    let consumer = try await client.makePushConsumer(group: "example-filter", settings)
    try await consumer.subscribe(to: "ExampleTags", .tags(["red", "blue"]))
    let producer = try await client.makeProducer(group: "example-producer")
    for tag in ["red", "green", "blue", "white"] { try await producer.send(Message(topic: "ExampleTags", text: "a \(tag) one", tags: tag)) }
    for try await delivery in consumer.deliveries.prefix(2) {
        print("received: \(delivery.message.text)")
        delivery.acknowledge()
    }
}
