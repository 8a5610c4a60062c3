import RMQCommon
import RMQRemoting

/// `queryMsgById`: a message by its offset id, and what became of it; or its delivery to one client; or its resending.
struct QueryMessageByIdCommand: AdminCommand {
    let name = "queryMsgById"
    let summary = "Query Message by Id"
    let label = "QueryMsgByIdSubCommand"
    let options: [CommandOption] = [
        .required("i", "msgId", "Message Id"),
        CommandOption("g", "consumerGroup", "consumer group name"),
        CommandOption("d", "clientId", "The consumer's client id"),
        CommandOption("s", "sendMessage", "resend message"),
        CommandOption("u", "unitName", "unit name"),
    ]

    func run(_ options: CommandOptions, in context: CommandContext) async throws(AdminError) {
        let ids = options.required("i").split(ascii: ",").map(\.trimmedOfSpace).filter { !$0.isEmpty }
        if let group = options["g"], let client = options["d"] {
            await each(ids, context) { id, message throws(AdminError) in
                try await MessageDisplay.deliver(message, id, to: client, of: group, context)
            }
        } else if options.truth("s", or: false) {
            await each(ids, context) { id, message throws(AdminError) in try await resend(message, id, context) }
        } else {
            for id in ids { try await MessageDisplay.show(context.cluster.message(id: id), context) }
        }
    }

    /// Does something with each message; one that fails does not keep the others from it.
    private func each(
        _ ids: [String], _ context: CommandContext, _ body: (String, StoredMessage) async throws(AdminError) -> Void
    ) async {
        for id in ids {
            do throws(AdminError) {
                try await body(id, context.cluster.message(id: id))
            } catch {
                context.note(error)
            }
        }
    }

    // MARK: Resending

    private func resend(_ message: StoredMessage, _ id: String, _ context: CommandContext) async throws(AdminError) {
        context.print("prepare resend msg. originalMsgId=\(id)")
        let sent = try await context.sender.send(
            message.message, to: nil, group: "ReSendMsgById", nameServers: context.cluster.nameServers)
        context.print(Self.render(sent))
    }

    static func render(_ sent: SentMessage) -> String {
        "SendResult [sendStatus=\(sent.status), msgId=\(sent.messageId), offsetMsgId=\(sent.offsetMessageId), "
            + "messageQueue=\(sent.queue), queueOffset=\(sent.offset)]"
    }
}

extension ClusterAccess {
    /// The message that an offset id points to, from the broker whose address is in the id.
    func message(id: String) async throws(AdminError) -> StoredMessage {
        guard let place = OffsetMessageId(id) else { throw .noMessage(id: id) }
        let address = place.storeHost.description
        let request = RemotingCommand(.viewMessageById, header: ViewMessageHeader(offset: place.physicalOffset))
        guard let message = try Self.messages(await askBroker(address, request), from: address).first else {
            throw .unreadable("\(address) answered without the message at \(place.physicalOffset)")
        }
        return message
    }
}
