// Reads queues of its own choice from a place of its own choice, whoever else reads them.
import RMQClient

try await withRocketMQClient(.init()) { client in
    let producer = try await client.makeProducer(group: "example-producer")
    for number in 1...8 { try await producer.send(Message(topic: "ExampleReplay", text: "event \(number)"), orderingKey: "one queue") }
    var settings = LitePullConfiguration()
    settings.autoCommitInterval = nil   // a replay moves no offsets
    let reader = try await client.makeLitePullConsumer(group: "example-replay", settings)
    let queues = try await reader.queues(of: "ExampleReplay")
    try await reader.assign(Set(queues))
    for queue in queues { try await reader.seek(queue, to: .beginning) }
    var count = 0
    while count < 8 { count += try await reader.poll().count }
    print("read \(count) events again from \(queues.count) queues")
    await reader.close()
}
