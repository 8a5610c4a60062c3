import RMQCommon

/// Whom to ask among several name servers: one is kept until it fails, then the next one is taken.
///
/// A value: it opens no connection.
struct NameServers: Sendable {
    private(set) var addresses: [String]
    private var current: Int

    /// - Parameter start: which one is asked first; processes start differently to spread the load.
    init(_ addresses: [String], start: Int) {
        self.addresses = addresses
        current = addresses.isEmpty ? 0 : Int(UInt(bitPattern: start) % UInt(addresses.count))
    }

    /// The one to ask; nil when there is none at all.
    var chosen: String? { addresses.isEmpty ? nil : addresses[current] }

    /// Moves on from `address`. Does nothing when that has happened already.
    mutating func failed(_ address: String) {
        guard chosen.isExactly(address) else { return }
        current = (current + 1) % addresses.count
    }

    /// Takes over another list. The chosen one stays chosen if it is listed. An empty list is none, and another order of the same is no other.
    /// - Parameter new: in the order in which they are to be asked.
    /// - Returns: whether the list changed.
    mutating func update(_ new: [String]) -> Bool {
        guard !new.isEmpty, new.count != addresses.count || !new.allSatisfy(addresses.containsExactly) else { return false }
        let kept = chosen
        addresses = new
        current = kept.flatMap { kept in new.firstIndex { $0.isExactly(kept) } } ?? 0
        return true
    }
}
