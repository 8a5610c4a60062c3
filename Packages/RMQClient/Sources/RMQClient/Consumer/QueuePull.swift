import RMQCommon
import RMQRemoting

/// One pull, before it is written as a command.
struct QueuePull: Sendable {
    var group: String
    var queue: MessageQueue
    var offset: Int64
    var maxCount: Int32
    var filter: SubscriptionFilter
    var subscriptionVersion: Int64
    /// The group's offset, stored along the way; nil stores nothing.
    var committed: Int64?
    /// How long the broker may hold the pull when there is nothing; nil answers at once.
    var suspend: Duration?
    /// Sends the filter along instead of relying on the heartbeat.
    var carriesExpression: Bool

    /// - Parameter toMaster: replicas store no offsets.
    func header(toMaster: Bool) -> PullMessageHeader {
        var flags: PullFlags = []
        if toMaster, committed != nil { flags.insert(.commitsOffset) }
        if suspend != nil { flags.insert(.suspends) }
        if carriesExpression { flags.insert(.carriesSubscription) }
        return PullMessageHeader(
            consumerGroup: group, topic: queue.topic, queueId: queue.queueId, queueOffset: offset, maxMessages: maxCount, flags: flags,
            commitOffset: committed ?? 0, suspendTimeoutMillis: suspend?.milliseconds ?? 0,
            subscription: carriesExpression ? filter.expression : nil, subscriptionVersion: subscriptionVersion, expressionType: "TAG", brokerName: queue.brokerName)
    }
}

extension ClientCore {
    /// Pulls once and keeps only the messages whose tag was asked for.
    ///
    /// - Parameter brokerId: the member of the broker set to ask when it is there.
    func pull(_ request: QueuePull, preferring brokerId: Int64, timeout: Duration) async throws(ClientError) -> PullResult {
        let (address, isMaster) = try await reader(of: request.queue, preferring: brokerId)
        let response = try await self.request(
            RemotingCommand(.pullMessage, header: request.header(toMaster: isMaster)), to: address, timeout: timeout)

        var status: PullResult.Status
        switch response.responseCode {
        case .success: status = .found
        case .pullNotFound: status = .noNewMessage
        case .pullRetryImmediately: status = .noMatchedMessage
        case .pullOffsetMoved: status = .offsetIllegal
        default: throw .refused(response, by: address, asked: "a pull from \(request.queue)")
        }
        let header = try read(response, PullMessageResponseHeader.self, address)
        var messages: [StoredMessage] = []
        if status == .found {
            do {
                messages = try MessageRecord.decodeAll(response.body, decompressing: true)
            } catch {
                throw .malformed("messages of \(request.queue)", from: address, error)
            }
            if request.filter != .all { messages.removeAll { !request.filter.accepts(tag: $0.tags) } }
            // As the reference's clients do: handlers may see how far behind they are.
            let (minOffset, maxOffset) = (String(header.minOffset), String(header.maxOffset))
            for index in messages.indices {
                messages[index].brokerName = request.queue.brokerName
                messages[index].properties[PropertyName.minOffset] = minOffset
                messages[index].properties[PropertyName.maxOffset] = maxOffset
            }
            if messages.isEmpty { status = .noMatchedMessage }
        }
        return PullResult(
            status: status, nextOffset: header.nextBeginOffset, minOffset: header.minOffset, maxOffset: header.maxOffset,
            messages: messages, suggestedBrokerId: header.suggestedBrokerId)
    }
}
