import RMQClient
import RMQCommon

/// `queryMsgByOffset`: the message at a place in a queue, and what became of it; nothing when there is none.
struct QueryMessageByOffsetCommand: AdminCommand {
    let name = "queryMsgByOffset"
    let summary = "Query Message by offset"
    let label = "QueryMsgByOffsetSubCommand"
    let example = "mqadmin queryMsgByOffset -n 127.0.0.1:9876 -t Orders -b broker-a -i 0 -o 42"
    let options: [CommandOption] = [
        .required("t", "topic", "topic name"),
        .required("b", "brokerName", "Broker Name"),
        .required("i", "queueId", "Queue Id"),
        .required("o", "offset", "Queue Offset"),
    ]

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        let offset = try options.integer("o", or: 0, within: 0...Int64.max)
        let queue = try await QueueReading.queue(
            options.required("t"), broker: options.required("b"), id: options.integer("i", or: 0), context)
        let pulled = try await context.admin.pull(from: queue, offset: offset, maxCount: 1)
        if let message = pulled.messages.first { try await MessageDisplay.show(message, context) }
    }
}
