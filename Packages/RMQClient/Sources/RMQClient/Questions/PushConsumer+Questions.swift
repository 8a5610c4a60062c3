import RMQCommon
import RMQRemoting
import Synchronization

extension PushConsumer: ConsumerMember {
    func isSubscribed(to topic: String) -> Bool { subscription(to: topic) != nil }

    func knownOffsets(of topic: String) -> [MessageQueue: Int64] {
        advanceOffsets()
        return offsets.all.filter { $0.key.topic.isExactly(topic) }
    }

    /// Settings under the reference's names, by which tools show them, and the queues.
    var runningInfo: ConsumerRunningInfo {
        let queues = runningQueues
        let isOrdered = isOrdered
        return ConsumerRunningInfo {
            $0.properties["PROP_CONSUMEORDERLY"] = "\(isOrdered)"
            $0.properties["PROP_THREADPOOL_CORE_SIZE"] = "\(configuration.maxConcurrency)"
            $0.properties["consumeThreadMin"] = "\(configuration.maxConcurrency)"
            $0.properties["consumeThreadMax"] = "\(configuration.maxConcurrency)"
            $0.properties["pullBatchSize"] = "\(configuration.pullBatchSize)"
            $0.properties["pullInterval"] = "\(configuration.pullInterval.milliseconds)"
            $0.properties["pullThresholdForQueue"] = "\(configuration.cache.messagesPerQueue)"
            $0.properties["pullThresholdSizeForQueue"] = "\(configuration.cache.bytesPerQueue >> 20)"
            $0.properties["pullThresholdForTopic"] = "\(configuration.cache.messagesPerTopic ?? -1)"
            $0.properties["pullThresholdSizeForTopic"] = "\(configuration.cache.bytesPerTopic.map { $0 >> 20 } ?? -1)"
            $0.properties["consumeConcurrentlyMaxSpan"] = "\(configuration.cache.maxOffsetSpan)"
            $0.properties["consumeMessageBatchMaxSize"] = "\(configuration.batchSize)"
            $0.properties["maxReconsumeTimes"] = "\(configuration.maxRedeliveries ?? -1)"
            $0.properties["consumeTimeout"] = "\(configuration.consumeTimeout.milliseconds / 60_000)"
            $0.properties["suspendCurrentQueueTimeMillis"] = "\(configuration.orderedSuspendInterval.milliseconds)"
            $0.properties["allocateMessageQueueStrategy"] = configuration.allocation.name
            $0.queues = queues.mapValues { ConsumerRunningInfo.Queue($0) }
        }
    }
}

extension ConsumerRunningInfo.Queue {
    fileprivate init(_ report: QueueReport) {
        self.init {
            $0.commitOffset = report.commitOffset ?? -1
            $0.cachedMinOffset = report.offsets?.lowerBound ?? 0
            $0.cachedMaxOffset = report.offsets?.upperBound ?? 0
            $0.cachedCount = Int64(report.count)
            $0.cachedMebibytes = Int64(report.byteCount >> 20)
            $0.isLocked = report.isLocked
            $0.unlockTries = Int64(report.unlockTries)
            $0.lastLockTime = report.lastLock
            $0.isDropped = report.isDropped
            $0.lastPullTime = report.lastPull
            $0.lastConsumeTime = report.lastHandOut
        }
    }
}
