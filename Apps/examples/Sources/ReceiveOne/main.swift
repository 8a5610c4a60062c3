// Receives the message that SendOne sent; waits for it when it is not there yet.
import RMQClient

try await withRocketMQClient(.init()) { client in
    var settings = ConsumerConfiguration()
    settings.start = .first   // a group that is new reads what is there already
    let consumer = try await client.makePushConsumer(group: "example-receiver", settings)
    try await consumer.subscribe(to: "ExampleHello")
    for try await delivery in consumer.deliveries {
        print("received: \(delivery.message.text)")
        delivery.acknowledge()
        break
    }
}
