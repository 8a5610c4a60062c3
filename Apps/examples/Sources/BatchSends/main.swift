// Sends many messages in one request: they are stored side by side, or none of them is.
import RMQClient

try await withRocketMQClient(.init()) { client in
    let producer = try await client.makeProducer(group: "example-producer")
    let lines = (1...100).map { Message(topic: "ExampleBatch", text: "line \($0)") }
    let sent = try await producer.send(batch: lines)
    print("stored \(sent.messageIds.count) messages from offset \(sent.queueOffset) on")
}
