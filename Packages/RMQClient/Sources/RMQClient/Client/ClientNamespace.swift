import RMQCommon

/// The names of topics and groups at the edge of a client: an application writes them bare, servers know them in the client's namespace.
///
///     application          the edge            servers
///     Orders      ──────►  wrap     ──────►    ns%Orders
///     Orders      ◄──────  unwrap   ◄──────    ns%Orders
///
/// What is public of a role takes bare names and gives bare names; all that is below (routes, offsets, heartbeats, requests) has the
/// names that servers know. Both ways are harmless for a name that has been through already, and for names of the system. Without a
/// namespace every function returns what it got.
struct ClientNamespace: Sendable {
    /// Empty for none.
    let name: String

    init(_ name: String?) { self.name = name ?? "" }

    var isNone: Bool { name.isEmpty }

    // MARK: To servers

    /// The name of a topic or a group as servers know it.
    func wrap(_ bare: String) -> String { isNone ? bare : Namespace.wrap(name, bare) }

    func wrap(_ queue: MessageQueue) -> MessageQueue {
        guard !isNone else { return queue }
        var queue = queue
        queue.topic = wrap(queue.topic)
        return queue
    }

    /// A reply keeps its topic: it goes to one that the broker made for all replies.
    func wrap(_ message: Message) -> Message {
        guard !isNone, !message.properties[PropertyName.messageType].isExactly("reply") else { return message }
        var message = message
        message.topic = wrap(message.topic)
        return message
    }

    /// Says in a message which namespace it comes from, as the reference's producers do: in a reply, too, and only once it has been
    /// checked, for applications must not write that property.
    func stamp(_ message: inout Message) {
        if !isNone { message.properties[PropertyName.instanceId] = name }
    }

    // MARK: To the application

    /// The name of a topic or a group as the application wrote it; a name of another namespace stays as it is.
    func unwrap(_ known: String) -> String { isNone ? known : Namespace.unwrap(known, from: name) }

    func unwrap(_ queue: MessageQueue) -> MessageQueue {
        guard !isNone else { return queue }
        var queue = queue
        queue.topic = unwrap(queue.topic)
        return queue
    }

    func unwrap(_ queues: [MessageQueue]) -> [MessageQueue] { isNone ? queues : queues.map { unwrap($0) } }

    /// What is known of each queue, under the names of the application.
    func unwrap<Value>(_ table: [MessageQueue: Value]) -> [MessageQueue: Value] {
        isNone ? table : Dictionary(table.map { (unwrap($0.key), $0.value) }) { first, _ in first }
    }

    func unwrap(_ message: StoredMessage) -> StoredMessage {
        guard !isNone else { return message }
        var message = message
        message.topic = unwrap(message.topic)
        return message
    }

    func unwrap(_ messages: [StoredMessage]) -> [StoredMessage] { isNone ? messages : messages.map { unwrap($0) } }

    func unwrap(_ messages: [Message]) -> [Message] {
        guard !isNone else { return messages }
        return messages.map { message in
            var message = message
            message.topic = unwrap(message.topic)
            return message
        }
    }
}
