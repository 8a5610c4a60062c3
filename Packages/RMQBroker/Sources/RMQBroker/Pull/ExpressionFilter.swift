import RMQFilter
import RMQStore

/// Decides by an expression, and before that by the bit map of the queue's extension where that can be trusted.
final class ExpressionFilter: Sendable {
    let expression: SQLExpression
    /// What the group's heartbeats say; nil for an expression that came with the pull, of which no bit map knows.
    private let registered: ConsumerFilter?
    private let bitmapBytes: Int

    /// For an expression that came with a pull.
    init(carried expression: SQLExpression) {
        self.expression = expression
        registered = nil
        bitmapBytes = 0
    }

    init(_ registered: ConsumerFilter, bloom: BloomFilter) {
        expression = registered.expression
        self.registered = registered
        bitmapBytes = bloom.bitCount / 8
    }

    /// False only when the bits say so: those of a message that is younger than the filter, and laid out as they are now.
    func mayMatch(_ entry: FilterEntry) -> Bool {
        registered == nil || entry.withExtension { mayMatch(storeTimestamp: $0, bitmap: $1) } ?? true
    }

    /// The same of what an extension unit holds.
    func mayMatch(storeTimestamp: Int64, bitmap: UnsafeRawBufferPointer) -> Bool {
        guard let registered, storeTimestamp > registered.bornAt, bitmap.count == bitmapBytes else { return true }
        return BloomBits.contains(registered.positions, in: bitmap)
    }

    func isCurrent(in filters: ConsumerFilterTable) -> Bool {
        guard let registered else { return true }
        return filters[topic: registered.topic, group: registered.group]?.expression === expression
    }
}
