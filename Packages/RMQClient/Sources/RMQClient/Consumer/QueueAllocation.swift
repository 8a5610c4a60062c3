public import RMQCommon

/// How the queues of a topic are divided among the members of a group. All members must use the same one.
public protocol QueueAllocation: Sendable {
    /// Stated in logs; the reference's name of it.
    var name: String { get }
    /// - Parameters:
    ///   - queues: all queues of the topic, sorted.
    ///   - members: the client ids of the group, sorted by UTF-16 code units.
    /// - Returns: the queues of `member`; empty when it is not among `members`.
    /// - Throws: what keeps it from saying so now. Members then keep the queues that they have until the next try.
    func allocate(queues: [MessageQueue], members: [String], to member: String) throws -> [MessageQueue]
}

/// Neighbouring queues in shares that differ by one at most: the default everywhere.
public struct AveragedAllocation: QueueAllocation {
    public let name = "AVG"
    public init() {}

    public func allocate(queues: [MessageQueue], members: [String], to member: String) -> [MessageQueue] {
        guard let index = members.firstIndex(where: { $0.isExactly(member) }), !queues.isEmpty else { return [] }
        let remainder = queues.count % members.count
        let size = queues.count <= members.count ? 1 : queues.count / members.count + (index < remainder ? 1 : 0)
        let start = index < remainder ? index * size : index * size + remainder
        guard start < queues.count else { return [] }
        return Array(queues[start..<min(start + size, queues.count)])
    }
}

/// Every n-th queue.
public struct CircularAllocation: QueueAllocation {
    public let name = "AVG_BY_CIRCLE"
    public init() {}

    public func allocate(queues: [MessageQueue], members: [String], to member: String) -> [MessageQueue] {
        guard let index = members.firstIndex(where: { $0.isExactly(member) }) else { return [] }
        return stride(from: index, to: queues.count, by: members.count).map { queues[$0] }
    }
}

/// A list of queues for this member, whoever else is there. That the lists of all members cover every queue once is up to who writes them.
public struct FixedAllocation: QueueAllocation {
    public let name = "CONFIG"
    private let fixed: Set<MessageQueue>

    /// - Parameter queues: those of this member, of any number of topics.
    public init(_ queues: some Sequence<MessageQueue>) { fixed = Set(queues) }

    public func allocate(queues: [MessageQueue], members: [String], to member: String) -> [MessageQueue] { queues.filter { fixed.contains($0) } }
}

/// The queues of brokers that stand in certain rooms, by the names of the brokers: `room@name`. Those of other brokers get no member.
public struct RoomAllocation: QueueAllocation {
    public let name = "MACHINE_ROOM"
    private let rooms: Set<ByteText>

    /// - Parameter rooms: the names before the `@`.
    public init(rooms: some Sequence<String>) { self.rooms = Set(texts: rooms) }

    public func allocate(queues: [MessageQueue], members: [String], to member: String) -> [MessageQueue] {
        guard let index = members.firstIndex(where: { $0.isExactly(member) }) else { return [] }
        let wanted = queues.filter { room(of: $0.brokerName).map { rooms.contains($0) } ?? false }
        let (size, remainder) = wanted.count.quotientAndRemainder(dividingBy: members.count)
        var share = Array(wanted[index * size..<(index + 1) * size])
        // What does not divide evenly comes last, one queue a member.
        if index < remainder { share.append(wanted[members.count * size + index]) }
        return share
    }

    /// Nil unless the name has two parts. Empty ones at its end do not count, as in the reference's language.
    private func room(of brokerName: String) -> String? {
        var parts = brokerName.split(ascii: "@", keepingEmpty: true)
        while parts.last?.isEmpty == true { parts.removeLast() }
        return parts.count == 2 ? parts[0] : nil
    }
}

extension QueueAllocation where Self == AveragedAllocation {
    /// Neighbouring queues in shares that differ by one at most.
    public static var averaged: AveragedAllocation { AveragedAllocation() }
}

extension QueueAllocation where Self == CircularAllocation {
    /// Every n-th queue.
    public static var circular: CircularAllocation { CircularAllocation() }
}

extension QueueAllocation where Self == FixedAllocation {
    /// These queues for this member, whoever else is there.
    public static func fixed(_ queues: some Sequence<MessageQueue>) -> FixedAllocation { FixedAllocation(queues) }
}

extension QueueAllocation where Self == RoomAllocation {
    /// Queues of brokers whose names say that they stand in one of these rooms.
    public static func rooms(_ rooms: some Sequence<String>) -> RoomAllocation { RoomAllocation(rooms: rooms) }
}
