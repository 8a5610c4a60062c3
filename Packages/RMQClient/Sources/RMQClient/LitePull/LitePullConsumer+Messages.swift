public import RMQCommon

extension LitePullConsumer {
    /// The messages as a sequence, which ends when the consumer is closed or the task is cancelled.
    ///
    /// It polls: a message counts as consumed when the batch after its own is fetched. What a loop leaves of a batch is polled again.
    ///
    /// ```swift
    /// for try await message in consumer.messages { await record(message) }
    /// ```
    public var messages: Messages { Messages(consumer: self) }

    /// What `messages` gives.
    public struct Messages: AsyncSequence, Sendable {
        let consumer: LitePullConsumer

        /// Takes messages for one loop.
        public struct Iterator: AsyncIteratorProtocol {
            let consumer: LitePullConsumer
            private let inHand: BatchInHand

            init(consumer: LitePullConsumer) {
                self.consumer = consumer
                inHand = BatchInHand(board: consumer.board)
            }

            /// The next message; nil when the consumer is closed or the task is cancelled.
            /// - Throws: `notSubscribed`.
            public mutating func next(isolation: isolated (any Actor)?) async throws(ClientError) -> StoredMessage? {
                while true {
                    if let message = inHand.next() { return consumer.core.namespace.unwrap(message) }
                    do throws(ClientError) {
                        // A loop that never waits would keep a thread busy.
                        inHand.batch = try await consumer.pollBatch(timeout: Swift.max(consumer.configuration.pollTimeout, .seconds(1)))
                    } catch where error.code == .closed || error.code == .cancelled {
                        return nil
                    }
                }
            }

            public mutating func next() async throws(ClientError) -> StoredMessage? { try await next(isolation: nil) }
        }

        public func makeAsyncIterator() -> Iterator { Iterator(consumer: consumer) }
    }

    /// The batch that a loop is in. When the loop is left, what it has not come to goes back.
    private final class BatchInHand {
        private let board: LitePullBoard
        private var index = 0
        var batch: LitePullState.Batch? {
            didSet { index = 0 }
        }

        init(board: LitePullBoard) { self.board = board }

        deinit {
            if let batch { board.change { $0.putBack(batch, from: index) } }
        }

        func next() -> StoredMessage? {
            guard let batch, index < batch.messages.count else { return nil }
            defer { index += 1 }
            return batch.messages[index]
        }
    }
}
