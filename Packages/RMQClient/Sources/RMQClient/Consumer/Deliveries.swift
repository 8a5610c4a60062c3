public import RMQCommon

extension PushConsumer {
    /// The messages as a sequence; each element is settled by its receiver. At most `maxConcurrency` elements are unsettled
    /// at once. Several tasks may iterate. Leaving the loop does not close the consumer.
    ///
    /// ```swift
    /// for try await delivery in consumer.deliveries {
    ///     if await store(delivery.message) { delivery.acknowledge() } else { delivery.retry() }
    /// }
    /// ```
    public var deliveries: Deliveries { Deliveries(consumer: self) }

    /// The messages as a sequence, each acknowledged when the next one is asked for.
    ///
    /// The one at which a loop is left, by `break` or an error, is not acknowledged: it goes back to the broker after
    /// ``ConsumerConfiguration/consumeTimeout``, or comes to another member when the consumer is closed.
    ///
    /// ```swift
    /// for try await message in consumer.messages {
    ///     try await store(message)
    /// }
    /// ```
    public var messages: Messages { Messages(deliveries: deliveries) }

    /// What `deliveries` gives.
    public struct Deliveries: AsyncSequence, Sendable {
        let consumer: PushConsumer

        /// Takes deliveries for one loop; several may run at once.
        public struct Iterator: AsyncIteratorProtocol {
            let consumer: PushConsumer
            private var hasStarted = false
            /// Where the last one came from, and perhaps the next one.
            private var run: PulledRun?

            init(consumer: PushConsumer) { self.consumer = consumer }

            /// The next message; nil when the consumer is closed or the task is cancelled.
            public mutating func next(isolation: isolated (any Actor)?) async throws(ClientError) -> Delivery? {
                if !hasStarted {
                    try consumer.startDeliveries()
                    hasStarted = true
                }
                guard await consumer.places.acquire() else { return nil }
                if let delivery = await take(isolation: isolation) { return delivery }
                consumer.places.release()
                return nil
            }

            public mutating func next() async throws(ClientError) -> Delivery? { try await next(isolation: nil) }

            private mutating func take(isolation: isolated (any Actor)?) async -> Delivery? {
                while true {
                    if Task.isCancelled {
                        consumer.inbox.callHelp()
                        return nil
                    }
                    if let run, let range = run.claim(atMost: 1) {
                        consumer.inbox.callHelp(beside: run)
                        return traced(delivery(run, range.lowerBound, attempt: 0))
                    }
                    run = nil
                    switch await consumer.inbox.next() {
                    case .run(let next): run = next
                    case .again(let run, let index):
                        consumer.inbox.callHelp()
                        let delivery = delivery(run, index, attempt: run.mark(of: index).attempt)
                        guard run.queue.isDropped else { return traced(delivery) }
                        // Looked at last: when the queue is taken away after that, the delivery is seen to be in hand.
                        _ = run.beginReturn(index, delivery.mark)
                    case nil: return nil
                    }
                }
            }

            private func delivery(_ run: PulledRun, _ index: Int, attempt: Int32) -> Delivery {
                let now = CoarseClock.milliseconds()
                run.queue.handedOut(now: now)
                let mark = run.handOut(index, attempt: attempt, now: now)
                return Delivery(message: run.message(index, attempt: attempt), run: run, index: index, mark: mark, consumer: consumer)
            }

            private func traced(_ delivery: Delivery) -> Delivery {
                var delivery = delivery
                delivery.span = consumer.core.traceConsuming(
                    [delivery.message], group: consumer.group, limit: consumer.configuration.consumeTimeout)
                return delivery
            }
        }

        public func makeAsyncIterator() -> Iterator { Iterator(consumer: consumer) }
    }

    /// What `messages` gives.
    public struct Messages: AsyncSequence, Sendable {
        let deliveries: Deliveries

        /// Takes messages for one loop; several may run at once.
        public struct Iterator: AsyncIteratorProtocol {
            var deliveries: Deliveries.Iterator
            var last: Delivery?

            /// The next message; the one before it is done with. Nil when the consumer is closed or the task is cancelled.
            public mutating func next(isolation: isolated (any Actor)?) async throws(ClientError) -> StoredMessage? {
                last.take()?.acknowledge()
                last = try await deliveries.next(isolation: isolation)
                return last?.message
            }

            public mutating func next() async throws(ClientError) -> StoredMessage? { try await next(isolation: nil) }
        }

        public func makeAsyncIterator() -> Iterator { Iterator(deliveries: deliveries.makeAsyncIterator()) }
    }
}
