// Sends a thousand messages from as many tasks, over one connection.
import RMQClient

try await withRocketMQClient(.init()) { client in
    let producer = try await client.makeProducer(group: "example-producer")
    let stored = try await withThrowingTaskGroup(of: SendResult.self) { tasks in
        for number in 0..<1000 {
            tasks.addTask { try await producer.send(Message(topic: "ExampleConcurrent", text: "message \(number)")) }
        }
        var stored = 0
        for try await result in tasks where result.status == .stored { stored += 1 }
        return stored
    }
    print("stored \(stored) messages")
}
