// Sends without waiting for an answer: fast, and nobody knows whether a message arrived. For metrics, say.
import RMQClient

try await withRocketMQClient(.init()) { client in
    let producer = try await client.makeProducer(group: "example-producer")
    for number in 1...100 { try await producer.sendOneway(Message(topic: "ExampleOneway", text: "cpu \(number)")) }
    print("handed 100 messages to a connection")
}
