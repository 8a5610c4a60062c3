import RMQCommon

/// How any number of messages is cut into what can be sent as one request each. A value: it sends nothing.
struct MessageBatches: Sendable {
    /// Most bytes of a batch's body: a broker stores each message with up to four times as many bytes as the batch has for a small one, and
    /// takes no more than 4 MiB in all. The reference's example splits at the same size.
    static let mostBytes = 1_000_000
    /// Most messages of a batch: the answer names each.
    static let mostMessages = 1_024

    /// Places in the list of messages, in their order. One alone is sent as an ordinary message.
    private(set) var batches: [[Int]] = []

    /// Messages of one topic that wait for the store alike, in their order, as few batches as hold them. What cannot be in a batch
    /// (delayed messages, replies, those for retry topics) goes alone.
    /// - Parameter maxBytes: the producer's limit, which may be less than that of a batch.
    init(_ messages: [Message], maxBytes: Int) {
        struct Key: Hashable {
            let topic: ByteText
            let waitsForStore: Bool
        }
        var open: [Key: (batch: Int, bytes: Int)] = [:]
        let limit = min(maxBytes, Self.mostBytes)
        for (index, message) in messages.enumerated() {
            guard Self.mayJoin(message) else {
                batches.append([index])
                continue
            }
            let key = Key(topic: ByteText(message.topic), waitsForStore: message.waitsForStore)
            let size = Self.byteCount(message)
            if let (batch, bytes) = open[key], bytes + size <= limit, batches[batch].count < Self.mostMessages {
                batches[batch].append(index)
                open[key] = (batch, bytes + size)
            } else {
                open[key] = (batches.count, size)
                batches.append([index])
            }
        }
    }

    private static func mayJoin(_ message: Message) -> Bool {
        message.delayLevel == 0 && !RetryTopic.isRetry(message.topic) && !message.isReply
    }

    /// Of its entry in the batch's body, with the id that it is yet to get.
    private static func byteCount(_ message: Message) -> Int {
        let idBytes = message.uniqueId == nil ? PropertyName.uniqueKey.utf8.count + 2 + 56 : 0
        let properties = message.properties.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count + 2 }
        return BatchBody.fixedByteCount + message.body.count + properties + idBytes
    }
}

extension Producer {
    /// Sends any number of messages, of any topics, in as few requests as possible, one after the other.
    ///
    /// Messages of one topic are put together up to a megabyte, in the order in which they are given; those that cannot be part of a batch
    /// (delayed ones, replies) go alone. Each batch goes to the next queue of its topic and is stored as a whole or not at all.
    ///
    /// ```swift
    /// let results = try await producer.send(contentsOf: lines.map { Message(topic: "Audit", text: $0) })
    /// ```
    /// - Parameter timeout: of each request; nil takes the configured one.
    /// - Returns: a result for each message, in the order in which they were given.
    /// - Throws: `invalidMessage` and the like when one of the messages breaks a rule: nothing was sent then. When a request fails, its
    ///   error, whose ``ClientError/partialResults`` tell which messages were stored; what comes behind it is not sent.
    @discardableResult
    public func send(
        contentsOf messages: some Sequence<Message> & Sendable, timeout: Duration? = nil
    ) async throws(ClientError) -> [SendResult] {
        let messages = Array(messages)
        for message in messages { try Validation.check(message, maxBytes: configuration.maxMessageBytes) }
        var results = [SendResult?](repeating: nil, count: messages.count)
        for batch in MessageBatches(messages, maxBytes: configuration.maxMessageBytes).batches {
            do throws(ClientError) {
                let members = batch.map { messages[$0] }
                let sent = members.count == 1 ? try await send(members[0], timeout: timeout) : try await send(batch: members, timeout: timeout)
                for (index, member) in zip(batch, sent.members(batch.count)) { results[index] = member }
            } catch {
                guard results.contains(where: { $0 != nil }) else { throw error }
                var error = error
                error.partialResults = results
                throw error
            }
        }
        return results.compactMap { $0 }
    }
}

extension SendResult {
    /// Of each message of a batch: they stand next to each other in one queue.
    func members(_ count: Int) -> [SendResult] {
        let (ids, places) = (messageIds, offsetMessageIds)
        return (0..<count).map { index in
            SendResult(
                status: status, messageIds: index < ids.count ? [ids[index]] : [], offsetMessageIds: index < places.count ? [places[index]] : [],
                queue: queue, queueOffset: queueOffset &+ Int64(index))
        }
    }
}
