import RMQClient
import RMQCommon

/// The latest of many messages, of which so many are kept and so many bytes.
struct LatestMessages {
    let count: Int
    let bytes: Int
    private var messages: [StoredMessage] = []
    private var held = 0
    /// Whether some were left out for their size alone.
    private(set) var isCut = false

    init(count: Int, bytes: Int) {
        self.count = count
        self.bytes = bytes
    }

    mutating func add(_ found: [StoredMessage]) {
        messages += found
        held += found.reduce(0) { $0 + Self.size(of: $1) }
        // Not at each message, as they have to be sorted.
        if messages.count > 2 * max(count, 1_000) || held > 2 * bytes { cut() }
    }

    /// Those that are kept, oldest first.
    mutating func take() -> [StoredMessage] {
        cut()
        return messages
    }

    private mutating func cut() {
        messages = Array(Self.inOrder(messages).suffix(count))
        var kept = 0
        held = 0
        for message in messages.reversed() {
            guard held + Self.size(of: message) <= bytes else { break }
            held += Self.size(of: message)
            kept += 1
        }
        if kept < messages.count { isCut = true }
        messages = Array(messages.suffix(kept))
    }

    /// A small message is more than its body.
    private static func size(of message: StoredMessage) -> Int { message.body.count + 512 }

    static func inOrder(_ messages: [StoredMessage]) -> [StoredMessage] {
        messages.sorted { left, right in
            if left.storeTimestamp != right.storeTimestamp { return left.storeTimestamp < right.storeTimestamp }
            return left.queue == right.queue ? left.queueOffset < right.queueOffset : left.queue < right.queue
        }
    }
}
