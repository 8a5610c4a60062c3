// Sends one message.
import RMQClient

try await withRocketMQClient(.init()) { client in
    let producer = try await client.makeProducer(group: "example-producer")
    let sent = try await producer.send(Message(topic: "ExampleHello", text: "Hello, world", tags: "greeting", keys: ["hello-1"]))
    print("stored as \(sent.messageId) in queue \(sent.queue.queueId) of \(sent.queue.brokerName)")
}
