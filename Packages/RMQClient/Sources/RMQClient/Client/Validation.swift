import RMQCommon

/// The rules that are checked before anything is sent.
enum Validation {
    enum Role {
        case producer, consumer
        var defaultGroup: String { self == .producer ? SystemGroup.defaultProducer : SystemGroup.defaultConsumer }
    }

    static func checkGroup(_ group: String, role: Role? = nil) throws(ClientError) {
        do {
            _ = try GroupName(group)
        } catch {
            throw ClientError(.invalidName, "group \"\(group)\": \(error)")
        }
        if let role, group.isExactly(role.defaultGroup) {
            throw ClientError(.invalidName, "group \(group) is the reference's placeholder; choose a name of your own")
        }
    }

    static func checkTopic(_ topic: String) throws(ClientError) {
        do {
            _ = try TopicName(topic)
        } catch {
            throw ClientError(.invalidName, "topic \"\(topic)\": \(error)")
        }
    }

    /// Reserved names that an application sets through the members of `Message`.
    private static let settableNames = Set<ByteText>(texts: [
        PropertyName.keys, PropertyName.tags, PropertyName.waitStoreMessage, PropertyName.delayLevel, PropertyName.uniqueKey,
    ])

    /// What ``RMQCommon/StoredMessage/reply(body:)`` sets, beside those.
    private static let replyNames = Set<ByteText>(texts: [
        PropertyName.messageType, PropertyName.correlationId, PropertyName.replyToClient, PropertyName.timeToLive,
    ])

    /// Whether messages may be sent to a topic.
    static func checkTarget(_ topic: String) throws(ClientError) {
        try checkTopic(topic)
        guard !SystemTopic.isForbiddenToSend(topic) else {
            throw ClientError(.forbiddenTopic, "applications must not send to \(topic)")
        }
    }

    static func check(_ message: Message, maxBytes: Int) throws(ClientError) {
        try checkTarget(message.topic)
        try checkContent(message, maxBytes: maxBytes)
    }

    /// All rules but those for the topic.
    static func checkContent(_ message: Message, maxBytes: Int) throws(ClientError) {
        guard !message.body.isEmpty else { throw ClientError(.invalidMessage, "the body is empty") }
        guard message.body.count <= maxBytes else {
            throw ClientError(.invalidMessage, "the body has \(message.body.count) bytes, the limit is \(maxBytes)")
        }
        guard !message.properties.isEmpty else { return }
        var encoded = -1
        for (name, value) in message.properties {
            encoded += name.utf8.count + value.utf8.count + 2
            guard !PropertyName.reserved.contains(name) || settableNames.contains(name) || message.isReply && replyNames.contains(name) else {
                throw ClientError(.reservedProperty, "property \(name) belongs to the system; choose another name for your own")
            }
            guard !name.isEmpty, !name.hasSeparator, !value.hasSeparator else {
                throw ClientError(.invalidMessage, "property \"\(name)\" is empty or contains the characters U+0001 or U+0002, which separate properties")
            }
        }
        guard encoded <= MessageProperties.byteLimit else {
            throw ClientError(.invalidMessage, "the properties need \(encoded) bytes, the limit is \(MessageProperties.byteLimit)")
        }
    }

    /// Whether these messages may travel as one batch.
    static func checkBatch(_ messages: [Message], maxBytes: Int) throws(ClientError) {
        guard let first = messages.first else { throw ClientError(.invalidMessage, "the batch is empty") }
        try checkTarget(first.topic)
        let isWaiting = first.waitsForStore
        for message in messages {
            try checkContent(message, maxBytes: maxBytes)
            guard message.topic.isExactly(first.topic) else {
                throw ClientError(.invalidMessage, "a batch has one topic, this one has \(first.topic) and \(message.topic)")
            }
            // A message without properties, as most are, waits and is not delayed.
            let isPlain = message.properties.isEmpty
            guard isPlain ? isWaiting : message.waitsForStore == isWaiting else {
                throw ClientError(.invalidMessage, "messages of a batch must agree on waitsForStore")
            }
            guard isPlain || message.delayLevel == 0 else {
                throw ClientError(.invalidMessage, "a delayed message cannot be in a batch")
            }
        }
        guard !RetryTopic.isRetry(first.topic) else {
            throw ClientError(.invalidMessage, "a batch cannot go to a retry topic")
        }
    }
}

extension String {
    fileprivate var hasSeparator: Bool { utf8.contains { $0 == PropertyText.nameEnd || $0 == PropertyText.pairEnd } }
}
