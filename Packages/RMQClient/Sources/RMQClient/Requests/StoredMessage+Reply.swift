public import RMQCommon

extension StoredMessage {
    /// The answer to a request, for any producer to send.
    ///
    /// ```swift
    /// try await consumer.run { request in
    ///     try await producer.send(request.reply(text: price(of: request.text)))
    ///     return .success
    /// }
    /// ```
    ///
    /// It goes to the client that asked, and to no consumer. That `send` fails with the broker's words when the client is not there any more;
    /// one that does not wait any more drops the answer without a word.
    /// - Throws: `notARequest` when the message does not say who waits for an answer.
    public func reply(body: some Sequence<UInt8>) throws(ClientError) -> Message {
        func property(_ name: String) throws(ClientError) -> String {
            guard let value = properties[name] else {
                throw ClientError(.notARequest, "message \(messageId) cannot be replied to: it has no property \(name), which a request gets from its sender or its broker")
            }
            return value
        }
        var reply = Message(topic: SystemTopic.reply(cluster: try property(PropertyName.cluster)), body: Array(body))
        reply.properties[PropertyName.messageType] = Message.replyType
        for name in [PropertyName.correlationId, PropertyName.replyToClient] { reply.properties[name] = try property(name) }
        reply.properties[PropertyName.timeToLive] = properties[PropertyName.timeToLive]
        return reply
    }

    /// The answer to a request, as UTF-8.
    /// - Throws: as ``reply(body:)``.
    public func reply(text: String) throws(ClientError) -> Message { try reply(body: text.utf8) }
}

extension Message {
    /// What `MSG_TYPE` says in a reply.
    static let replyType = "reply"

    /// Whether it goes to the one client that asked, and not to consumers.
    var isReply: Bool { properties[PropertyName.messageType].isExactly(Self.replyType) }
}
