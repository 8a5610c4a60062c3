import RMQCommon
import RMQRemoting

/// Who is connected: consumers, producers, and which of them consume queues in order.
final class Clients: Sendable {
    let consumers = ConsumerTable()
    let producers = ProducerTable()
    let locks: QueueLocks
    let calls = ClientCalls()
    private let notices = MemberNotices()
    private let groups: GroupTable
    private let live: LiveConfiguration
    private let filters: ConsumerFilterTable
    /// For what clients make happen.
    let log: ClientLog

    init(groups: GroupTable, live: LiveConfiguration, filters: ConsumerFilterTable, logger: Logger, clocks: Clocks) {
        self.groups = groups
        self.live = live
        self.filters = filters
        log = ClientLog(logger, clock: clocks.monotonic)
        locks = QueueLocks(lifetime: live.current.lockLifetime, log: ClientLog(logger.with(.rebalanceLock), clock: clocks.monotonic))
    }

    /// Takes over what a heartbeat says of a group that its client consumes in.
    /// - Parameter limit: most groups of consumers.
    func register(_ channel: ClientChannel, _ consumer: ConsumerData, limit: Int) {
        let change = consumers.register(channel, consumer, limit: limit)
        for event in change.events { event.write(to: log, consumer, channel) }
        if change.isTaken { filters.register(group: consumer.group, consumer.subscriptions.prefix(ClientLimit.subscriptionsPerGroup)) }
        if change.concernsMembers { notifyMembers(of: consumer.group, unlessGroupIsSilent: true) }
    }

    /// Takes over what a heartbeat says of a group that its client sends in.
    /// - Parameter limit: most groups of producers.
    func register(_ channel: ClientChannel, _ producer: ProducerData, limit: Int) {
        switch producers.register(channel, group: producer.group, limit: limit) {
        case true?: log.info("new producer connected, group: \(producer.group) channel: \(channel)")
        case false?: break
        case nil: log.warning("group \(producer.group) of \(channel) is left out: \(limit) groups are connected, the limit (maxGroups)")
        }
    }

    /// The client says that it leaves a group.
    func unregister(connection: UInt64, producersOf group: String) {
        guard let client = producers.unregister(connection: connection, group: group) else { return }
        log.info("unregister a producer[\(group)] from groupChannelTable \(client)")
    }

    /// The client says that it leaves a group.
    func unregister(connection: UInt64, consumersOf group: String) {
        guard let departure = consumers.unregister(connection: connection, group: group) else { return }
        log.info("unregister a consumer[\(group)] from consumerGroupInfo \(departure.client)")
        left(departure, unlessGroupIsSilent: true)
    }

    func connectionClosed(_ id: UInt64) {
        for (group, client) in producers.connectionClosed(id) {
            log.info("NETTY EVENT: remove channel[\(client)] from ProducerManager groupChannelTable, producer group: \(group)")
        }
        for departure in consumers.connectionClosed(id) {
            log.info(
                "NETTY EVENT: remove not active channel[\(departure.client)] from ConsumerGroupInfo groupChannelTable, consumer group: \(departure.group)")
            left(departure, unlessGroupIsSilent: false)
        }
    }

    /// Forgets and closes clients that are silent. To be called now and then.
    func expire(now: MonotonicInstant) {
        for (group, client) in producers.expire(now: now) {
            log.warning("SCAN: remove expired channel[\(client)] from ProducerManager groupChannelTable, producer group name: \(group)")
        }
        for departure in consumers.expire(now: now) {
            log.warning("SCAN: remove expired channel from ConsumerManager consumerTable. channel=\(departure.client), consumerGroup=\(departure.group)")
            left(departure, unlessGroupIsSilent: false)
        }
    }

    private func left(_ departure: ConsumerTable.Departure, unlessGroupIsSilent: Bool) {
        if departure.isLast {
            log.info("unregister consumer ok, no any connection, and remove consumer group, \(departure.group)")
            filters.unregister(group: departure.group)
        }
        notifyMembers(of: departure.group, unlessGroupIsSilent: unlessGroupIsSilent)
    }

    /// Tells all members of a group that its members or subscriptions changed, so that they divide the queues again.
    private func notifyMembers(of group: String, unlessGroupIsSilent: Bool) {
        guard live.current.notifyConsumerIdsChanged else { return }
        if unlessGroupIsSilent, groups[group]?.notifiesConsumerIdsChanged == false { return }
        guard let members = consumers[group]?.channels.values, let loop = members.first?.connection.loop, notices.begin(group) else { return }
        let notice = RemotingCommand(.notifyConsumerIdsChanged, header: ConsumerGroupHeader(consumerGroup: group))
        for member in members { member.connection.sendOneway(notice) }
        loop.schedule(after: MemberNotices.pause) { [weak self] in
            guard let self, notices.endRest(of: group) else { return }
            notifyMembers(of: group, unlessGroupIsSilent: false)
        }
    }
}
