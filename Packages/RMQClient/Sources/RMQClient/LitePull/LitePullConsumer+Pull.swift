import RMQCommon
import RMQRemoting

extension LitePullConsumer {
    /// How long a broker holds a pull that finds nothing.
    private static let suspend = Duration.seconds(20)
    private static let pullTimeout = Duration.seconds(30)
    private static let brokerFlowControlDelay = Duration.milliseconds(20)
    /// Pause before it is asked again where a queue begins.
    private static let startDelay = Duration.seconds(3)

    /// Shares out queues, pulls and stores offsets until it is cancelled.
    func runBackground() async {
        core.logger.info("lite pull consumer of group \(group) started as \(core.clientId)")
        await withDiscardingTaskGroup { tasks in
            tasks.addTask { for await _ in self.rebalanceWishes { await self.rebalance() } }
            tasks.addTask { await every(self.configuration.rebalanceInterval) { self.wakeRebalance() } }
            tasks.addTask { await every(self.configuration.offsetPersistenceInterval) { await self.offsets.persist() } }
            for await pull in pulls { tasks.addTask { await self.run(pull) } }
            tasks.cancelAll()
        }
    }

    /// Pulls from a queue until it is given up. A pull that a broker holds is not waited for then.
    private func run(_ pull: Pull) async {
        await withDiscardingTaskGroup { tasks in
            tasks.addTask { await self.pullLoop(pull) }
            await board.untilReleased(pull.holder)
            tasks.cancelAll()
        }
    }

    private func pullLoop(_ pull: Pull) async {
        guard var offset = await start(of: pull) else { return }
        let counts = core.statistics.counts(topic: pull.queue.topic, group: group)
        var brokerId: Int64 = 0
        while await board.mayPull(pull.holder) {
            guard let subscription = filter(for: pull.queue.topic) else {
                // The next rebalance gives the queue up, unless the subscription comes back before.
                try? await Task.sleep(for: configuration.errorDelay)
                continue
            }
            do throws(ClientError) {
                let reader = try await core.reader(of: pull.queue, preferring: brokerId)
                try core.checkVersion(of: reader.address, for: subscription.filter)
                let receiver = QueueReceiver(consumer: self, pull: pull, counts: counts, subscription: subscription)
                let first = request(pull.queue, at: offset, subscription)
                let burst = PullBurst(core, for: receiver, first, at: reader, brokerId: brokerId, timeout: Self.pullTimeout)
                let end: PullBurst.End
                (end, offset) = await burst.run()
                switch end {
                case .stopped: break
                case .failed(let error): throw error
                case .answer(let result, let elapsed):
                    brokerId = result.suggestedBrokerId
                    if result.status == .offsetIllegal {
                        core.logger.warning("offset \(offset) of \(pull.queue) is outside the queue; group \(group) goes on at \(result.nextOffset)")
                    }
                    offset = result.nextOffset
                    for (index, error) in result.unreadable {
                        core.logger.warning("message \(result.messages[index].messageId) is handed over as it is stored: \(error)")
                    }
                    receiver.take(result, elapsed: elapsed)
                }
            } catch where error.code == .cancelled || error.code == .closed {
                return
            } catch {
                await rest(after: error, pull.queue)
            }
        }
    }

    /// One queue, as long as it is pulled in the same way.
    private struct QueueReceiver: PullReceiver {
        let consumer: LitePullConsumer
        let pull: Pull
        let counts: ConsumptionCounts
        let subscription: PushConsumer.Subscription

        /// Offsets move by polls and commits alone.
        func beginPull() -> Int64? { nil }

        func mayPull(beside coming: ComingMessages?) -> Bool {
            guard consumer.board.change({ $0.mayPull(pull.holder, beside: coming) }) == true, let wanted = consumer.filter(for: pull.queue.topic)
            else { return false }
            return wanted.version == subscription.version && wanted.filter == subscription.filter
        }

        func take(_ result: PullResult, elapsed: Duration, behindFlushOf loop: EventLoop? = nil) {
            guard !result.messages.isEmpty else { return consumer.board.change { $0.skip(pull.holder, to: result.nextOffset) } }
            counts.countPull(result.messages.count, elapsed: elapsed)
            consumer.board.change { $0.add(result.messages, from: pull.holder, next: result.nextOffset) }
        }
    }

