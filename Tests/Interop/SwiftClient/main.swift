import Glibc
import RMQClient
import RMQCommon

// The Swift client's side of the exchange with foreign clients; exchange.py starts it.
//
//     InteropClient send    <name server> <topic> sync|batch     one JSON object a line on standard input; prints each when it was stored
//     InteropClient consume <name server> <topic> <group> concurrent|broadcasting <expression> <folder>
//                                                                prints one JSON object a message until standard input ends
//
// The objects are those of wording.py: body, tags, keys and the property, all of them texts.
let property = "colour-цвет"
let words = Array(CommandLine.arguments.dropFirst())
switch ByteText(words.first ?? "") {
case "send" where words.count == 4: try await send(to: words[2], by: words[1], asBatch: words[3].isExactly("batch"))
case "consume" where words.count == 7:
    try await consume(words[2], group: words[3], by: words[1], isBroadcasting: words[4].isExactly("broadcasting"), SubscriptionFilter(words[5]), folder: words[6])
default:
    print("usage: InteropClient send|consume <name server> <topic> …")
    exit(2)
}

func send(to topic: String, by nameServer: String, asBatch: Bool) async throws {
    var messages: [Message] = []
    while let line = readLine() {
        let object = try JSONValue(parsing: Array(line.utf8)).requireObject("message")
        messages.append(Message(
            topic: topic, text: try object.string("body"), tags: try object.string("tags"), keys: [try object.string("keys")],
            properties: [property: try object.string("property")]))
    }
    try await withRocketMQClient(.init(nameServers: nameServer)) { client in
        let producer = try await client.makeProducer(group: "swift_interop_producer")
        if asBatch {
            let result = try await producer.send(batch: messages, timeout: .seconds(10))
            for message in messages { report(message.body, message.properties, result.queue.queueId, result.queueOffset) }
        } else {
            for message in messages {
                let result = try await producer.send(message, timeout: .seconds(10))
                report(message.body, message.properties, result.queue.queueId, result.queueOffset)
            }
        }
    }
}

func consume(
    _ topic: String, group: String, by nameServer: String, isBroadcasting: Bool, _ filter: SubscriptionFilter, folder: String
) async throws {
    var configuration = RocketMQClient.Configuration(nameServers: nameServer)
    configuration.instanceName = .fixed("\(group)-\(getpid())")
    try await withRocketMQClient(configuration) { client in
        var settings = ConsumerConfiguration()
        settings.start = .first
        if isBroadcasting { settings.model = .broadcasting(offsetDirectory: folder) }
        let consumer = try await client.makePushConsumer(group: group, settings)
        try await consumer.subscribe(to: topic, filter)
        let running = Task {
            try await consumer.run { message in
                report(message.body, message.properties, message.queueId, message.queueOffset)
                return .success
            }
        }
        await Task.detached { while readLine() != nil {} }.value
        await consumer.close()
        try await running.value
    }
}

func report(_ body: [UInt8], _ properties: MessageProperties, _ queueId: Int32, _ offset: Int64) {
    let object: JSONValue = [
        "body": JSONValue(String(decoding: body, as: UTF8.self)), "tags": JSONValue(properties[PropertyName.tags] ?? ""),
        "keys": JSONValue(properties[PropertyName.keys] ?? ""), "property": JSONValue(properties[property] ?? ""),
        "queue": .integer(Int64(queueId)), "offset": .integer(offset),
    ]
    // One call a line: lines of several handlers do not mix, and nothing is kept back.
    let line = object.bytes(.standard) + [0x0A]
    _ = line.withUnsafeBytes { write(1, $0.baseAddress, $0.count) }
}
