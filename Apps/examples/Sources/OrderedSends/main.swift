// What belongs together stays in order: messages of one key go to one queue.
import RMQClient

try await withRocketMQClient(.init()) { client in
    let producer = try await client.makeProducer(group: "example-producer")
    for step in ["created", "paid", "shipped"] {
        for customer in ["anna", "bert"] {
            let sent = try await producer.send(Message(topic: "ExampleOrders", text: "\(customer): \(step)", tags: step), orderingKey: customer)
            print("\(customer): \(step) is in queue \(sent.queue.queueId)")
        }
    }
}
