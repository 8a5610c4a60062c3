import RMQCommon
import RMQRemoting
import RMQStore

/// Codes 14, 15, 30, 31 (on the loop), 29, 32, 43 and 45 (elsewhere): positions in queues.
enum OffsetRequests {
    static func query(_ command: RemotingCommand, _ caller: ClientCaller) throws -> Reply {
        let header = try command.header(QueryConsumerOffsetHeader.self)
        let broker = caller.broker
        if let offset = broker.offsets.existing(group: header.consumerGroup, topic: header.topic)?[header.queueId], offset >= 0 {
            return .response(.success, header: OffsetResponseHeader(offset: offset))
        }
        guard startsAtZero(topic: header.topic, queueId: header.queueId, broker.store) else {
            throw Refusal(.queryNotFound, "Not found, V3_0_6_SNAPSHOT maybe this group consumer boot first")
        }
        return .response(.success, header: OffsetResponseHeader(offset: 0))
    }

    /// A new group starts at 0 on a queue whose first message is still close enough to be in memory.
    private static func startsAtZero(topic: String, queueId: Int32, _ store: MessageStore) -> Bool {
        guard let queue = store.queue(topic: topic, queueId: queueId) else { return true }
        guard queue.minOffset <= 0 else { return false }
        return !store.isFarBehind(queue, offset: 0)
    }

    static func update(_ command: RemotingCommand, _ caller: ClientCaller) throws -> Reply {
        let header = try command.header(UpdateConsumerOffsetHeader.self)
        // Of topics and queues that are not there, too: a consumer may be told of them before this broker is.
        guard header.topic.utf8.count <= ClientLimit.topicBytesOfOffsets, ClientLimit.allows(group: header.consumerGroup),
            let progress = caller.broker.offsets.progress(group: header.consumerGroup, topic: header.topic),
            progress.commit(header.commitOffset, queueId: header.queueId)
        else {
            let (group, topic) = (header.consumerGroup.prefix(bytes: 64), header.topic.prefix(bytes: 64))
            throw Refusal(.systemError, "no offset can be kept for group \(group) in queue \(header.queueId) of topic[\(topic)]")
        }
        return .response(.success)
    }

    static func maximum(_ command: RemotingCommand, _ caller: ClientCaller) throws -> Reply {
        let header = try command.header(QueueHeader.self)
        return .response(.success, header: OffsetResponseHeader(offset: caller.broker.store.maxOffset(topic: header.topic, queueId: header.queueId)))
    }

    static func minimum(_ command: RemotingCommand, _ caller: ClientCaller) throws -> Reply {
        let header = try command.header(QueueHeader.self)
        return .response(.success, header: OffsetResponseHeader(offset: caller.broker.store.minOffset(topic: header.topic, queueId: header.queueId)))
    }

    // MARK: Elsewhere than on the loop: they may read from the disk

    static func search(_ command: RemotingCommand, _ broker: BrokerState) throws -> Reply {
        let header = try command.header(SearchOffsetHeader.self)
        let offset = broker.store.offset(topic: header.topic, queueId: header.queueId, at: header.timestamp)
        return .response(.success, header: OffsetResponseHeader(offset: offset))
    }

    static func earliestStoreTime(_ command: RemotingCommand, _ broker: BrokerState) throws -> Reply {
        let header = try command.header(QueueHeader.self)
        let time = broker.store.earliestStoreTimestamp(topic: header.topic, queueId: header.queueId)
        return .response(.success, header: StoreTimeResponseHeader(timestamp: time ?? -1))
    }

    static func allConsumerOffsets(_ command: RemotingCommand, _ broker: BrokerState) throws -> Reply {
        .response(.success, body: broker.offsets.file.body)
    }

    static func allDelayOffsets(_ command: RemotingCommand, _ broker: BrokerState) throws -> Reply {
        .response(.success, body: broker.store.delayOffsetsForReplica.json.bytes(.fastjson))
    }
}