    /// - Returns: nil when the queue was given up meanwhile.
    private func start(of pull: Pull) async -> Int64? {
        if let start = pull.start { return start }
        while board.change({ $0.isHeld(by: pull.holder) }), !Task.isCancelled {
            do throws(ClientError) {
                // The group's offset stays where it is until something is committed.
                let start = try await offsets.start(of: pull.queue, from: configuration.start, isKept: false)
                board.change { $0.begin(pull.holder, at: start) }
                return start
            } catch where error.code == .cancelled || error.code == .closed {
                return nil
            } catch {
                core.logger.warning("no start offset for \(pull.queue) of group \(group), next try in \(Self.startDelay): \(error)")
                try? await Task.sleep(for: Self.startDelay)
            }
        }
        return nil
    }

    /// The filter travels with each pull, so that no broker has to have heard of it before.
    private func request(_ queue: MessageQueue, at offset: Int64, _ subscription: PushConsumer.Subscription) -> QueuePull {
        QueuePull(
            group: group, queue: queue, offset: offset, maxCount: configuration.pullBatchSize, filter: subscription.filter,
            subscriptionVersion: subscription.filter.isByTag ? 0 : subscription.version, committed: nil, suspend: Self.suspend,
            carriesExpression: true, isLite: true)
    }

    private func rest(after error: ClientError, _ queue: MessageQueue) async {
        if error.responseCode == .flowControl {
            try? await Task.sleep(for: Self.brokerFlowControlDelay)
            return
        }
        if error.isConnectionFailure { await core.refreshRouteAfterFailure(of: queue.topic) }
        core.logger.warning("pull from \(queue) by group \(group) failed, next try in \(configuration.errorDelay): \(error)")
        try? await Task.sleep(for: configuration.errorDelay)
    }

    // MARK: Sharing out

    /// Brings the queues held into line with what this member should have.
    func rebalance() async {
        guard mode == .subscribing else { return }
        for topic in subscriptions.topics where !Task.isCancelled {
            let mine = await core.share(of: topic, group: group, isBroadcasting: offsets.isLocal, allocation: configuration.allocation)
            guard let mine else { continue }
            await assigning.run {
                // It may have been unsubscribed from meanwhile.
                guard subscriptions[topic] != nil else { return }
                let held = board.change { $0.queues }.filter { $0.topic.isExactly(topic) }
                let plan = RebalancePlan(held: held, mine: mine)
                await giveUp(plan.dropped)
                take(plan.added)
                if !plan.isEmpty { core.logger.info("group \(group) now has \(mine.count) queues of \(topic)") }
            }
        }
    }

    /// Begins to pull from queues that are not held.
    func take(_ queues: [MessageQueue]) {
        guard !queues.isEmpty, isRunning else { return }
        pull(board.change { state in queues.compactMap { queue in state.hold(queue).map { (queue: queue, holder: $0) } } })
        announceAssignment()
    }

    /// Ends the pulling from queues, and stores what counts of them before another member begins with it.
    func giveUp(_ queues: [MessageQueue]) async {
        guard !queues.isEmpty else { return }
        let counted = board.change { state in
            queues.reduce(into: [MessageQueue: Int64]()) { counted, queue in counted[queue] = state.release(queue)?.counted }
        }
        if configuration.autoCommitInterval != nil { moveOffsets(to: counted) }
        announceAssignment()
        // In a task of its own: also when this consumer is just being closed.
        await Task { _ = await self.offsets.persist(of: queues, thenForget: true) }.value
    }

    /// A topic that does not exist yet is no error: its queues appear with a later refresh.
    func findRoutes() async {
        for topic in subscriptions.topics {
            do {
                try await core.refreshRoute(of: topic)
            } catch where error.code == .routeNotFound {
                core.logger.debug("no route of \(topic) yet: \(error)")
            } catch {
                return core.warn(of: error, "no routes for group \(group) yet: \(error)")
            }
        }
    }
}
