// Every member of a broadcasting group gets every message, and keeps its own offsets in a folder.
import Foundation
import RMQClient

let folder = FileManager.default.temporaryDirectory.appending(path: "rocketmq-example-\(ProcessInfo.processInfo.processIdentifier)")
defer { try? FileManager.default.removeItem(at: folder) }

/// One member, with a client of its own, as another process would have.
@Sendable func member(_ name: String) async throws {
    var configuration = RocketMQClient.Configuration()
    configuration.instanceName = .fixed("broadcast-\(name)")   // its offsets are found again at the next start
    try await withRocketMQClient(configuration) { client in
        var settings = ConsumerConfiguration()
        settings.model = .broadcasting(offsetDirectory: folder.path())
        settings.start = .first
        let consumer = try await client.makePushConsumer(group: "example-broadcast", settings)
        try await consumer.subscribe(to: "ExampleNews")
        for try await delivery in consumer.deliveries {
            print("member \(name) received: \(delivery.message.text)")
            delivery.acknowledge()
            break
        }
    }
}

try await withRocketMQClient(.init()) { client in
    let producer = try await client.makeProducer(group: "example-producer")
    try await producer.send(Message(topic: "ExampleNews", text: "the settings changed"))
}
try await withThrowingTaskGroup(of: Void.self) { members in
    for name in ["one", "two"] { members.addTask { try await member(name) } }
    try await members.waitForAll()
}
