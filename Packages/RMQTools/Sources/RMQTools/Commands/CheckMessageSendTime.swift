import RMQClient
import RMQCommon

/// `checkMsgSendRT`: sends messages to the queues of a topic one after the other, and prints how long each took.
struct CheckMessageSendTimeCommand: AdminCommand {
    let name = "checkMsgSendRT"
    let summary = "check message send response time"
    let label = "CheckMsgSendRTCommand"
    let example = "mqadmin checkMsgSendRT -n 127.0.0.1:9876 -t Orders -a 100 -s 1024"
    let options: [CommandOption] = [
        .required("t", "topic", "topic name"),
        CommandOption("a", "amount", "message amount | default 100"),
        CommandOption("s", "size", "message size | default 128 Byte"),
    ]

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        let amount = try options.integer("a", or: 100, within: 1...Int.max)
        let message = SendTrial.message(options.required("t"), size: try options.integer("s", or: 128, within: SendTrial.sizes))
        context.printHeading(Self.line("#Broker Name", "#QID", "#Send Result", "#RT"))
        try await context.withProducer(ProducerSettings(group: "\(context.now())")) { producer in
            let progress = context.listingProgress("messages", total: Int64(amount))
            defer { progress?.end() }
            // Shown of a send that failed before a queue was chosen: that of the last one.
            var queue = MessageQueue(topic: message.topic, brokerName: "", queueId: 0)
            var average = SendAverage()
            for turn in 0..<amount {
                let sending = await producer.send(message, to: .turn(turn))
                queue = sending.queue ?? queue
                average.add(sending.elapsed.milliseconds)
                show(sending, queue, context)
                progress?.advance()
            }
            let mean = average.milliseconds
            context.show(["averageRt": .double(mean)], text: "Avg RT: \(Decimal.text(mean, places: 2))\n")
        }
    }

    private func show(_ sending: Sending, _ queue: MessageQueue, _ context: CommandContext) {
        let elapsed = sending.elapsed.milliseconds
        var isStored = true
        if case .failure(let error) = sending.result {
            isStored = false
            context.note(error)
        }
        let facts: [(JSONValue, JSONValue)] = [("isStored", .bool(isStored)), ("rt", .integer(elapsed))]
        context.show(
            .object(JSONObject(queue, facts)), text: Self.line(queue.brokerName, "\(queue.queueId)", "\(isStored)", "\(elapsed)"))
    }

    private static func line(_ broker: String, _ queue: String, _ result: String, _ elapsed: String) -> String {
        Columns.left(broker, 32) + "  " + Columns.left(queue, 4) + "  " + Columns.left(result, 20) + "    " + elapsed + "\n"
    }
}
