import Glibc
import RMQClient
import RMQCommon
import Synchronization

// The Swift client's side of the exchange with foreign clients; exchange.py starts it.
//
//     InteropClient send    <name server> <topic> sync|batch|orderly
//                                                                one JSON object a line on standard input; prints each when it was stored
//     InteropClient consume <name server> <topic> <group> concurrent|orderly|broadcasting <expression> <folder>
//                                                                prints one JSON object a message until standard input ends
//
// The objects are those of wording.py: body, tags, keys and the property, all of them texts; `shard` where messages are sent in order. As in
// consume_all.py, a message whose body begins with `fails-once` is not consumed the first time, and one that begins with `fails-always` never.
let property = "colour-цвет"
let words = Array(CommandLine.arguments.dropFirst())
switch ByteText(words.first ?? "") {
case "send" where words.count == 4: try await send(to: words[2], by: words[1], words[3])
case "consume" where words.count == 7:
    try await consume(words[2], group: words[3], by: words[1], words[4], SubscriptionFilter(words[5]), folder: words[6])
default:
    print("usage: InteropClient send|consume <name server> <topic> …")
    exit(2)
}

func send(to topic: String, by nameServer: String, _ mode: String) async throws {
    var messages: [Message] = []
    var shards: [String] = []
    while let line = readLine() {
        let object = try JSONValue(parsing: Array(line.utf8)).requireObject("message")
        messages.append(Message(
            topic: topic, text: try object.string("body"), tags: try object.string("tags"), keys: [try object.string("keys")],
            properties: [property: try object.string("property")]))
        shards.append(try object.string("shard", default: ""))
    }
    try await withRocketMQClient(.init(nameServers: nameServer)) { client in
        let producer = try await client.makeProducer(group: "swift_interop_producer")
        if mode.isExactly("batch") {
            let result = try await producer.send(batch: messages, timeout: .seconds(10))
            for message in messages { report(message.body, message.properties, result.queue.queueId, result.queueOffset) }
        } else {
            for (message, shard) in zip(messages, shards) {
                let result = mode.isExactly("orderly")
                    ? try await producer.send(message, orderingKey: shard, timeout: .seconds(10)) : try await producer.send(message, timeout: .seconds(10))
                report(message.body, message.properties, result.queue.queueId, result.queueOffset)
            }
        }
    }
}

func consume(
    _ topic: String, group: String, by nameServer: String, _ mode: String, _ filter: SubscriptionFilter, folder: String
) async throws {
    var configuration = RocketMQClient.Configuration(nameServers: nameServer)
    configuration.instanceName = .fixed("\(group)-\(getpid())")
    try await withRocketMQClient(configuration) { client in
        var settings = ConsumerConfiguration()
        settings.start = .first
        // The lock of a queue may come free a moment after it was asked for.
        if mode.isExactly("orderly") { settings.rebalanceInterval = .seconds(1) }
        if mode.isExactly("broadcasting") { settings.model = .broadcasting(offsetDirectory: folder) }
        let consumer = try await client.makePushConsumer(group: group, settings)
        try await consumer.subscribe(to: topic, filter)
        let first = FirstTimes()
        let running = Task {
            if mode.isExactly("orderly") {
                try await consumer.runOrdered { messages in
                    messages.map { take($0, first) }.contains(false) ? .suspendQueue(for: .milliseconds(10)) : .success
                }
            } else {
                try await consumer.run { take($0, first) ? .success : .retry }
            }
        }
        await Task.detached { while readLine() != nil {} }.value
        await consumer.close()
        try await running.value
    }
}

/// Which bodies have come before.
final class FirstTimes: Sendable {
    private let known = Mutex<Set<[UInt8]>>([])

    func isFirst(_ body: [UInt8]) -> Bool { known.withLock { $0.insert(body).inserted } }
}

/// - Returns: whether it is consumed.
func take(_ message: StoredMessage, _ times: FirstTimes) -> Bool {
    let isFirst = times.isFirst(message.body)
    let fails = message.body.starts(with: "fails-always".utf8) || isFirst && message.body.starts(with: "fails-once".utf8)
    report(message.body, message.properties, message.queueId, message.queueOffset, ["topic": .string(message.topic), "consumed": .bool(!fails)])
    return !fails
}

func report(_ body: [UInt8], _ properties: MessageProperties, _ queueId: Int32, _ offset: Int64, _ more: JSONObject = [:]) {
    var object: JSONObject = [
        "body": JSONValue(String(decoding: body, as: UTF8.self)), "tags": JSONValue(properties[PropertyName.tags] ?? ""),
        "keys": JSONValue(properties[PropertyName.keys] ?? ""), "property": JSONValue(properties[property] ?? ""),
        "queue": .integer(Int64(queueId)), "offset": .integer(offset),
    ]
    object.members += more.members
    // One call a line: lines of several handlers do not mix, and nothing is kept back.
    let line = JSONValue.object(object).bytes(.standard) + [0x0A]
    _ = line.withUnsafeBytes { write(1, $0.baseAddress, $0.count) }
}
