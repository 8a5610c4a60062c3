// Takes messages when it is ready for them, and says itself when they count as consumed.
import RMQClient

try await withRocketMQClient(.init()) { client in
    let producer = try await client.makeProducer(group: "example-producer")
    for number in 1...5 { try await producer.send(Message(topic: "ExampleReport", text: "row \(number)")) }
    var settings = LitePullConfiguration()
    settings.start = .first
    settings.autoCommitInterval = nil
    let consumer = try await client.makeLitePullConsumer(group: "example-report", settings)
    try await consumer.subscribe(to: "ExampleReport")
    var rows = 0
    while rows < 5 {
        for message in try await consumer.poll() {
            rows += 1
            print("polled: \(message.text)")
        }
        try await consumer.commit()
    }
    await consumer.close()
}
