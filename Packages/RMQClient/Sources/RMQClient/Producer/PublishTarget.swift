import RMQCommon
import RMQRemoting

/// A queue as one producer sends to it: its broker's address and connection, and the requests as far as they are the same for all
/// messages. Holds for as long as the route does.
final class PublishTarget: Sendable {
    let queue: MessageQueue
    /// The same as the application knows it.
    let shownQueue: MessageQueue
    /// The master, `host:port`.
    let address: String
    /// Nil where requests do not travel over the network of the client.
    let peer: RemotingPeer?
    /// Whether another broker has a queue of the topic, too.
    let hasAlternative: Bool
    private let single: SendTemplate
    private let batch: SendTemplate
    private let reply: SendTemplate

    init(
        _ queue: MessageQueue, at address: String, hasAlternative: Bool, of producer: String, _ configuration: ProducerConfiguration,
        _ core: ClientCore
    ) {
        self.queue = queue
        shownQueue = core.namespace.unwrap(queue)
        self.address = address
        self.hasAlternative = hasAlternative
        peer = core.peer(address)
        var header = SendMessageHeader {
            $0.producerGroup = producer
            $0.topic = queue.topic
            $0.defaultTopic = configuration.automaticTopicTemplate
            $0.defaultTopicQueueCount = configuration.automaticTopicQueueCount
            $0.queueId = queue.queueId
            $0.brokerName = queue.brokerName
        }
        let hasShortNames = core.configuration.usesShortSendHeader
        single = SendTemplate(hasShortNames ? .sendMessageV2 : .sendMessage, header)
        reply = SendTemplate(hasShortNames ? .sendReplyMessageV2 : .sendReplyMessage, header)
        header.isBatch = true
        batch = SendTemplate(.sendBatchMessage, header)
    }

    func template(for kind: OutgoingMessage.Kind) -> SendTemplate {
        switch kind {
        case .single: single
        case .batch: batch
        case .reply: reply
        }
    }
}
