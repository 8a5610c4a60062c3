import RMQClient
import RMQCommon

/// `queryMsgById`: a message by its offset id, and what became of it; or its delivery to one client; or its resending.
struct QueryMessageByIdCommand: AdminCommand {
    let name = "queryMsgById"
    let summary = "Query Message by Id"
    let label = "QueryMsgByIdSubCommand"
    let example = "mqadmin queryMsgById -n 127.0.0.1:9876 -i 7F00000100002A9F0000000000000000"
    let options: [CommandOption] = [
        .required("i", "msgId", "Message Id"),
        CommandOption("g", "consumerGroup", "consumer group name"),
        CommandOption("d", "clientId", "The consumer's client id"),
        CommandOption("s", "sendMessage", "resend message"),
        CommandOption("u", "unitName", "unit name"),
    ]

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        let ids = options.required("i").split(ascii: ",").map(\.trimmedOfSpace).filter { !$0.isEmpty }
        if let group = options["g"], let client = options["d"] {
            await each(ids, context) { id, message in
                try await MessageDisplay.deliver(message, id, to: client, of: group, context)
            }
        } else if options.truth("s", or: false) {
            try await context.withProducer(ProducerSettings(group: "ReSendMsgById", unitName: options["u"])) { producer in
                await each(ids, context) { id, message in try await resend(message, id, producer, context) }
            }
        } else {
            for id in ids { try await MessageDisplay.show(context.message(offsetId: id), context) }
        }
    }

    /// Does something with each message; one that fails does not keep the others from it.
    private func each(
        _ ids: [String], _ context: CommandContext, _ body: (String, StoredMessage) async throws -> Void
    ) async {
        for id in ids {
            do {
                try await body(id, context.message(offsetId: id))
            } catch {
                context.note(error)
            }
        }
    }

    // MARK: Resending

    private func resend(_ message: StoredMessage, _ id: String, _ producer: any OpenProducer, _ context: CommandContext) async throws {
        context.printHeading("prepare resend msg. originalMsgId=\(id)")
        let sent = try await producer.send(Self.copy(of: message), to: .anyQueue).result.get()
        var facts = sent.facts
        facts.append("originalMsgId", .string(id))
        context.show(.object(facts), text: sent.referenceText)
    }

    /// The message with its own id, without what a broker wrote about its way: a producer may not send that.
    static func copy(of stored: StoredMessage) -> Message {
        var message = stored.message
        let ownNames = [PropertyName.keys, PropertyName.tags, PropertyName.waitStoreMessage, PropertyName.delayLevel, PropertyName.uniqueKey]
        for name in PropertyName.reserved.map(\.text) where !ownNames.containsExactly(name) { message.properties[name] = nil }
        return message
    }
}

extension CommandContext {
    /// The message that an offset id points to.
    func message(offsetId id: String) async throws -> StoredMessage {
        do {
            return try await admin.message(id: id)
        } catch where error.code == .invalidName {
            throw CommandFailure.noMessage(id: id)
        }
    }
}
