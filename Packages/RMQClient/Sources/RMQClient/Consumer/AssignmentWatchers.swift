import RMQCommon

/// Those who watch which queues a consumer holds.
///
/// A value: the consumer that owns it guards it with its lock, so that all see the changes in their order.
struct AssignmentWatchers: Sendable {
    typealias Watcher = AsyncStream<Set<MessageQueue>>.Continuation

    private var watchers: [UInt64: Watcher] = [:]
    private var lastId: UInt64 = 0

    /// - Returns: by what it is removed.
    mutating func add(_ watcher: Watcher) -> UInt64 {
        lastId += 1
        watchers[lastId] = watcher
        return lastId
    }

    mutating func remove(_ id: UInt64) { watchers[id] = nil }

    var isEmpty: Bool { watchers.isEmpty }

    func tell(_ assignment: @autoclosure () -> Set<MessageQueue>) {
        guard !isEmpty else { return }
        let assignment = assignment()
        for watcher in watchers.values { watcher.yield(assignment) }
    }

    /// All of them, to be finished outside of the consumer's lock: a stream that ends calls back to be removed.
    mutating func takeAll() -> [Watcher] {
        defer { watchers = [:] }
        return Array(watchers.values)
    }

    /// A stream for one more watcher, who sees the last state alone when it is slow.
    /// - Parameters:
    ///   - join: tells the present assignment and adds the watcher; nil when the consumer is closed.
    ///   - leave: removes it.
    static func stream(
        _ join: (Watcher) -> UInt64?, leave: @escaping @Sendable (UInt64) -> Void
    ) -> AsyncStream<Set<MessageQueue>> {
        let (stream, watcher) = AsyncStream.makeStream(of: Set<MessageQueue>.self, bufferingPolicy: .bufferingNewest(1))
        if let id = join(watcher) { watcher.onTermination = { _ in leave(id) } } else { watcher.finish() }
        return stream
    }
}
