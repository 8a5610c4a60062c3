// Sends a message that consumers see a second later, and waits for it.
import RMQClient

try await withRocketMQClient(.init()) { client in
    var settings = ConsumerConfiguration()
    settings.start = .first
    let consumer = try await client.makePushConsumer(group: "example-patient", settings)
    try await consumer.subscribe(to: "ExampleDelayed")
    let producer = try await client.makeProducer(group: "example-producer")
    var message = Message(topic: "ExampleDelayed", text: "good things take a second")
    message.delayLevel = 1
    try await producer.send(message)
    for try await delivery in consumer.deliveries {
        let seconds = Double(delivery.message.storeTimestamp - delivery.message.bornTimestamp) / 1000
        print("received after \(seconds) s: \(delivery.message.text)")
        delivery.acknowledge()
        break
    }
}
