import RMQCommon
import RMQRemoting
import RMQStore

/// Codes 222, 308 and 314: the offsets of groups, as administrators look at them together and change them.
///
/// A group that is not connected is set back by a tool itself, with what 208, 202, 29 and 30 say and with 15, queue by queue.
enum OffsetAdmin {
    // MARK: 222

    /// Has the members of a group go on at the offsets of a time. They commit them; nothing changes here.
    static func reset(_ command: RemotingCommand, _ caller: ClientCaller) throws -> Reply {
        let header = try command.header(ResetOffsetHeader.self)
        let broker = caller.broker
        broker.clients.log.info(
            "[reset-offset] reset offset started by \(caller.connection.remote). topic=\(header.topic), group=\(header.group), timestamp=\(header.timestamp), isForce=\(header.isForced)")
        let readsLists = command.language == .cpp
        return .elsewhere(broker.workers.administrators) { try reset(header, readsLists: readsLists, broker) }
    }

    /// - Parameter readsLists: members in C++ read lists alone; at the reference who asks for them says so by its own language, and clients
    ///   in another one leave them where they are.
    private static func reset(_ header: ResetOffsetHeader, readsLists: Bool, _ broker: BrokerState) throws -> Reply {
        let offsets = try targets(header, broker)
        let members = Array((broker.clients.consumers[header.group]?.channels ?? [:]).values)
        // All or none of them.
        for member in members { try member.requireOffsetCalls() }
        guard !members.isEmpty else {
            throw Refusal(
                .consumerNotOnline,
                "Consumer not online, so can not reset offset, Group: \(header.group.prefix(bytes: 255)) Topic: \(header.topic) Timestamp: \(header.timestamp)")
        }
        for member in members {
            member.connection.sendOneway(RemotingCommand(.resetConsumerClientOffset, header: ResetOffsetHeader {
                $0.topic = header.topic
                $0.group = header.group
                $0.timestamp = header.timestamp
            }, body: readsLists || member.language == .cpp ? ResetOffsetList(offsets).body : ResetOffsets(offsets).body))
            broker.clients.log.info("[reset-offset] reset offset success. topic=\(header.topic), group=\(header.group), clientId=\(member.clientId)")
        }
        return .response(.success, body: ResetOffsets(offsets).body)
    }

    /// Where the group would go on in each queue.
    private static func targets(_ header: ResetOffsetHeader, _ broker: BrokerState) throws(Refusal) -> [MessageQueue: Int64] {
        guard let topic = broker.topics[header.topic] else {
            throw Refusal(.systemError, "[reset-offset] reset offset failed, no topic in this broker. topic=\(header.topic.prefix(bytes: 255))")
        }
        let committed = broker.offsets.existing(group: header.group, topic: header.topic)?.all ?? [:]
        var offsets: [MessageQueue: Int64] = [:]
        for queueId in 0..<max(topic.config.writeQueueCount, 0) {
            guard let current = committed[queueId], current != -1 else {
                throw Refusal(.systemError, "THe consumer group <\(header.group.prefix(bytes: 255))> not exist")
            }
            let wanted = header.timestamp == -1
                ? broker.store.maxOffset(topic: header.topic, queueId: queueId)
                : broker.store.offset(topic: header.topic, queueId: queueId, at: header.timestamp)
            let queue = MessageQueue(topic: header.topic, brokerName: broker.live.current.brokerName, queueId: queueId)
            offsets[queue] = header.isForced || wanted < current ? max(wanted, 0) : current
        }
        return offsets
    }

    // MARK: 314

    /// Gives one group the offsets that another one has.
    static func clone(_ command: RemotingCommand, _ broker: BrokerState) throws -> Reply {
        let header = try command.header(CloneOffsetsHeader.self)
        guard ClientLimit.allows(group: header.targetGroup) else {
            throw Refusal(.systemError, "a group's name has at most \(ClientLimit.groupNameLength) characters")
        }
        let subscriptions = header.isOffline ? [:] : broker.clients.consumers[header.sourceGroup]?.subscriptions ?? [:]
        for topic in topics(header, broker) {
            guard broker.topics[topic] != nil, subscriptions.isEmpty || subscriptions[topic] != nil else {
                broker.logger.warning("[cloneGroupOffset], no topic, or not one of the consumer group[\(header.sourceGroup)], topic[\(topic)]")
                continue
            }
            guard let source = broker.offsets.existing(group: header.sourceGroup, topic: topic) else { continue }
            guard let target = broker.offsets.progress(group: header.targetGroup, topic: topic) else {
                throw Refusal(.systemError, "no further offsets can be kept: those of topic[\(topic)] are not cloned")
            }
            target.replace(with: source.all)
        }
        return .response(.success)
    }

    /// The reference forgets which topics it found when none is named, and clones nothing. The messages of the source's own retry
    /// topic are not for the target.
    private static func topics(_ header: CloneOffsetsHeader, _ broker: BrokerState) -> [String] {
        if let topic = header.topic, !topic.isBlank { return [topic] }
        return broker.offsets.topics(of: header.sourceGroup).filter { !RetryTopic.isRetry($0) }
    }

    // MARK: 308

    /// The least offset in each queue that any group has reached which may still read there.
    ///
    /// The reference takes the groups that are not to count out of its table, and so deletes their offsets: whoever asked had those
    /// groups consume everything again. Here they only do not count. It also looks for the compared group under a wrong key and
    /// finds nothing; here a queue in which that group is behind all that count has the largest number there is.
    static func correction(_ command: RemotingCommand, _ broker: BrokerState) throws -> Reply {
        let header = try command.header(CorrectionOffsetHeader.self)
        let ignored = Set<ByteText>(texts: (header.ignoredGroups ?? "").split(ascii: ","))
        var least: [Int32: Int64] = [:]
        for group in broker.offsets.groups(of: header.topic) where !ignored.contains(group) {
            for (queueId, offset) in broker.offsets.existing(group: group, topic: header.topic)?.all ?? [:]
            where offset >= broker.store.minOffset(topic: header.topic, queueId: queueId) {
                least[queueId] = min(least[queueId] ?? .max, offset)
            }
        }
        let compared = header.comparedGroup.flatMap { broker.offsets.existing(group: $0, topic: header.topic)?.all } ?? [:]
        for (queueId, offset) in compared {
            if let other = least[queueId], other > offset { least[queueId] = .max }
        }
        return .response(.success, body: CorrectionOffsets(least).body)
    }
}
