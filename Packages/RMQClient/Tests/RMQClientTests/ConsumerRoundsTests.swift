@testable import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Synchronization
import Testing

/// What a rebalance, a pause, a close or a cancellation may lose when they meet: places, locks, tasks.
@Suite(.takesTurns) struct ConsumerRoundsTests {
    private enum Way: CaseIterable { case handlers, batches, ordered, deliveries }
    private enum End: CaseIterable { case close, closeAtOnce, cancel }

    /// One consumer, from its start to its end, while its members, its subscription and its handlers do what they like.
    private final class Round: Sendable {
        let cluster: FakeCluster
        let client: RocketMQClient
        let consumer: PushConsumer
        let way: Way
        let unsettled = Mutex<[Delivery]>([])

        init(_ cluster: FakeCluster, _ client: RocketMQClient, _ consumer: PushConsumer, _ way: Way) {
            (self.cluster, self.client, self.consumer, self.way) = (cluster, client, consumer, way)
        }

        func run(_ random: SeededRandom) async throws {
            let dice = Mutex(random)
            let roll: @Sendable (Int) -> Int = { count in dice.withLock { Int.random(in: 0..<count, using: &$0) } }
            try await consumer.subscribe(to: "T")
            let taking = Task { try await take(roll) }
            for _ in 0..<(1 + roll(4)) { try await disturb(roll) }
            switch End.allCases[roll(3)] {
            // A delivery that nobody settles would keep the consumer for its grace period.
            case .close: await consumer.close(gracePeriod: way == .deliveries ? .zero : .generous)
            case .closeAtOnce: await consumer.close(gracePeriod: .zero)
            case .cancel:
                taking.cancel()
                await consumer.close(gracePeriod: .zero)
            }
            try await taking.value
        }

        private func take(_ roll: @escaping @Sendable (Int) -> Int) async throws(ClientError) {
            do throws(ClientError) {
                switch way {
                case .handlers: try await consumer.run { _ in roll(4) == 0 ? .retry : .success }
                case .batches: try await consumer.runBatches { _ in .acknowledged(roll(3)) }
                case .ordered: try await consumer.runOrdered { _ in roll(4) == 0 ? .suspendQueue : .success }
                case .deliveries:
                    for try await delivery in consumer.deliveries {
                        switch roll(5) {
                        case 0: delivery.retry()
                        case 1: unsettled.withLock { $0.append(delivery) }
                        default: delivery.acknowledge()
                        }
                    }
                }
            } catch where error.code == .closed {
                // It was closed before it began.
            }
        }

        private func disturb(_ roll: @Sendable (Int) -> Int) async throws {
            let id = client.clientId
            switch roll(6) {
            case 0: cluster.state.withLock { $0.members = ["somebody else"] }
            case 1: cluster.state.withLock { $0.members = ["0", id] }
            case 2: cluster.state.withLock { $0.members = [id] }
            case 3:
                consumer.pause()
                await Task.yield()
                consumer.resume()
            case 4:
                await consumer.unsubscribe(from: "T")
                try await consumer.subscribe(to: "T")
            default: consumer.wakeRebalance()
            }
            for _ in 0..<roll(3) {
                let count = cluster.state.withLock { $0.asked.count }
                try await eventually("something was asked") { cluster.state.withLock { $0.asked.count } > count + 3 }
            }
        }
    }

    @Test func nothingIsLostInManyRounds() async throws {
        var random = try SeededRandom.replayable(20)
        try await withFakeCluster(brokers: ["a", "b"], topics: ["T": 3]) { cluster in
            var areFreed: [() -> Bool] = []
            for id in Int32(0)..<3 { cluster.fill("T", queue: id, with: (0..<200).map { "\(id) \($0)" }) }
            try await cluster.withClient { client in
                for number in 0..<100 {
                    cluster.state.withLock { state in
                        (state.members, state.offsets, state.asked) = ([client.clientId], [:], [])
                    }
                    let consumer = try await client.makePushConsumer(group: "g\(number)", .quick { settings in
                        settings.rebalanceInterval = .milliseconds(1 + Int(random.next() % 10))
                        settings.consumeTimeout = .milliseconds(50)
                        settings.maxConcurrency = 1 + Int(random.next() % 4)
                        settings.batchSize = 2
                    })
                    areFreed.append { [weak consumer] in consumer == nil }
                    let way = Way.allCases[number % Way.allCases.count]
                    let round = Round(cluster, client, consumer, way)
                    try await round.run(SeededRandom(seed: random.next()))
                    #expect(cluster.state.withLock { $0.locks.isEmpty }, "round \(number): every lock was given back")
                    for delivery in round.unsettled.withLock({ $0 }) { delivery.acknowledge() }
                    let places = consumer.places
                    let areBack = Atomic<Bool>(false)
                    let draining = Task {
                        await places.drain()
                        areBack.store(!Task.isCancelled, ordering: .releasing)
                    }
                    defer { draining.cancel() }
                    try await eventually("round \(number), \(way): every place is free") { areBack.load(ordering: .acquiring) }
                }
            }
            try await eventually("no consumer is kept by a task") { areFreed.allSatisfy { $0() } }
        }
    }
}
