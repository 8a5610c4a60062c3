import RMQCommon

/// Whom to ask among several name servers: one is kept until it fails, then the next one is taken.
///
/// A value: it opens no connection.
struct NameServers: Sendable {
    let addresses: [String]
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
}
