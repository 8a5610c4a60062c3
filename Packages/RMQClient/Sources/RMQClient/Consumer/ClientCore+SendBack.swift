import RMQCommon
import RMQRemoting

/// Where messages go that a group failed to consume.
extension ClientCore {
    /// How often a message comes again that concurrent handlers fail on, unless configured otherwise.
    static let usualRedeliveries: Int32 = 16
    private static let sendBackTimeout = Duration.seconds(5)
    /// Brokers that are tried when the one that has the message does not take it back.
    private static let mostResends = 3
    /// The level of the first retry, as brokers count.
    private static let firstDelayLevel = 3

    /// Gives a message back to the broker that has it; to another one when that broker does not take it.
    ///
    /// - Parameters:
    ///   - bodyIsStored: whether the body is as the broker has it, perhaps compressed, and not restored.
    ///   - queue: where it was pulled from, of a message that came again the retry topic's.
    ///   - level: when it comes again: 0 leaves it to the broker, a negative number makes it a dead letter.
    ///   - most: how often it may come again at all.
    func sendBack(
        _ message: StoredMessage, bodyIsStored: Bool = false, pulledFrom queue: MessageQueue, of group: String, level: Int32, atMost most: Int32
    ) async throws(ClientError) {
        let header = SendBackHeader {
            $0.physicalOffset = message.physicalOffset
            $0.group = group
            $0.delayLevel = level
            $0.originMessageId = message.messageId
            $0.originTopic = namespace.wrap(message.topic)
            $0.maxReconsumeTimes = most
            $0.brokerName = queue.brokerName
        }
        do {
            let command = RemotingCommand(.consumerSendMsgBack, header: header)
            _ = try await call(command, at: master(of: queue), timeout: Self.sendBackTimeout)
        } catch where error.code != .cancelled && error.code != .closed {
            logger.warning("message \(message.messageId) of group \(group) goes to its retry topic: its broker did not take it back: \(error)")
            // A message that came as often as it may becomes a dead letter there as well.
            let times = level < 0 ? most : message.reconsumeTimes &+ 1
            try await resend(message, bodyIsStored: bodyIsStored, toRetryTopicOf: group, times: times, atMost: most)
        }
    }

    /// Sends a copy of a message to the group's retry topic, at any broker.
    ///
    /// - Parameters:
    ///   - bodyIsStored: as of ``sendBack(_:bodyIsStored:pulledFrom:of:level:atMost:)``.
    ///   - times: how often it has come in vain. The broker stores it with the dead letters when that is as often as it may.
    ///   - most: how often it may come again at all.
    func resend(
        _ message: StoredMessage, bodyIsStored: Bool = false, toRetryTopicOf group: String, times: Int32, atMost most: Int32
    ) async throws(ClientError) {
        let topic = RetryTopic.name(group)
        let deadline = MonotonicInstant.now + Self.sendBackTimeout
        let queues = try await publishRoute(of: topic, template: SystemTopic.autoCreate, queueCount: 1, deadline: deadline).publishQueues
        var failure = ClientError(.routeNotFound, "no queue of \(topic) takes messages")
        for queue in queues.shuffled().prefix(Self.mostResends) {
            do {
                let command = resending(message, bodyIsStored, to: queue, times: times, atMost: most)
                _ = try await call(command, at: master(of: queue, deadline: deadline), timeout: deadline - .now)
                return
            } catch {
                failure = error
            }
        }
        throw failure
    }

    private func resending(_ message: StoredMessage, _ bodyIsStored: Bool, to queue: MessageQueue, times: Int32, atMost most: Int32) -> RemotingCommand {
        var properties = message.properties
        for name in [PropertyName.transactionPrepared, PropertyName.minOffset, PropertyName.maxOffset] { properties[name] = nil }
        properties[PropertyName.retryTopic] = namespace.wrap(message.topic)
        if properties[PropertyName.originMessageId] == nil { properties[PropertyName.originMessageId] = message.offsetMessageId }
        properties[PropertyName.delayLevel] = String(Self.firstDelayLevel + Int(message.reconsumeTimes))
        let header = SendMessageHeader {
            $0.producerGroup = SystemGroup.innerProducer
            $0.topic = queue.topic
            $0.queueId = queue.queueId
            $0.bornTimestamp = WallClock.nowMilliseconds()
            // Who reads a body next must know how it is compressed.
            $0.systemFlag = bodyIsStored ? message.systemFlag.intersection(.bodyBits).rawValue : 0
            $0.flag = message.flag
            $0.properties = properties.text
            $0.reconsumeTimes = times
            $0.maxReconsumeTimes = most
            $0.brokerName = queue.brokerName
        }
        guard configuration.usesShortSendHeader else { return RemotingCommand(.sendMessage, header: header, body: message.body) }
        return RemotingCommand(.sendMessageV2, header: SendMessageHeaderV2(header), body: message.body)
    }
}

extension SystemFlag {
    /// Whether the body is compressed, and how.
    fileprivate static let bodyBits = SystemFlag(rawValue: 0x701)
}
