import RMQClient
import RMQCommon

/// `sendMsgStatus`: sends messages to the topic that has a broker's name, and prints how long each took.
struct SendMessageStatusCommand: AdminCommand {
    let name = "sendMsgStatus"
    let summary = "send msg to broker."
    let label = "SendMsgStatusCommand"
    let example = "mqadmin sendMsgStatus -n 127.0.0.1:9876 -b broker-a -s 1024 -c 100"
    let options: [CommandOption] = [
        .required("b", "brokerName", "Broker Name"),
        CommandOption("s", "messageSize", "Message Size, Default: 128"),
        CommandOption("c", "count", "send message count, Default: 50"),
    ]

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        let topic = options.required("b")
        let message = Self.message(topic, size: try options.integer("s", or: 128, within: SendTrial.sizes))
        let count: Int = try options.integer("c", or: 50)
        try await context.withProducer(ProducerSettings(group: "PID_SMSC")) { producer in
            // The first send finds the route and connects: it would tell nothing about the others.
            _ = try await producer.send(Self.message(topic, size: 16), to: .anyQueue).result.get()
            let progress = context.listingProgress("messages", total: Int64(max(0, count)))
            defer { progress?.end() }
            for _ in 0..<max(0, count) {
                let sending = await producer.send(message, to: .anyQueue)
                let sent = try sending.result.get(), elapsed = sending.elapsed.milliseconds
                var facts = sent.facts
                facts.append("rt", .integer(elapsed))
                context.show(.object(facts), text: "rt=\(elapsed)ms, SendResult=\(sent.referenceText)\n")
                progress?.advance()
            }
        }
    }

    /// - Parameter size: reached with whole words.
    static func message(_ topic: String, size: Int) -> Message {
        let word = "hello jodie"
        return Message(topic: topic, text: String(repeating: word, count: (size + word.utf8.count - 1) / word.utf8.count))
    }
}
