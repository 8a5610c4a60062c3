import RMQClient
import RMQCommon

/// `queryMsgByUniqueKey`: a message by the id that its producer gave it, and what became of it; or its delivery to one client.
struct QueryMessageByUniqueKeyCommand: AdminCommand {
    let name = "queryMsgByUniqueKey"
    let summary = "Query Message by Unique key"
    let label = "QueryMsgByUniqueKeySubCommand"
    let example = "mqadmin queryMsgByUniqueKey -n 127.0.0.1:9876 -t Orders -i 7F0000010A1C2A139A5E4F1B2C3D0000"
    let options: [CommandOption] = [
        .required("i", "msgId", "Message Id"),
        CommandOption("g", "consumerGroup", "consumer group name"),
        CommandOption("d", "clientId", "The consumer's client id"),
        .required("t", "topic", "The topic of msg"),
        .flag("a", "showAll", "Print all message, the limit is 32"),
    ]

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        let id = options.required("i")
        let topic = options.required("t")
        if let group = options["g"], let client = options["d"] {
            let message = try await message(id, topic, context)
            return try await MessageDisplay.deliver(message, message.offsetMessageId, to: client, of: group, context)
        }
        let messages = try await context.search(topic) { try await context.admin.messages(topic: topic, uniqueId: id) }
        // With -a the reference means all of them too, but its client forgets all but the first.
        for (number, message) in messages.prefix(options.has("a") ? 32 : 1).enumerated() {
            try await MessageDisplay.show(message, number: number, withOffsetId: false, context)
        }
    }

    /// The id may be an offset id as well. It is looked for as a unique id first: read as an offset id, one would name an address that
    /// nobody meant.
    private func message(_ id: String, _ topic: String, _ context: CommandContext) async throws -> StoredMessage {
        do {
            return try await context.search(topic) { try await context.admin.messages(topic: topic, uniqueId: id) }[0]
        } catch {
            guard let message = try? await context.admin.message(id: id) else { throw error }
            return message
        }
    }
}
