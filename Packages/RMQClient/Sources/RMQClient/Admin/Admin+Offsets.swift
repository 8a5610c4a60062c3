public import RMQCommon
public import RMQRemoting

/// Where groups stand, and setting them back or forward.
extension Admin {
    /// Where a group is to go on.
    public enum ResetTarget: Sendable, Hashable {
        /// At the first message that was stored at or after this time, in milliseconds since 1970.
        case time(Int64)
        /// Behind all that is there.
        case end

        /// As requests carry it.
        var timestamp: Int64 {
            switch self {
            case .time(let time): time
            case .end: -1
            }
        }
    }

    /// Sets a group to where it is to go on with a topic. Its members are told by their brokers, and begin there.
    ///
    /// A group that nobody of is connected is set all the same: then its offsets are stored one by one.
    /// - Parameter forwards: whether it may also skip messages; false only goes back.
    /// - Returns: the offsets that it has now, of the queues that were set.
    @discardableResult
    public func resetOffsets(
        group: String, topic: String, to target: ResetTarget, forwards: Bool = true
    ) async throws(ClientError) -> [MessageQueue: Int64] {
        do {
            return try await resetMembers(ofGroup: group, topic: topic, to: target, forwards: forwards)
        } catch where error.responseCode == .consumerNotOnline {
            return try await storeOffsets(group: group, topic: topic, target, forwards: forwards)
        }
    }

    /// The part of ``resetOffsets(group:topic:to:forwards:)`` that brokers do: they tell the members of the group.
    /// - Parameter asList: for members whose JSON has no objects as keys, such as those in C++.
    /// - Throws: `refused` with the code `consumerNotOnline` when nobody of the group is connected.
    @discardableResult
    public func resetMembers(
        ofGroup group: String, topic: String, to target: ResetTarget, forwards: Bool = true, asList: Bool = false
    ) async throws(ClientError) -> [MessageQueue: Int64] {
        var command = RemotingCommand(.invokeBrokerToResetOffset, header: ResetOffsetHeader {
            $0.group = known(group)
            $0.topic = known(topic)
            $0.timestamp = target.timestamp
            $0.isForced = forwards
        })
        if asList { command.language = .cpp }   // by the language of who asks, a broker chooses how it tells the members
        var offsets: [MessageQueue: Int64] = [:]
        for address in try await brokersOfTopic(known(topic)) {
            let part: ResetOffsets = try await ask(address, command, "the offsets of \(group)")
            offsets.merge(core.namespace.unwrap(part.offsets)) { _, new in new }
        }
        return offsets
    }

    /// Stores for a group without members what it would have been told.
    private func storeOffsets(
        group: String, topic: String, _ target: ResetTarget, forwards: Bool
    ) async throws(ClientError) -> [MessageQueue: Int64] {
        var offsets: [MessageQueue: Int64] = [:]
        for queue in try await route(of: topic).subscribeQueues {
            let wanted = switch target {
            case .time(let time): try await searchOffset(of: queue, at: time)
            case .end: try await maxOffset(of: queue)
            }
            if !forwards, let stored = try await committedOffset(group: group, queue: queue), wanted > stored { continue }
            try await commit(group: group, queue: queue, offset: wanted)
            offsets[queue] = wanted
        }
        return offsets
    }

    /// Gives one group the offsets of another, at every broker of a topic.
    public func cloneOffsets(from source: String, to target: String, topic: String) async throws(ClientError) {
        let header = CloneOffsetsHeader {
            $0.sourceGroup = known(source)
            $0.targetGroup = known(target)
            $0.topic = known(topic)
            $0.isOffline = true
        }
        for address in try await brokersOfTopic(known(topic)) {
            try await tell(address, RemotingCommand(.cloneGroupOffset, header: header))
        }
    }

    /// How far the members of a group say that they are with a topic, by client id; asked for through one broker.
    /// - Parameter clientId: asks this one alone; nil asks all.
    /// - Throws: `refused` when nobody of the group is connected.
    public func memberOffsets(
        group: String, topic: String, clientId: String? = nil
    ) async throws(ClientError) -> [ByteText: [MessageQueue: Int64]] {
        let header = ConsumerStatusHeader {
            $0.group = known(group)
            $0.topic = known(topic)
            $0.clientId = clientId
        }
        let status: ConsumerStatus = try await askOne(
            of: brokersOfTopic(known(topic)), RemotingCommand(.invokeBrokerToGetConsumerStatus, header: header), "the offsets of \(group)")
        return status.clients.mapValues { core.namespace.unwrap($0) }
    }

    /// When the messages of each queue were stored between which a group is.
    public func timeSpans(group: String, topic: String) async throws(ClientError) -> [ConsumeTimeSpans.Span] {
        let header = ConsumeTimeSpanHeader {
            $0.group = known(group)
            $0.topic = known(topic)
        }
        var spans: [ConsumeTimeSpans.Span] = []
        for address in try await brokersOfTopic(known(topic)) {
            let part: ConsumeTimeSpans = try await ask(address, RemotingCommand(.queryConsumeTimeSpan, header: header), "the times of \(group)")
            spans += part.spans
        }
        for index in spans.indices { spans[index].queue = core.namespace.unwrap(spans[index].queue) }
        return spans
    }

    /// The least offset that the groups of a topic have reached at one broker, by queue id.
    /// - Parameters:
    ///   - group: the group whose offsets are compared; a queue in which it is behind has the largest number there is.
    ///   - ignoring: groups that do not count.
    public func leastOffsets(
        ofTopic topic: String, comparedWith group: String? = nil, ignoring groups: [String] = [], at address: String
    ) async throws(ClientError) -> [Int32: Int64] {
        let header = CorrectionOffsetHeader {
            $0.topic = known(topic)
            $0.comparedGroup = group.map { known($0) }
            $0.ignoredGroups = groups.isEmpty ? nil : groups.map { known($0) }.joined(separator: ",")
        }
        let offsets: CorrectionOffsets = try await ask(
            address, RemotingCommand(.queryCorrectionOffset, header: header), "the least offsets of \(topic)")
        return offsets.offsets
    }

    /// Every offset that a broker keeps, by `topic@group` and queue id, under the names that servers know.
    public func allOffsets(at address: String) async throws(ClientError) -> ConsumerOffsetTable {
        try await ask(address, RemotingCommand(.getAllConsumerOffset), "the table of offsets", limit: timeout * 3)
    }

    // MARK: The end of a group

    /// Deletes a consumer group at one broker.
    /// - Parameter removingOffsets: whether a group of that name would begin anew.
    public func deleteGroup(_ group: String, removingOffsets: Bool = false, at address: String) async throws(ClientError) {
        let header = DeleteSubscriptionGroupHeader {
            $0.group = known(group)
            $0.removesOffsets = removingOffsets
        }
        try await tell(address, RemotingCommand(.deleteSubscriptiongroup, header: header))
    }

    /// Deletes a consumer group at the masters of a cluster, and the topics of what it failed to consume. The first failure ends it.
    public func deleteGroup(_ group: String, removingOffsets: Bool = false, inCluster cluster: String) async throws(ClientError) {
        for (_, address) in try await masters(ofCluster: cluster) {
            try await deleteGroup(group, removingOffsets: removingOffsets, at: address)
        }
        for topic in [RetryTopic.name(known(group)), DeadLetterTopic.name(known(group))] { try await deleteTopic(topic, inCluster: cluster) }
    }
}
