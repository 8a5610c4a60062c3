import RMQClient
import RMQCommon

/// `queryMsgByKey`: where the messages with a key are.
struct QueryMessageByKeyCommand: AdminCommand {
    let name = "queryMsgByKey"
    let summary = "Query Message by Key"
    let label = "QueryMsgByKeySubCommand"
    let example = "mqadmin queryMsgByKey -n 127.0.0.1:9876 -t Orders -k order-4711"
    let options: [CommandOption] = [
        .required("t", "topic", "topic name"),
        .required("k", "msgKey", "Message Key"),
    ]

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        let topic = options.required("t")
        let messages = try await context.search(topic) { try await context.admin.messages(topic: topic, key: options.required("k")) }
        // Broker by broker, as the reference asks them.
        let brokers = Dictionary(grouping: messages, by: \.storeHost).sorted { ByteText($0.key.description) < ByteText($1.key.description) }
        let sorted = brokers.flatMap(\.value)
        context.show(.array(sorted.map { .object($0.facts(text: nil)) }), text: Self.render(sorted))
    }

    static func render(_ messages: [StoredMessage]) -> String {
        let rows = messages.map { ($0.messageId, "\($0.queueId)", "\($0.queueOffset)") }
        return ([("#Message ID", "#QID", "#Offset")] + rows).map { id, queue, offset in
            "\(Columns.left(id, 50)) \(Columns.right(queue, 4)) \(Columns.right(offset, 40))\n"
        }.joined()
    }
}

extension CommandContext {
    /// What a search in a topic finds, at least one message. What a broker refuses counts as nothing found, as at the reference.
    func search(_ topic: String, _ body: () async throws -> [StoredMessage]) async throws -> [StoredMessage] {
        var found: [StoredMessage] = []
        do {
            found = try await body()
        } catch let error as ClientError where error.code == .routeNotFound {
            throw CommandFailure.coded(.topicNotExist, remark: "The topic[\(topic)] not matched route info")
        } catch let error as ClientError where error.code == .refused {
            guard case .broker? = error.server else { throw error }
        }
        guard !found.isEmpty else { throw CommandFailure.coded(.noMessage, remark: "query message by key finished, but no message.") }
        return found
    }
}
