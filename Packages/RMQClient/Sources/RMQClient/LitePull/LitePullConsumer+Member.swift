import RMQCommon
import RMQRemoting

extension LitePullConsumer: ConsumerMember {
    var subscribedTopics: [String] {
        mode == .assigned ? Set(board.change { $0.queues }.map { ByteText($0.topic) }).sortedTexts : subscriptions.topics
    }

    /// A consumer that was given queues subscribes to nothing: the others share the topic without it.
    var heartbeat: ConsumerData {
        let subscriptions = subscriptions.data
        return ConsumerData {
            $0.group = group
            $0.consumeType = .actively
            $0.messageModel = offsets.isLocal ? .broadcasting : .clustering
            // Whatever the setting: brokers do not go by it.
            $0.consumeFromWhere = .lastOffset
            $0.subscriptions = subscriptions
        }
    }

    func close(gracePeriod: Duration) async { await close() }

    func knownOffsets(of topic: String) -> [MessageQueue: Int64] { offsets.table.all.filter { $0.key.topic.isExactly(topic) } }

    var runningInfo: ConsumerRunningInfo {
        ConsumerRunningInfo {
            $0.properties["PROP_CONSUMER_START_TIMESTAMP"] = "\(startTime)"
            $0.properties["autoCommit"] = "\(configuration.autoCommitInterval != nil)"
            $0.properties["pullBatchSize"] = "\(configuration.pullBatchSize)"
            $0.properties["pullThresholdForAll"] = "\(configuration.maxCachedMessages)"
            $0.properties["pullThresholdForQueue"] = "\(configuration.cache.messagesPerQueue)"
            $0.properties["pullThresholdSizeForQueue"] = "\(configuration.cache.bytesPerQueue >> 20)"
            $0.properties["consumeMaxSpan"] = "\(configuration.cache.maxOffsetSpan)"
            $0.properties["allocateMessageQueueStrategy"] = configuration.allocation.name
        }
    }

    /// The reference leaves its lite pull consumers where they are, which then store their old offsets again.
    func resetOffsets(to new: [MessageQueue: Int64]) async {
        for (queue, offset) in new {
            guard let (_, holder) = board.change({ $0.seek(queue, to: offset) }) else { continue }
            goOn(queue, holder, at: offset)
        }
        moveOffsets(to: new.filter { assignment.contains($0.key) })
        await offsets.persist(of: Array(new.keys))
    }

    func consumeDirectly(_ message: StoredMessage) async -> ConsumeDirectlyResult? { nil }
}
