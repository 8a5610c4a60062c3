// What an operator asks: clusters, topics, routes, offsets, messages by their key.
import RMQClient

let admin = try Admin(RocketMQClient.Configuration())
defer { admin.close() }
let cluster = try await admin.clusterInfo()
for name in cluster.clusters.keys.sorted() {
    let masters = try await admin.masters(ofCluster: name.text)
    print("cluster \(name): \(masters.map { "\($0.brokerName) at \($0.address)" }.joined(separator: ", "))")
    try await admin.createTopic(TopicConfig(topicName: "ExampleAdmin", readQueueCount: 4, writeQueueCount: 4), inCluster: name.text)
    for master in masters {
        let configuration = try await admin.brokerConfiguration(at: master.address)
        print("\(master.brokerName) keeps messages for \(configuration.table["fileReservedTime"] ?? "?") hours")
    }
}
for queue in try await admin.route(of: "ExampleAdmin").subscribeQueues {
    print("queue \(queue.queueId): \(try await admin.minOffset(of: queue)) to \(try await admin.maxOffset(of: queue))")
}
let found = try await admin.messages(topic: "ExampleHello", key: "hello-1")
print("messages with the key hello-1: \(found.map(\.text))")
