import RMQClient
import RMQCommon

/// `sendMessage`: sends one text.
struct SendMessageCommand: AdminCommand {
    let name = "sendMessage"
    let summary = "Send a message"
    let label = "SendMessageCommand"
    let example = "mqadmin sendMessage -n 127.0.0.1:9876 -t Orders -p hello -k order-4711"
    let options: [CommandOption] = [
        .required("t", "topic", "Topic name"),
        .required("p", "body", "UTF-8 string format of the message body"),
        CommandOption("k", "key", "Message keys"),
        CommandOption("c", "tags", "Message tags"),
        CommandOption("b", "broker", "Send message to target broker"),
        CommandOption("i", "qid", "Send message to target queue"),
        CommandOption("m", "msgTraceEnable", "Message Trace Enable, Default: false"),
    ]

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        guard options["b"] != nil || options["i"] == nil else {
            return context.complain("Broker name must be set if the queue is chosen!")
        }
        let topic = options.required("t")
        var message = Message(topic: topic, body: Array(options.required("p").utf8), tags: options["c"])
        if let keys = options["k"] { message.properties[PropertyName.keys] = keys }
        var target = QueueChoice.anyQueue
        // A broker without a queue, or with a negative one, chooses nothing, as in the reference.
        if let broker = options["b"], case let queueId: Int32 = try options.integer("i", or: -1), queueId >= 0 {
            target = .queue(MessageQueue(topic: topic, brokerName: broker, queueId: queueId))
            try await checkExists(broker, topic, context)
        }
        let settings = ProducerSettings(group: "\(context.now())", isTraced: options.truth("m", or: false))
        let sent = try await context.send(message, to: target, settings)
        context.show(.object(sent.facts), text: Self.render(sent))
    }

    private func checkExists(_ broker: String, _ topic: String, _ context: CommandContext) async throws {
        let route = try await context.admin.routeData(of: topic)
        guard route.brokers.contains(where: { $0.brokerName.isExactly(broker) && $0.masterAddress != nil }) else {
            throw CommandFailure.notFound("The broker[\(broker)] not exist")
        }
    }

    static func render(_ sent: SendResult) -> String {
        line("#Broker Name", "#QID", "#Send Result", "#MsgId")
            + line(sent.queue.brokerName, "\(sent.queue.queueId)", sent.status.referenceName, sent.messageId)
    }

    private static func line(_ broker: String, _ queue: String, _ result: String, _ id: String) -> String {
        Columns.left(broker, 32) + "  " + Columns.left(queue, 4) + "  " + Columns.left(result, 20) + "    " + id + "\n"
    }
}
