import RMQCommon
import RMQRemoting

/// Who is connected: consumers, producers, and which of them consume queues in order.
final class Clients: Sendable {
    let consumers = ConsumerTable()
    let producers = ProducerTable()
    let locks = QueueLocks()
    private let groups: GroupTable
    private let live: LiveConfiguration

    init(groups: GroupTable, live: LiveConfiguration) {
        self.groups = groups
        self.live = live
    }

    func connectionClosed(_ id: UInt64) {
        producers.connectionClosed(id)
        for group in consumers.connectionClosed(id) { notifyMembers(of: group, unlessGroupIsSilent: false) }
    }

    /// Forgets and closes clients that are silent. To be called now and then.
    func expire(now: MonotonicInstant) {
        producers.expire(now: now)
        for group in consumers.expire(now: now) { notifyMembers(of: group, unlessGroupIsSilent: false) }
    }

    /// Tells all members of a group that its members or subscriptions changed, so that they divide the queues again.
    func notifyMembers(of group: String, unlessGroupIsSilent: Bool) {
        guard live.current.notifyConsumerIdsChanged else { return }
        if unlessGroupIsSilent, groups[group]?.notifiesConsumerIdsChanged == false { return }
        guard let members = consumers[group]?.channels.values else { return }
        let notice = RemotingCommand(.notifyConsumerIdsChanged, header: ConsumerGroupHeader(consumerGroup: group))
        for member in members { member.connection.sendOneway(notice) }
    }
}
