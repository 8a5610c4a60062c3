/// What the body of a soak's message says: who sent it, and which of his it is.
///
///     sender  u32 | number  u64, from 0 on | filling
///
/// All of a sender goes to one queue in order, so that a consumer that remembers one number a sender sees whatever is lost or comes
/// again, however long the run is.
struct SoakMessage {
    static let byteCount = 12
    let sender: UInt32
    let number: UInt64

    init(sender: UInt32, number: UInt64) {
        self.sender = sender
        self.number = number
    }

    /// Nil for a body that is none.
    init?(_ body: UnsafeRawBufferPointer) {
        guard body.count >= Self.byteCount else { return nil }
        sender = UInt32(bigEndian: body.loadUnaligned(as: UInt32.self))
        number = UInt64(bigEndian: body.loadUnaligned(fromByteOffset: 4, as: UInt64.self))
    }

    func body(size: Int) -> [UInt8] {
        var body = [UInt8](repeating: 0x61, count: max(size, Self.byteCount))
        body.withUnsafeMutableBytes { bytes in
            bytes.storeBytes(of: sender.bigEndian, as: UInt32.self)
            bytes.storeBytes(of: number.bigEndian, toByteOffset: 4, as: UInt64.self)
        }
        return body
    }
}

/// What has come of the messages of some senders. A value: who consumes owns one.
struct SoakLedger {
    /// Messages that a busy broker refused come behind others; so many at once are taken for lost.
    private static let missingLimit = 100_000

    private var next: [UInt32: UInt64] = [:]
    private var missing: [UInt32: Set<UInt64>] = [:]
    private(set) var received = 0
    /// Messages that came again, which a producer that lost its connection causes.
    private(set) var repeated = 0

    mutating func take(_ message: SoakMessage) {
        received += 1
        let expected = next[message.sender] ?? 0
        if message.number < expected {
            if missing[message.sender]?.remove(message.number) == nil { repeated += 1 }
            return
        }
        if message.number > expected, message.number - expected < UInt64(Self.missingLimit) {
            missing[message.sender, default: []].formUnion(expected..<message.number)
        }
        next[message.sender] = message.number + 1
    }

    /// How many of a sender's messages came, without a gap before the last one.
    func count(of sender: UInt32) -> UInt64 { (next[sender] ?? 0) - UInt64(missing[sender]?.count ?? 0) }

    /// What is told when a sender's messages do not all come.
    func gaps(of sender: UInt32) -> String {
        let first = missing[sender]?.min().map { ", the first one is \($0)" } ?? ""
        return "sender \(sender): \(count(of: sender)) messages came, \(missing[sender]?.count ?? 0) are missing between\(first)"
    }

    /// Whether more are missing than a busy broker explains.
    func lostMany(of sender: UInt32) -> Bool { (missing[sender]?.count ?? 0) >= Self.missingLimit }
}
