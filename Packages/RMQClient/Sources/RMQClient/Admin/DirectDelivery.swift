import RMQCommon
import RMQRemoting

/// How one consumer fared with a message that it was handed directly. What the consumer did not say is nil.
public struct DirectDelivery: Sendable {
    /// Whether the consumer takes messages in order.
    public var isOrdered: Bool?
    /// Whether its offsets move without its doing.
    public var commitsAutomatically: Bool?
    /// In the reference's words: `CR_SUCCESS`, `CR_LATER`, `CR_ROLLBACK`, `CR_COMMIT`, `CR_THROW_EXCEPTION`, `CR_RETURN_NULL`.
    public var result: String?
    /// What the consumer adds, such as the text of an exception.
    public var remark: String?
    /// How long its handler ran; whole milliseconds.
    public var elapsed: Duration?
}

extension Admin {
    /// Has one connected consumer take a message at once. No offset changes.
    ///
    /// - Parameters:
    ///   - id: the offset id of the message, by which the broker finds it.
    ///   - clientId: as in ``consumerConnection(group:topic:)``.
    ///   - address: the broker that holds the message and to which the client is connected.
    /// - Throws: `refused` when the client is not connected or does not answer the broker.
    public func deliver(
        _ id: String, to clientId: String, of group: String, at address: String
    ) async throws(ClientError) -> DirectDelivery {
        let fields: HeaderFields = ["consumerGroup": known(group), "clientId": clientId, "msgId": id]
        let command = RemotingCommand(code: RequestCode.consumeMessageDirectly.rawValue, fields: fields, body: [])
        let answer = try await askObject(address, command, "the result of the delivery", limit: timeout * 3)
        return DirectDelivery(
            isOrdered: answer["order"]?.asBool, commitsAutomatically: answer["autoCommit"]?.asBool,
            result: answer["consumeResult"]?.asString, remark: answer["remark"]?.asString,
            elapsed: answer["spentTimeMills"]?.asInt64.map { .milliseconds($0) })
    }
}
