// Two tenants of one cluster use the same names and do not meet: servers know the topic as `blue%ExampleShared` and `green%ExampleShared`.
import RMQClient

for tenant in ["blue", "green"] {
    var configuration = RocketMQClient.Configuration()
    configuration.namespace = tenant
    try await withRocketMQClient(configuration) { client in
        let producer = try await client.makeProducer(group: "example-producer")
        try await producer.send(Message(topic: "ExampleShared", text: "for \(tenant) alone"))
        var settings = ConsumerConfiguration()
        settings.start = .first
        let consumer = try await client.makePushConsumer(group: "example-tenant", settings)
        try await consumer.subscribe(to: "ExampleShared")
        for try await delivery in consumer.deliveries {
            print("\(tenant) received from \(delivery.message.topic): \(delivery.message.text)")
            delivery.acknowledge()
            break
        }
    }
}
