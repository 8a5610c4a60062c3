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
    /// - Throws: when the allocation cannot say it now.
    static func share(
        of member: String, queues: [MessageQueue], members: [String]?, allocation: any QueueAllocation
    ) throws(ClientError) -> [MessageQueue] {
        guard let members else { return queues.sorted() }
        do {
            return try allocation.allocate(queues: queues.sorted(), members: members.sorted(by: utf16Precedes), to: member)
        } catch {
            throw ClientError(.invalidConfiguration, "the allocation \(allocation.name) divides no queues: \(error)")
        }
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

// MARK: What consumers ask for it

extension ClientCore {
    /// The queues of a topic that belong to this client in a group; nil when that cannot be said now, which is logged.
    /// - Parameter isBroadcasting: every member has all queues then.
    func share(
        of topic: String, group: String, isBroadcasting: Bool, allocation: any QueueAllocation
    ) async -> [MessageQueue]? {
        do {
            let queues = try await existingRoute(of: topic).subscribeQueues
            guard !queues.isEmpty else { return nil }
            var members: [String]?
            if !isBroadcasting {
                members = try await self.members(ofGroup: group, topic: topic)
                if members?.containsExactly(clientId) != true {
                    // The broker came into the route after the last heartbeat.
                    await sendHeartbeats()
                    members = try await self.members(ofGroup: group, topic: topic)
                }
                guard members != nil else { return nil }
            }
            return try RebalancePlan.share(of: clientId, queues: queues, members: members, allocation: allocation)
        } catch where error.code == .routeNotFound {
            logger.debug("no rebalance of \(topic) for group \(group): \(error)")
        } catch where error.code == .cancelled || error.code == .closed {
            // The consumer is being closed.
        } catch {
            logger.warning("no rebalance of \(topic) for group \(group) now: \(error)")
        }
        return nil
    }

    /// Where a queue begins that was just assigned.
    /// - Parameter stored: the group's offset; nil when it has none.
    func startOffset(
        of queue: MessageQueue, stored: Int64?, position: StartPosition, timeout: Duration
    ) async throws(ClientError) -> Int64 {
        let start: Int64
        switch StartRule(stored: stored, position: position, isRetryTopic: RetryTopic.isRetry(queue.topic)) {
        case .at(let offset): start = offset
        case .end: start = try await maxOffset(of: queue, timeout: timeout)
        case .timestamp(let time): start = try await searchOffset(of: queue, at: time, timeout: timeout)
        }
        guard start >= 0 else { throw ClientError(.malformedAnswer, "the broker of \(queue) answered with offset \(start)") }
        return start
    }
}
