import RMQCommon

/// What changes when the members of a group or the queues of a topic change. A value: it asks no one.
struct RebalancePlan: Equatable {
    /// Queues that go to another member or are no longer there, and those that are renewed.
    let dropped: [MessageQueue]
    /// Queues that this member did not have, and those that are renewed.
    let added: [MessageQueue]
    /// Queues that stay, but are given up and taken again because they are stuck.
    let renewed: [MessageQueue]

    var isEmpty: Bool { dropped.isEmpty && added.isEmpty }

    /// - Parameters:
    ///   - held: the queues of one topic that this member has.
    ///   - stuck: those among them that are not pulled any more, for whatever reason.
    ///   - mine: those that it should have.
    init(held: some Sequence<MessageQueue>, stuck: [MessageQueue] = [], mine: [MessageQueue]) {
        let held = Set(held)
        let wanted = Set(mine)
        let renewed = held.intersection(wanted).intersection(stuck)
        dropped = held.subtracting(wanted).union(renewed).sorted()
        added = wanted.subtracting(held).union(renewed).sorted()
        self.renewed = renewed.sorted()
    }

    /// The share of `member` when all sort and divide alike. Without `members` (broadcasting) everything.
    static func share(
        of member: String, queues: [MessageQueue], members: [String]?, allocation: any QueueAllocation
    ) -> [MessageQueue] {
        guard let members else { return queues.sorted() }
        return allocation.allocate(queues: queues.sorted(), members: members.sorted(by: utf16Precedes), to: member)
    }
}

/// Where a queue begins that was just assigned.
enum StartRule: Equatable {
    case at(Int64)
    /// Ask the broker for the end of the queue.
    case end
    /// Ask the broker for the first message stored at or after this time.
    case timestamp(Int64)

    /// - Parameter stored: the group's offset; nil when it has none.
    init(stored: Int64?, position: StartPosition, isRetryTopic: Bool) {
        if let stored, stored >= 0 { self = .at(stored); return }
        switch (position, isRetryTopic) {
        case (.first, _), (.last, true): self = .at(0)
        case (.last, false), (.timestamp, true): self = .end
        case (.timestamp(let time), false): self = .timestamp(time)
        }
    }
}
