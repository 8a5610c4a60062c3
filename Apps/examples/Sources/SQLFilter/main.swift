// Receives only the messages whose properties meet a condition; the broker evaluates it, and has to allow that (enablePropertyFilter=true).
import RMQClient

try await withRocketMQClient(.init()) { client in
    let producer = try await client.makeProducer(group: "example-producer")
    for price in [5, 25, 40] {
        try await producer.send(Message(topic: "ExamplePrices", text: "for \(price)", properties: ["price": "\(price)", "colour": "red"]))
    }
    var settings = ConsumerConfiguration()
    settings.start = .first
    let consumer = try await client.makePushConsumer(group: "example-sql", settings)
    // A wrong expression is refused here.
    try await consumer.subscribe(to: "ExamplePrices", .sql("price > 20 AND colour = 'red'"))
    for try await delivery in consumer.deliveries.prefix(2) {
        print("received: \(delivery.message.text)")
        delivery.acknowledge()
    }
}
