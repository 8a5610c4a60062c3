import RMQCommon

/// Decides from a consume-queue entry alone whether a message belongs to a subscription.
///
/// An entry holds the hash of the message's tag, not the tag, so two tags with one hash both match here;
/// the client compares the text again. A value: a pull makes one, a held pull keeps it.
public struct TagFilter: Sendable, Equatable {
    /// Sorted; not looked at when ``matchesEverything``.
    @usableFromInline let codes: [Int32]
    /// Whether every message passes, one without a tag included.
    public let matchesEverything: Bool

    /// Lets every message through.
    public static let all = TagFilter(codes: [], matchesEverything: true)

    @usableFromInline init(codes: [Int32], matchesEverything: Bool) {
        self.codes = codes
        self.matchesEverything = matchesEverything
    }

    /// The filter of a parsed expression.
    public init(_ expression: TagExpression) {
        self.init(codes: expression.codes.sorted(), matchesEverything: expression.matchesEverything)
    }

    /// The filter of a subscription as a client's heartbeat states it.
    /// - Parameters:
    ///   - text: the subscription's expression; `*` matches everything.
    ///   - codes: the tag hashes that the client computed. Believed as they are, as the reference does:
    ///     they only decide what this client's own group gets.
    public init(text: String, codes: [Int32]) {
        self.init(codes: codes.sorted(), matchesEverything: text.isExactly("*"))
    }

    /// Whether a message with this tags code passes. Only the low 32 bits are a tag's hash.
    @inlinable
    public func matches(tagsCode: Int64) -> Bool {
        if matchesEverything { return true }
        let code = Int32(truncatingIfNeeded: tagsCode)
        var low = 0
        var high = codes.count
        while low < high {
            let middle = (low &+ high) >> 1
            if codes[middle] < code { low = middle &+ 1 } else { high = middle }
        }
        return low < codes.count && codes[low] == code
    }
}
