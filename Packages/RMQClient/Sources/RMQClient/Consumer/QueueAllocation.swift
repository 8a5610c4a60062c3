public import RMQCommon

/// Divides the queues of a topic among the members of a group. All members must use the same one.
public protocol QueueAllocation: Sendable {
    /// Stated in heartbeats and logs.
    var name: String { get }
    /// - Parameters:
    ///   - queues: all queues of the topic, sorted.
    ///   - members: the client ids of the group, sorted by UTF-16 code units.
    /// - Returns: the queues of `member`; empty when it is not among `members`.
    func allocate(queues: [MessageQueue], members: [String], to member: String) -> [MessageQueue]
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

extension QueueAllocation where Self == AveragedAllocation {
    /// Neighbouring queues in shares that differ by one at most.
    public static var averaged: AveragedAllocation { AveragedAllocation() }
}

extension QueueAllocation where Self == CircularAllocation {
    /// Every n-th queue.
    public static var circular: CircularAllocation { CircularAllocation() }
}
