import RMQClient
import RMQCommon
import RMQTestSupport
import Synchronization

/// What handlers saw, in the order of arrival.
final class Handled: Sendable {
    private let messages = Mutex<[StoredMessage]>([])
    private let sizes = Mutex<[Int]>([])

    func add(_ batch: [StoredMessage]) {
        messages.withLock { $0 += batch }
        sizes.withLock { $0.append(batch.count) }
    }

    func add(_ message: StoredMessage) { add([message]) }

    var texts: [String] { messages.withLock { $0.map(\.text) } }
    var topics: [String] { messages.withLock { $0.map(\.topic) } }
    var reconsumeTimes: [Int32] { messages.withLock { $0.map(\.reconsumeTimes) } }
    /// How many messages each call had.
    var batchSizes: [Int] { sizes.withLock { $0 } }

    func times(_ text: String) -> Int { texts.count { $0 == text } }
}

/// Texts that several tasks add to.
final class Lines: Sendable {
    private let state = Mutex<[String]>([])
    func add(_ text: String) { state.withLock { $0.append(text) } }
    var texts: [String] { state.withLock { $0 } }
    var count: Int { state.withLock { $0.count } }
}

/// Holds tasks up until it is opened.
final class Barrier: Sendable {
    private let isOpen = Atomic<Bool>(false)
    private let count = Atomic<Int>(0)

    func open() { isOpen.store(true, ordering: .releasing) }

    /// How many tasks have come so far.
    var arrived: Int { count.load(ordering: .acquiring) }

    /// Returns when it is open, whether the task is cancelled or not; a test that forgot to open it ends all the same.
    func pass() async {
        count.wrappingAdd(1, ordering: .acquiringAndReleasing)
        let deadline = MonotonicInstant.now + .generous
        while !isOpen.load(ordering: .acquiring), MonotonicInstant.now < deadline {
            try? await Task.sleep(for: .milliseconds(1))   // not a wait of the test: a handler that is held up
            await Task.yield()
        }
    }
}

/// Waits until the task is cancelled; when that does not happen, until the test has failed for it.
func untilCancelled() async { try? await Task.sleep(for: .generous + .generous) }   // not a wait of the test

extension ConsumerConfiguration {
    /// From the first message on, with intervals that suit a test.
    static func quick(_ adjust: (inout ConsumerConfiguration) -> Void = { _ in }) -> ConsumerConfiguration {
        var configuration = ConsumerConfiguration()
        configuration.start = .first
        configuration.rebalanceInterval = .milliseconds(50)
        configuration.offsetPersistenceInterval = .milliseconds(50)
        configuration.redeliveryDelay = .milliseconds(1)
        configuration.errorDelay = .milliseconds(20)
        configuration.orderedSuspendInterval = .milliseconds(10)
        adjust(&configuration)
        return configuration
    }
}

/// Has a consumer of group `c` take messages of `T` while `body` runs, and closes it whatever happens.
func withConsumer(
    of cluster: FakeCluster, _ configuration: ConsumerConfiguration = .quick(), filter: SubscriptionFilter = .all,
    adjust: (inout RocketMQClient.Configuration) -> Void = { _ in },
    run: @escaping @Sendable (PushConsumer) async throws -> Void, _ body: (PushConsumer) async throws -> Void
) async throws {
    try await cluster.withClient(adjust) { client in
        let consumer = try await client.makePushConsumer(group: "c", configuration)
        try await consumer.subscribe(to: "T", filter)
        let running = Task { try await run(consumer) }
        do {
            try await body(consumer)
        } catch {
            await consumer.close(gracePeriod: .zero)
            throw error
        }
        await consumer.close()
        try await running.value
    }
}
