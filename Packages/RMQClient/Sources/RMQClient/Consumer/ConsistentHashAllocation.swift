public import RMQCommon

/// Queues and members stand on a ring by their hashes; a queue belongs to the next member. A member that comes or goes moves few queues.
///
///     ── member a ── queue 3 ── member b ── queue 0 ── queue 1 ── member a ──┐
///     └───────────── b's ──────┘           └────────── a's ──────┘           └─ to the beginning
public struct ConsistentHashAllocation: QueueAllocation {
    public let name = "CONSISTENT_HASH"
    private let placesPerMember: Int
    private let hash: @Sendable (String) throws -> UInt64

    /// - Parameters:
    ///   - placesPerMember: on how many places of the ring a member stands; with more of them the shares differ less.
    ///   - hash: of a member's place and of a queue; nil takes the first four bytes of the MD5.
    public init(placesPerMember: Int = 10, hash: (@Sendable (String) throws -> UInt64)? = nil) {
        self.placesPerMember = max(0, placesPerMember)
        self.hash = hash ?? { try Self.md5($0) }
    }

    public func allocate(queues: [MessageQueue], members: [String], to member: String) throws -> [MessageQueue] {
        guard let index = members.firstIndex(where: { $0.isExactly(member) }) else { return [] }
        let ring = try ring(of: members)
        guard let first = ring.first else { return [] }
        return try queues.filter { queue in
            let place = try hash(queue.description)
            return (ring.first { $0.place >= place } ?? first).member == index
        }
    }

    /// Places in their order. Of two members at one place the later one has it.
    private func ring(of members: [String]) throws -> [(place: UInt64, member: Int)] {
        var ring: [UInt64: Int] = [:]
        for (index, member) in members.enumerated() {
            for number in 0..<placesPerMember { ring[try hash("\(member)-\(number)")] = index }
        }
        return ring.sorted { $0.key < $1.key }.map { (place: $0.key, member: $0.value) }
    }

    /// The first four bytes, the highest first.
    private static func md5(_ text: String) throws -> UInt64 {
        guard let digest = MessageDigest.md5(Array(text.utf8)) else { throw MissingDigest() }
        return digest.prefix(4).reduce(0) { $0 << 8 | UInt64($1) }
    }
}

private struct MissingDigest: Error, CustomStringConvertible {
    var description: String { "this system does without MD5; give ConsistentHashAllocation another hash, at all members" }
}

extension QueueAllocation where Self == ConsistentHashAllocation {
    /// A ring of hashes, on which few queues move when a member comes or goes.
    public static func consistentHash(placesPerMember: Int = 10) -> ConsistentHashAllocation {
        ConsistentHashAllocation(placesPerMember: placesPerMember)
    }
}
