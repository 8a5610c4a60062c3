import RMQClient
import RMQCommon

/// `queryMsgTraceById`: who sent a message and who consumed it, when and how long that took, as its clients recorded it.
struct QueryMessageTraceCommand: AdminCommand {
    let name = "queryMsgTraceById"
    let alias: String? = "QueryMsgTraceById"
    let summary = "query a message trace"
    let label = "QueryMsgTraceByIdSubCommand"
    let example = "mqadmin queryMsgTraceById -n 127.0.0.1:9876 -i 7F0000010A1C2A139A5E4F1B2C3D0000"
    let options: [CommandOption] = [
        .required("i", "msgId", "Message Id"),
        CommandOption("t", "traceTopic", "The name value of message trace topic"),
    ]

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        let id = options.required("i"), topic = options["t"] ?? SystemTopic.trace
        let messages = try await context.search(topic) { try await context.admin.messages(topic: topic, key: id) }
        var events: [TraceEvent] = [], unreadable = 0
        for message in messages {
            let told = TraceEvent.events(in: message)
            // Records are about other messages too.
            events += told.events.filter { $0.messageIds.containsExactly(id) }
            unreadable += told.unreadable
        }
        guard !events.isEmpty || unreadable > 0 else {
            throw CommandFailure.notFound("the trace has \"\(id)\" as a key only: -i takes the id that a producer shows for its message")
        }
        context.show(.array(events.map(Self.json)), text: Self.render(events, time: context.time))
        if unreadable > 0 { context.note(CommandFailure.failed("\(unreadable) records of the trace in \(topic) cannot be read")) }
    }

    // MARK: Text

    static func render(_ events: [TraceEvent], time: LocalTime) -> String {
        var text = ""
        for event in events where event.kind == .sent {
            text += line("#Type", "#ProducerGroup", "#ClientHost", "#SendTime", "#CostTimes", "#Status") + line("Pub", event, time) + "\n"
        }
        let groups = Dictionary(grouping: events.filter { $0.kind == .consumed }) { ByteText($0.group ?? "null") }
        for (_, events) in HashOrder.sorted(groups.sorted { $0.key < $1.key }, hash: { JavaString.hash($0.key.text) }) {
            text += line("#Type", "#ConsumerGroup", "#ClientHost", "#ConsumerTime", "#CostTimes", "#Status")
            text += events.map { line("Sub", $0, time) }.joined() + "\n"
        }
        return text
    }

    private static func line(_ kind: String, _ event: TraceEvent, _ time: LocalTime) -> String {
        line(
            kind, event.group ?? "null", event.clientHost, event.time.map { time.seconds($0) } ?? "null", "\(event.cost ?? 0)ms",
            event.isSuccess == true ? "success" : "failed")
    }

    private static func line(_ kind: String, _ group: String, _ host: String, _ time: String, _ cost: String, _ status: String) -> String {
        Columns.left(kind, 10) + " " + Columns.left(group, 20) + " " + Columns.left(host, 20) + " " + Columns.left(time, 20) + " "
            + Columns.left(cost, 10) + " " + Columns.left(status, 10) + "\n"
    }

    // MARK: JSON

    private static func json(_ event: TraceEvent) -> JSONValue {
        func number(_ value: Int64?) -> JSONValue { value.map { .integer($0) } ?? .null }
        var facts: JSONObject = [
            "type": .string(event.kind.rawValue), "msgIds": .array(event.messageIds.map { .string($0) }), "group": JSONValue(event.group),
            "clientHost": .string(event.clientHost),
        ]
        facts.append("timestamp", number(event.time))
        facts.append("costTime", number(event.cost))
        facts.append("isSuccess", event.isSuccess.map { .bool($0) } ?? .null)
        facts.append("requestId", JSONValue(event.requestId))
        facts.append("topic", JSONValue(event.topic))
        facts.append("tags", JSONValue(event.tags))
        facts.append("keys", JSONValue(event.keys))
        facts.append("storeHost", JSONValue(event.brokerAddress))
        facts.append("offsetMsgId", JSONValue(event.offsetMessageId))
        facts.append("retryTimes", number(event.retries.map { Int64($0) }))
        facts.append("transactionId", JSONValue(event.transactionId))
        facts.append("transactionState", JSONValue(event.transactionState))
        return .object(facts)
    }
}
