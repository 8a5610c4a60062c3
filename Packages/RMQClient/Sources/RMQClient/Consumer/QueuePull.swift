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
    /// From a lite pull consumer, which brokers are told for information.
    var isLite = false

    /// - Parameter toMaster: replicas store no offsets.
    func header(toMaster: Bool) -> PullMessageHeader {
        var flags: PullFlags = []
        if toMaster, committed != nil { flags.insert(.commitsOffset) }
        if suspend != nil { flags.insert(.suspends) }
        if carriesExpression { flags.insert(.carriesSubscription) }
        if isLite { flags.insert(.litePull) }
        return PullMessageHeader {
            $0.consumerGroup = group
            $0.topic = queue.topic
            $0.queueId = queue.queueId
            $0.queueOffset = offset
            $0.maxMessages = maxCount
            $0.flags = flags
            $0.commitOffset = committed ?? 0
            $0.suspendTimeoutMillis = suspend?.milliseconds ?? 0
            $0.subscription = carriesExpression ? filter.expression : nil
            $0.subscriptionVersion = subscriptionVersion
            $0.expressionType = filter.expressionType
            $0.brokerName = queue.brokerName
        }
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
