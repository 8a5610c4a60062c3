public import RMQCommon
import Synchronization

/// Producers and consumers that never leave the process: for tests of code that depends on ``MessageProducer`` and ``MessageConsumer``.
///
/// ```swift
/// let messaging = InMemoryMessaging()
/// let shop = Shop(producer: messaging.producer())
/// try await shop.order("coffee")
/// #expect(messaging.sent(to: "Orders").map(\.text) == ["coffee"])
/// ```
///
/// Every group gets every message of its topics once, those that were sent before it subscribed as well, in the order in which they were sent. A message
/// whose handler throws comes again behind what is waiting, and is a dead letter after `maxRedeliveries`. Nothing is delayed.
public final class InMemoryMessaging: Sendable {
    private struct Group {
        /// The tags that are wanted by topic; nil wants all.
        var subscriptions: [ByteText: Set<ByteText>?] = [:]
        /// What waits for a member.
        var waiting: [StoredMessage] = []
        var inHand = 0
        var deadLetters: [StoredMessage] = []
        /// Of its members that consume.
        var members: [ObjectIdentifier: AsyncStream<Void>.Continuation] = [:]

        func wants(_ message: StoredMessage) -> Bool {
            guard let tags = subscriptions[message.topic] else { return false }
            return tags.map { tags in message.tags.map { tags.contains($0) } ?? false } ?? true
        }
    }

    private struct State {
        var stored: [StoredMessage] = []
        var groups: [ByteText: Group] = [:]
    }

    private let state = Mutex(State())
    private let maxRedeliveries: Int32

    /// - Parameter maxRedeliveries: how often a message comes again before it is a dead letter.
    public init(maxRedeliveries: Int = 16) { self.maxRedeliveries = Int32(clamping: maxRedeliveries) }

    /// A producer.
    public func producer() -> some MessageProducer { InMemoryProducer(messaging: self) }

    /// A member of a group.
    public func consumer(group: String) -> some MessageConsumer { InMemoryConsumer(group: group, messaging: self) }

    // MARK: What a test looks at

    /// What was sent to a topic, in the order in which it was sent.
    public func sent(to topic: String) -> [StoredMessage] { state.withLock { $0.stored.filter { $0.topic.isExactly(topic) } } }

    /// What a group failed to handle too often.
    public func deadLetters(of group: String) -> [StoredMessage] { state.withLock { $0.groups[group]?.deadLetters ?? [] } }

    /// Waits until every group that consumes has handled all that was sent.
    /// - Returns: false when that was not so within `limit`, or the task was cancelled.
    public func settled(within limit: Duration = .seconds(10)) async -> Bool {
        let deadline = MonotonicInstant.now + limit
        while !isSettled {
            guard MonotonicInstant.now < deadline, (try? await Task.sleep(for: .milliseconds(1))) != nil else { return isSettled }
        }
        return true
    }

    private var isSettled: Bool {
        state.withLock { $0.groups.values.allSatisfy { $0.members.isEmpty || $0.waiting.isEmpty && $0.inHand == 0 } }
    }

    // MARK: What producers and consumers do

    fileprivate func store(_ message: Message) throws(ClientError) -> String {
        try Validation.check(message, maxBytes: .max)
        var properties = message.properties
        let id = properties[PropertyName.uniqueKey] ?? UniqueId.make()
        properties[PropertyName.uniqueKey] = id
        let now = WallClock.nowMilliseconds()
        let stored = StoredMessage(
            topic: message.topic, body: message.body, properties: properties, brokerName: "memory", flag: message.flag, bornTimestamp: now,
            storeTimestamp: now)
        wake(state.withLock { state in
            var stored = stored
            stored.queueOffset = Int64(state.stored.count { $0.topic.isExactly(message.topic) })
            state.stored.append(stored)
            var woken: [AsyncStream<Void>.Continuation] = []
            for (name, group) in state.groups where group.wants(stored) {
                state.groups[name]?.waiting.append(stored)
                woken += group.members.values
            }
            return woken
        })
        return id
    }

    fileprivate func subscribe(_ group: String, to topic: String, tags: [String]?) {
        wake(state.withLock { state in
            let isNew = state.groups[group]?.subscriptions[topic] == nil
            state.groups[group, default: Group()].subscriptions[ByteText(topic)] = .some(tags.map { Set(texts: $0) })
            guard isNew, let known = state.groups[group] else { return [] }
            state.groups[group]?.waiting += state.stored.filter { $0.topic.isExactly(topic) && known.wants($0) }
            return Array(known.members.values)
        })
    }

    fileprivate func join(_ group: String, _ member: ObjectIdentifier, _ wakes: AsyncStream<Void>.Continuation) {
        state.withLock { $0.groups[group, default: Group()].members[member] = wakes }
        wakes.yield()
    }

    /// What waits for the group is for its other members.
    fileprivate func leave(_ group: String, _ member: ObjectIdentifier) {
        wake(state.withLock { state in
            state.groups[group]?.members[member] = nil
            return state.groups[group].map { Array($0.members.values) } ?? []
        })
    }

    fileprivate func take(_ group: String) -> StoredMessage? {
        state.withLock { state in
            guard state.groups[group]?.waiting.isEmpty == false else { return nil }
            state.groups[group]?.inHand += 1
            return state.groups[group]?.waiting.removeFirst()
        }
    }

    fileprivate func settle(_ group: String, _ message: StoredMessage, isHandled: Bool) {
        state.withLock { state in
            state.groups[group]?.inHand -= 1
            guard !isHandled else { return }
            var again = message
            again.reconsumeTimes += 1
            if again.reconsumeTimes > maxRedeliveries {
                state.groups[group]?.deadLetters.append(message)
            } else {
                state.groups[group]?.waiting.append(again)
            }
        }
    }

    private func wake(_ members: [AsyncStream<Void>.Continuation]) {
        for member in members { member.yield() }
    }
}

private struct InMemoryProducer: MessageProducer {
    let messaging: InMemoryMessaging

    func publish(_ message: Message) async throws -> String { try messaging.store(message) }
}

private final class InMemoryConsumer: MessageConsumer {
    private let group: String
    private let messaging: InMemoryMessaging
    private let wakes: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation
    private enum Life { case new, consuming, stopped }
    private let life = Mutex(Life.new)

    init(group: String, messaging: InMemoryMessaging) {
        self.group = group
        self.messaging = messaging
        (wakes, wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    func subscribe(to topic: String, tags: [String]?) async throws {
        try Validation.checkTopic(topic)
        messaging.subscribe(group, to: topic, tags: tags)
    }

    func consume(_ handler: @escaping @Sendable (StoredMessage) async throws -> Void) async throws {
        try life.withLock { life throws(ClientError) in
            switch life {
            case .new: life = .consuming
            case .consuming: throw ClientError(.alreadyRunning, "this consumer of group \(group) consumes already")
            case .stopped: throw ClientError(.closed, "this consumer of group \(group) was stopped")
            }
        }
        messaging.join(group, ObjectIdentifier(self), wake)
        defer { messaging.leave(group, ObjectIdentifier(self)) }
        for await _ in wakes {
            while isConsuming, let message = messaging.take(group) {
                do {
                    try await handler(message)
                    messaging.settle(group, message, isHandled: true)
                } catch {
                    messaging.settle(group, message, isHandled: false)
                }
            }
        }
    }

    private var isConsuming: Bool { life.withLock { $0 == .consuming } && !Task.isCancelled }

    func stop() async {
        life.withLock { $0 = .stopped }
        wake.finish()
    }
}
