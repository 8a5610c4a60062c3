import RMQCommon
import RMQRemoting

/// What a producer is asked about one half message: code 39.
struct TransactionQuestion {
    private let group: String
    private var message: StoredMessage

    /// Nil when the half message does not say who sent it or where it is to go.
    /// - Parameters:
    ///   - record: that of `half`.
    ///   - copy: as which it is stored once more.
    init?(_ half: HalfMessage, _ record: UnsafeRawBufferPointer, storedAs copy: OwnedMessage) {
        guard let group = half.producerGroup, let topic = half.realTopic, topic.count <= MessageRecord.topicByteLimit, let queueId = half.realQueueId,
            let (message, _) = try? MessageRecord.decode(record, decompressing: false)
        else { return nil }
        self.group = String(decoding: group, as: UTF8.self)
        self.message = message
        self.message.topic = String(decoding: topic, as: UTF8.self)
        self.message.queueId = queueId
        self.message.properties = MessageProperties(decoding: copy.properties)
    }

    /// Asks one producer of the group, and another if that one is gone.
    /// - Parameters:
    ///   - queueOffset: where the half message is stored now, by which the producer answers.
    ///   - physicalOffset: the same in the log.
    /// - Returns: false when there is none.
    func ask(_ queueOffset: Int64, at physicalOffset: Int64, _ broker: BrokerState) -> Bool {
        let command = command(queueOffset, physicalOffset, broker)
        let producers = broker.clients.producers.inTurn(of: group).prefix(Self.mostProducers)
        guard !producers.isEmpty else {
            broker.transactions.logger.debug("no producer of group \(group) is there to be asked about half message \(queueOffset)")
            return false
        }
        Self.send(command, to: producers, broker.transactions.logger)
        return true
    }

    /// As many are tried until the next round.
    private static let mostProducers = 4

    private static func send(_ command: RemotingCommand, to producers: ArraySlice<ClientChannel>, _ logger: Logger) {
        guard let producer = producers.first else { return }
        producer.connection.sendOneway(command) { failure in
            guard let failure else { return }
            logger.info("producer \(producer.clientId) is not asked about its transaction: \(failure)")
            send(command, to: producers.dropFirst(), logger)
        }
    }

    private func command(_ queueOffset: Int64, _ physicalOffset: Int64, _ broker: BrokerState) -> RemotingCommand {
        var message = message
        message.queueOffset = queueOffset
        message.physicalOffset = physicalOffset
        message.storeHost = broker.storeHost
        let uniqueId = message.properties[PropertyName.uniqueKey]
        let header = CheckTransactionHeader {
            $0.halfQueueOffset = queueOffset
            $0.halfPhysicalOffset = physicalOffset
            $0.messageId = uniqueId
            $0.transactionId = uniqueId
            $0.offsetMessageId = message.offsetMessageId
        }
        return RemotingCommand(.checkTransactionState, header: header, body: MessageRecord.encode(message))
    }
}
