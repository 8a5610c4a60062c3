// Records what becomes of a message, and looks the records up by its id. The broker makes the topic of traces: `traceTopicEnable=true`.
import RMQClient

var configuration = RocketMQClient.Configuration()
configuration.tracing = .enabled()
let id = try await withRocketMQClient(configuration) { client in
    let producer = try await client.makeProducer(group: "example-producer")
    let sent = try await producer.send(Message(topic: "ExampleTraced", text: "where have I been?"))
    var settings = ConsumerConfiguration()
    settings.start = .first
    let consumer = try await client.makePushConsumer(group: "example-traced", settings)
    try await consumer.subscribe(to: "ExampleTraced")
    for try await delivery in consumer.deliveries.prefix(1) { delivery.acknowledge() }
    return sent.messageId
}   // what was recorded until then is sent now

let admin = try Admin(RocketMQClient.Configuration())
defer { admin.close() }
var records: Set<Substring> = []
for _ in 1...100 where records.count < 3 {
    for trace in try await admin.messages(topic: "RMQ_SYS_TRACE_TOPIC", key: id) {
        for record in trace.text.split(separator: "\u{2}") { records.insert(record.prefix { $0 != "\u{1}" }) }
    }
    try await Task.sleep(for: .milliseconds(50))   // a broker needs a moment until a message can be looked up
}
print("recorded: \(records.sorted().joined(separator: ", "))")
