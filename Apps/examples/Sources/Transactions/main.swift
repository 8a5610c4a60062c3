// A message that consumers see only when a local transaction was committed.
import RMQClient

try await withRocketMQClient(.init()) { client in
    // Asked about transactions that nobody told the outcome of: of this process or another one of the group.
    let producer = try await client.makeTransactionProducer(group: "example-transactions") { message in
        print("asked about \(message.text)")
        return .commit
    }
    let paid = try await producer.send(Message(topic: "ExamplePayments", text: "paid")) { _ in .commit }
    let bounced = try await producer.send(Message(topic: "ExamplePayments", text: "bounced")) { _ in .rollback }
    print("first: \(paid.decision), second: \(bounced.decision)")
    await producer.close()

    var settings = ConsumerConfiguration()
    settings.start = .first
    let consumer = try await client.makePushConsumer(group: "example-ledger", settings)
    try await consumer.subscribe(to: "ExamplePayments")
    for try await delivery in consumer.deliveries {
        print("received: \(delivery.message.text)")
        delivery.acknowledge()
        break
    }
}
