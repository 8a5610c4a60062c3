/// A queue whose turn it is.
struct QueueDraw: Sendable {
    /// Nil until the queue is used for the first time.
    let target: PublishTarget?
    /// Among the queues of the topic.
    let place: Int
    /// That of the routes it was drawn by.
    let version: Int
    /// The queue, where there is no target yet.
    let unresolved: MessageQueue?
    /// Its master, where there is no target yet; nil while it has none.
    let address: String?
    /// Whether another broker has a queue, too.
    let hasAlternative: Bool

    var queue: MessageQueue { target?.queue ?? unresolved! }
}

extension QueueDraw {
    /// A queue that was used before.
    init(_ target: PublishTarget) {
        self.init(target: target, place: 0, version: -1, unresolved: nil, address: nil, hasAlternative: target.hasAlternative)
    }
}
