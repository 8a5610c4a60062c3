import RMQCommon
import RMQRemoting
import Synchronization

extension PushConsumer {
    /// How long a broker holds a pull that finds nothing.
    private static let suspend = Duration.seconds(15)
    private static let pullTimeout = Duration.seconds(30)
    /// Handlers that are still at work must not overwrite an offset that the broker corrected.
    private static let correctionDelay = Duration.seconds(10)
    private static let brokerFlowControlDelay = Duration.milliseconds(20)

    /// Pulls from one queue until it is dropped or the task is cancelled.
    func pullLoop(_ assigned: AssignedQueue) async {
        var offset = assigned.startOffset
        var brokerId: Int64 = 0
        while !assigned.isDropped, !Task.isCancelled {
            await assigned.waitForRoom(configuration.cache)
            assigned.loopMoves()
            guard let subscription = subscription(to: assigned.queue.topic) else {
                // The next rebalance drops the queue, unless the subscription comes back before.
                try? await Task.sleep(for: configuration.errorDelay)
                continue
            }
            let committed = offsetPath == nil ? offsets[assigned.queue] : nil
            let request = QueuePull(
                group: group, queue: assigned.queue, offset: offset, maxCount: configuration.pullBatchSize, filter: subscription.filter,
                subscriptionVersion: subscription.version, committed: committed.flatMap { $0 > 0 ? $0 : nil }, suspend: Self.suspend,
                carriesExpression: false)
            do {
                let result = try await core.pull(request, preferring: brokerId, timeout: Self.pullTimeout)
                brokerId = result.suggestedBrokerId
                offset = result.nextOffset
                switch result.status {
                case .found:
                    deliver(result.messages, from: assigned)
                    if configuration.pullInterval > .zero { try? await Task.sleep(for: configuration.pullInterval) }
                case .noNewMessage, .noMatchedMessage:
                    assigned.skip(to: offset, moving: offsets)
                case .offsetIllegal:
                    core.logger.warning("offset \(request.offset) of \(assigned.queue) is outside the queue; going on at \(offset)")
                    assigned.drop()
                    commands.yield(.correct(assigned, offset: offset))
                }
            } catch where error.responseCode == .flowControl {
                try? await Task.sleep(for: Self.brokerFlowControlDelay)
            } catch where error.code == .cancelled || error.code == .closed {
                return
            } catch where error.responseCode == .subscriptionNotExist || error.responseCode == .subscriptionNotLatest {
                // The broker was restarted, or the change of a subscription has not reached it yet.
                await core.sendHeartbeats()
                try? await Task.sleep(for: configuration.errorDelay)
            } catch {
                if error.isConnectionFailure { await core.refreshRouteAfterFailure(of: assigned.queue.topic) }
                core.logger.warning("pull from \(assigned.queue) by group \(group) failed, next try in \(configuration.errorDelay): \(error)")
                try? await Task.sleep(for: configuration.errorDelay)
            }
        }
    }

    private func deliver(_ messages: [StoredMessage], from assigned: AssignedQueue) {
        let retryTopic = RetryTopic.name(group)
        let deliveries = assigned.cache(messages).map { message in
            var message = message
            // A message that came back from a failed attempt is shown under the topic it was sent to.
            if message.topic.isExactly(retryTopic), let original = message.properties[PropertyName.retryTopic] { message.topic = original }
            return Delivery(message: core.namespace.unwrap(message), queue: assigned, attempt: 0, consumer: self)
        }
        if !deliveries.isEmpty { inbox.put(deliveries) }
    }

    /// Stores the offset that a broker corrected, and lets the next rebalance take the queue again from there.
    func correct(_ assigned: AssignedQueue, to offset: Int64) async {
        guard (try? await Task.sleep(for: Self.correctionDelay)) != nil else { return }
        // The queue may have gone to another member meanwhile, who corrects the offset for itself.
        guard state.withLock({ $0.assigned[assigned.queue] === assigned }) else { return }
        offsets.reset(assigned.queue, to: offset)
        await persistOffsets(of: [assigned.queue])
        state.withLock { state in
            if state.assigned[assigned.queue] === assigned { state.assigned[assigned.queue] = nil }
        }
        wakeRebalance()
    }
}
