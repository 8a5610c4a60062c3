import RMQCommon
import RMQRemoting

/// `queryMsgByKey`: where the messages with a key are.
struct QueryMessageByKeyCommand: AdminCommand {
    let name = "queryMsgByKey"
    let summary = "Query Message by Key"
    let label = "QueryMsgByKeySubCommand"
    let options: [CommandOption] = [
        .required("t", "topic", "topic name"),
        .required("k", "msgKey", "Message Key"),
    ]

    func run(_ options: CommandOptions, in context: CommandContext) async throws(AdminError) {
        let key = options.required("k")
        let header = QueryMessageHeader {
            $0.topic = options.required("t")
            $0.key = key
            $0.maxCount = 64
        }
        let messages = try await context.cluster.messages(header) { $0.keys.containsExactly(key) }
        context.print(Self.render(messages))
    }

    static func render(_ messages: [StoredMessage]) -> String {
        let rows = messages.map { ($0.messageId, "\($0.queueId)", "\($0.queueOffset)") }
        return ([("#Message ID", "#QID", "#Offset")] + rows).map { id, queue, offset in
            "\(Columns.left(id, 50)) \(Columns.right(queue, 4)) \(Columns.right(offset, 40))\n"
        }.joined()
    }
}
