import RMQClient
import RMQCommon

/// The messages that come to a topic, round by round: where a reader is in each queue.
///
/// Queues come and go with the route, which is looked up again now and then. A broker that fails is told once, and asked again now and then: its
/// messages follow when it is back.
struct TopicTail {
    let topic: String
    let filter: SubscriptionFilter
    let group: String
    /// When the reading began, in milliseconds since 1970: what is older in queues that turn up later is not wanted.
    let beganAt: Int64

    private struct Position {
        var next: Int64
        /// Older messages are skipped, in milliseconds since 1970.
        var since: Int64 = 0
    }

    private var positions: [MessageQueue: Position] = [:]
    /// Brokers and queues that failed when they were asked last.
    private var failing: Set<ByteText> = []
    /// When brokers that did not answer are asked again, in milliseconds since 1970.
    private var askAgainAt: [ByteText: Int64] = [:]
    private var routeIsDueAt: Int64

    /// A new queue is seen this much later at most.
    private static let routeInterval: Int64 = 30_000
    /// How long a broker that did not answer is left alone: each question to it keeps the messages of the others waiting.
    private static let silenceInterval: Int64 = 5_000
    /// Bytes of the messages to begin with, so that large ones cannot fill the memory.
    private static let mostBytes = 64 * 1024 * 1024

    init(topic: String, filter: SubscriptionFilter, group: String, beganAt: Int64) {
        self.topic = topic
        self.filter = filter
        self.group = group
        self.beganAt = beganAt
        routeIsDueAt = beganAt + Self.routeInterval
    }

    // MARK: The beginning

    /// Takes its place at the end of every queue.
    /// - Returns: of the `count` latest messages of each queue those that pass the filter, the latest `count` of them, oldest first; fewer, which is
    ///   told, where they are too large together.
    /// - Throws: when the topic is not there, cannot be read, or no broker of it answers.
    mutating func begin(last count: Int, _ context: CommandContext) async throws -> [StoredMessage] {
        let queues = try QueueReading.queues(of: topic, try await context.admin.routeData(of: topic)).sorted()
        var latest = LatestMessages(count: count, bytes: Self.mostBytes)
        var firstFailure: ClientError?
        for queue in queues where !isSilent(queue.brokerName, context) {
            do throws(ClientError) {
                let end = try await context.admin.maxOffset(of: queue)
                positions[queue] = Position(next: max(0, max(0, end) - Int64(count)))
                while let next = positions[queue]?.next, next < end {
                    latest.add(try await advance(queue, context))
                    guard let after = positions[queue]?.next, after > next else { break }
                }
            } catch {
                firstFailure = firstFailure ?? error
                tell(error, about: queue, context)
                positions[queue] = nil
                routeIsDueAt = beganAt   // the queue is found again with the route
            }
        }
        if positions.isEmpty, let firstFailure { throw firstFailure }
        let messages = latest.take()
        if latest.isCut {
            context.note(CommandFailure.failed("of the latest messages only \(messages.count) are shown: more would be over \(Self.mostBytes >> 20) MB"))
        }
        return messages
    }

    // MARK: A round

    /// What came to each queue since the last round, oldest first. What fails is told, not thrown.
    mutating func round(_ context: CommandContext) async -> [StoredMessage] {
        if context.now() >= routeIsDueAt { await lookUpQueues(context) }
        var found: [StoredMessage] = []
        for queue in positions.keys.sorted() where !isSilent(queue.brokerName, context) {
            do throws(ClientError) {
                found += try await advance(queue, context)
                failing.remove(queue.brokerName)
                failing.remove(queue.description)
            } catch {
                tell(error, about: queue, context)
            }
        }
        return LatestMessages.inOrder(found)
    }

    /// Reads on in one queue. A message that cannot be read is told and passed over.
    private mutating func advance(_ queue: MessageQueue, _ context: CommandContext) async throws(ClientError) -> [StoredMessage] {
        guard let position = positions[queue] else { return [] }
        guard let pulled = try await QueueReading.pullReadable(queue, from: position.next, filter: filter, group: group, context) else {
            positions[queue]?.next &+= 1
            return []
        }
        // A broker that found messages leads on; one whose queue ends before may lead back.
        let behindFound = (pulled.messages.last?.queueOffset ?? -1) &+ 1
        positions[queue]?.next = max(0, behindFound, pulled.nextOffset)
        return pulled.messages.filter { $0.storeTimestamp >= position.since && filter.accepts(tag: $0.tags) }
    }

    /// Queues that are new are read from when this reading began; those that are gone are left. Without a route all stays as it is.
    private mutating func lookUpQueues(_ context: CommandContext) async {
        routeIsDueAt = context.now() + Self.routeInterval
        guard let route = try? await context.admin.routeData(of: topic), let queues = try? QueueReading.queues(of: topic, route) else { return }
        let current = Set(queues)
        positions = positions.filter { current.contains($0.key) }
        for queue in queues.sorted() where positions[queue] == nil && !isSilent(queue.brokerName, context) {
            do throws(ClientError) {
                let offset = try await context.admin.searchOffset(of: queue, at: beganAt)
                positions[queue] = Position(next: max(0, offset), since: beganAt)
            } catch {
                tell(error, about: queue, context)
            }
        }
        if queues.contains(where: { positions[$0] == nil }) { routeIsDueAt = context.now() + Self.silenceInterval }
    }

    // MARK: Failures

    private mutating func tell(_ error: ClientError, about queue: MessageQueue, _ context: CommandContext) {
        guard error.code != .cancelled else { return }
        if error.isSilence { askAgainAt[queue.brokerName] = context.now() + Self.silenceInterval }
        let subject = error.isSilence ? queue.brokerName : queue.description
        if failing.insert(subject).inserted { context.note(error) }
    }

    private func isSilent(_ broker: String, _ context: CommandContext) -> Bool {
        askAgainAt[ByteText(broker)].map { context.now() < $0 } ?? false
    }
}

extension ClientError {
    /// Whether the whole broker does not answer, not only for one queue.
    fileprivate var isSilence: Bool { code == .connectionFailed || code == .connectionLost || code == .timedOut }
}
