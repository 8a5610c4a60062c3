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

    func run(_ options: ParsedOptions, in context: CommandContext) async throws(AdminError) {
        for id in options.required("i").split(separator: ",").map({ Columns.trimmed(String($0)) }) {
            let message = try await context.cluster.message(id: id)
            if let group = options["g"], let client = options["d"] {
                try await MessageDisplay.deliver(message, id, to: client, of: group, context)
            } else if options.truth("s", or: false) {
                try await resend(message, id, context)
            } else {
                try await MessageDisplay.show(message, context)
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
        guard let place = OffsetMessageId(id) else { throw Self.noMessage }
        let address = place.storeHost.description
        let request = RemotingCommand(.viewMessageById, header: ViewMessageHeader(offset: place.physicalOffset))
        guard let message = try Self.messages(await askBroker(address, request), from: address).first else { throw Self.noMessage }
        return message
    }

    private static let noMessage = AdminError.refused(
        code: ResponseCode.noMessage.rawValue, remark: "query message by id finished, but no message.", broker: nil)
}
