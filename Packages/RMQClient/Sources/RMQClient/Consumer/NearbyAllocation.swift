public import RMQCommon

/// Says in which room something stands, for ``NearbyAllocation``. All members of a group must answer alike.
public protocol RoomResolver: Sendable {
    /// The room of the broker that has the queue; never empty.
    func room(of queue: MessageQueue) -> String
    /// The room of the member with this client id; never empty.
    func room(ofMember clientId: String) -> String
}

/// Queues go to members in the same room; those of rooms without a member are shared out among all.
public struct NearbyAllocation: QueueAllocation {
    public var name: String { "MACHINE_ROOM_NEARBY-\(inner.name)" }
    private let resolver: any RoomResolver
    private let inner: any QueueAllocation

    /// - Parameter inner: divides the queues of one room.
    public init(_ resolver: any RoomResolver, inner: any QueueAllocation = .averaged) {
        self.resolver = resolver
        self.inner = inner
    }

    /// - Throws: when the room of some queue or member is not known: to guess could give a queue to two members.
    public func allocate(queues: [MessageQueue], members: [String], to member: String) throws -> [MessageQueue] {
        guard members.containsExactly(member) else { return [] }
        let queuesByRoom = Dictionary(grouping: queues) { ByteText(resolver.room(of: $0)) }
        let membersByRoom = Dictionary(grouping: members) { ByteText(resolver.room(ofMember: $0)) }
        if let queue = queuesByRoom[""]?.first { throw UnknownRoom(description: "the resolver names no room of \(queue)") }
        if let member = membersByRoom[""]?.first { throw UnknownRoom(description: "the resolver names no room of member \(member)") }
        let own = ByteText(resolver.room(ofMember: member))
        var share = try queuesByRoom[own].map { try inner.allocate(queues: $0, members: membersByRoom[own] ?? [], to: member) } ?? []
        // In the order of the rooms' names, as every member goes.
        let deserted = queuesByRoom.filter { $0.key != own && membersByRoom[$0.key] == nil }
        for (_, queues) in deserted.sorted(by: { utf16Precedes($0.key.text, $1.key.text) }) {
            share += try inner.allocate(queues: queues, members: members, to: member)
        }
        return share
    }
}

private struct UnknownRoom: Error, CustomStringConvertible {
    let description: String
}

extension QueueAllocation where Self == NearbyAllocation {
    /// Queues for members in the same room.
    public static func nearby(_ resolver: any RoomResolver, inner: any QueueAllocation = .averaged) -> NearbyAllocation {
        NearbyAllocation(resolver, inner: inner)
    }
}
