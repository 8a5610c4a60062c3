import RMQCommon
import RMQRemoting

/// A message, or a batch, as it will be written: with its ids, and compressed where that pays.
struct OutgoingMessage: Sendable {
    /// Which request it travels in.
    enum Kind: Sendable { case single, batch, reply }

    let topic: String
    let kind: Kind
    let body: [UInt8]
    let flag: Int32
    var systemFlag: SystemFlag
    let properties: String
    let ids: [String]
    let bornTimestamp: Int64

    /// - Parameter threshold: bodies of at least this many bytes are compressed; nil compresses none.
    init(_ message: Message, threshold: Int?, level: Int32) {
        var properties = message.properties
        // A message that already has an id keeps it: it is the same message, sent again.
        let id = properties[PropertyName.uniqueKey] ?? UniqueId.make()
        properties[PropertyName.uniqueKey] = id
        var body = message.body
        var systemFlag: SystemFlag = []
        // What does not get smaller travels as it is.
        if let threshold, body.count >= threshold, let smaller = try? Zlib.compress(body, level: level), smaller.count < body.count {
            body = smaller
            systemFlag.insert(.compressed)
        }
        topic = message.topic
        self.body = body
        flag = message.flag
        self.systemFlag = systemFlag
        self.properties = properties.text
        kind = message.isReply ? .reply : .single
        ids = [id]
        bornTimestamp = WallClock.nowMilliseconds()
    }

    /// - Parameter messages: at least one; all of one topic.
    init(batch messages: [Message]) throws(ClientError) {
        var members = messages
        var ids: [String] = []
        for index in members.indices {
            let id = members[index].properties[PropertyName.uniqueKey] ?? UniqueId.make()
            members[index].properties[PropertyName.uniqueKey] = id
            ids.append(id)
        }
        do {
            body = try BatchBody.encode(members)
        } catch {
            throw ClientError(.invalidMessage, "the batch cannot be encoded: \(error)")
        }
        topic = messages[0].topic
        flag = 0
        systemFlag = []
        var properties = MessageProperties()
        if !messages[0].waitsForStore { properties[PropertyName.waitStoreMessage] = "false" }
        self.properties = properties.text
        kind = .batch
        self.ids = ids
        bornTimestamp = WallClock.nowMilliseconds()
    }

    var isBatch: Bool { kind == .batch }

    func command(group: String, queue: MessageQueue, configuration: ProducerConfiguration, shortNames: Bool) -> RemotingCommand {
        let header = SendMessageHeader {
            $0.producerGroup = group
            $0.topic = topic
            $0.defaultTopic = configuration.automaticTopicTemplate
            $0.defaultTopicQueueCount = configuration.automaticTopicQueueCount
            $0.queueId = queue.queueId
            $0.systemFlag = systemFlag.rawValue
            $0.bornTimestamp = bornTimestamp
            $0.flag = flag
            $0.properties = properties
            $0.isBatch = isBatch
            $0.brokerName = queue.brokerName
        }
        if isBatch { return RemotingCommand(.sendBatchMessage, header: SendMessageHeaderV2(header), body: body) }
        if shortNames {
            return RemotingCommand(kind == .reply ? .sendReplyMessageV2 : .sendMessageV2, header: SendMessageHeaderV2(header), body: body)
        }
        return RemotingCommand(kind == .reply ? .sendReplyMessage : .sendMessage, header: header, body: body)
    }
}
