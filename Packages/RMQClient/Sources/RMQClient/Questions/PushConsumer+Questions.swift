import RMQCommon
import RMQRemoting
import Synchronization

extension PushConsumer: ConsumerMember {
    func isSubscribed(to topic: String) -> Bool { subscription(to: topic) != nil }

    func knownOffsets(of topic: String) -> [MessageQueue: Int64] { offsets.all.filter { $0.key.topic.isExactly(topic) } }

    /// Settings under the reference's names, by which tools show them.
    var runningInfo: ConsumerRunningInfo {
        ConsumerRunningInfo {
            $0.properties["pullBatchSize"] = "\(configuration.pullBatchSize)"
            $0.properties["pullInterval"] = "\(configuration.pullInterval.milliseconds)"
            $0.properties["pullThresholdForQueue"] = "\(configuration.cache.messagesPerQueue)"
            $0.properties["pullThresholdSizeForQueue"] = "\(configuration.cache.bytesPerQueue >> 20)"
            $0.properties["consumeConcurrentlyMaxSpan"] = "\(configuration.cache.maxOffsetSpan)"
            $0.properties["allocateMessageQueueStrategy"] = configuration.allocation.name
            $0.properties["PROP_THREADPOOL_CORE_SIZE"] = "\(configuration.maxConcurrency)"
            for queue in assignment {
                $0.queues[queue] = ConsumerRunningInfo.Queue { $0.commitOffset = offsets[queue] ?? -1 }
            }
        }
    }

    func resetOffsets(to new: [MessageQueue: Int64]) async {
        let held = state.withLock { state in new.keys.compactMap { state.assigned[$0] } }
        for assigned in held { assigned.drop() }
        await withDiscardingTaskGroup { tasks in
            for assigned in held {
                if let offset = new[assigned.queue] { tasks.addTask { await self.correct(assigned, to: offset) } }
            }
        }
    }

    func consumeDirectly(_ message: StoredMessage) async -> ConsumeDirectlyResult? { nil }
}
