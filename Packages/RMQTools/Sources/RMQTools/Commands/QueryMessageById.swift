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
                try await deliver(message, id, to: client, of: group, context)
            } else if options.truth("s", or: false) {
                try await resend(message, id, context)
            } else {
                try await show(message, context)
            }
        }
    }

    // MARK: Showing

    private func show(_ message: StoredMessage, _ context: CommandContext) async throws(AdminError) {
        let path = context.bodyFolder + "/" + Self.fileName(of: message)
        do throws(SystemFailure) {
            try FileSystem.makeDirectories(context.bodyFolder)
            try SmallFile.replace(path, with: message.body)
        } catch {
            throw .notFound("the body cannot be written to \(path): \(error)")
        }
        context.print(Self.render(message, bodyPath: path, time: context.time))
        do throws(AdminError) {
            context.print(Self.render(try await context.cluster.tracks(of: message)))
        } catch {
            context.note(error)
        }
    }

    /// The unique id where it is safe as a file name (a sender may write anything there), else the offset id.
    static func fileName(of message: StoredMessage) -> String {
        let id = message.messageId
        let isSafe = !id.isEmpty && id.utf8.count <= 128 && id.utf8.allSatisfy { byte in
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte & 0xDF)
        }
        return isSafe ? id : message.offsetMessageId
    }

    static func render(_ message: StoredMessage, bodyPath: String, time: LocalTime) -> String {
        let lines: [(String, String)] = [
            ("OffsetID:", message.offsetMessageId), ("Topic:", message.topic), ("Tags:", "[\(message.tags ?? "null")]"),
            ("Keys:", "[\(message.properties[PropertyName.keys] ?? "null")]"), ("Queue ID:", "\(message.queueId)"),
            ("Queue Offset:", "\(message.queueOffset)"), ("CommitLog Offset:", "\(message.physicalOffset)"),
            ("Reconsume Times:", "\(message.reconsumeTimes)"), ("Born Timestamp:", time.milliseconds(message.bornTimestamp)),
            ("Store Timestamp:", time.milliseconds(message.storeTimestamp)), ("Born Host:", "\(message.bornHost)"),
            ("Store Host:", "\(message.storeHost)"), ("System Flag:", "\(message.systemFlag.rawValue)"),
            ("Properties:", ObjectText.properties(message.properties)), ("Message Body Path:", bodyPath),
        ]
        return lines.map { Columns.left($0.0, 20) + " " + $0.1 + "\n" }.joined()
    }

    static func render(_ tracks: [MessageTrack]) -> String {
        "\n\n" + (tracks.isEmpty ? "WARN: No Consumer" : tracks.map(\.text).joined())
    }

    // MARK: Delivering and resending

    private func deliver(
        _ message: StoredMessage, _ id: String, to client: String, of group: String, _ context: CommandContext
    ) async throws(AdminError) {
        let request = RemotingCommand(.consumeMessageDirectly, ["consumerGroup": group, "clientId": client, "msgId": id])
        let answer = try await context.cluster.askBroker("\(message.storeHost)", request, timeout: ClusterAccess.timeout * 3)
        let result = try answer.json("the result of the delivery")
        func text(_ name: String) -> String { result[name]?.asString ?? "null" }
        context.print(
            "ConsumeMessageDirectlyResult [order=\(text("order")), autoCommit=\(text("autoCommit")), "
                + "consumeResult=\(text("consumeResult")), remark=\(text("remark")), spentTimeMills=\(text("spentTimeMills"))]")
    }

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
