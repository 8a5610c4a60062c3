import RMQCommon
import RMQRemoting

/// One pull, before it is written as bytes.
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

    /// Its header, but for what each pull has of its own.
    var header: PullMessageHeader {
        var flags: PullFlags = []
        if suspend != nil { flags.insert(.suspends) }
        if carriesExpression { flags.insert(.carriesSubscription) }
        if isLite { flags.insert(.litePull) }
        return PullMessageHeader {
            $0.consumerGroup = group
            $0.topic = queue.topic
            $0.queueId = queue.queueId
            $0.maxMessages = maxCount
            $0.flags = flags
            $0.suspendTimeoutMillis = suspend?.milliseconds ?? 0
            $0.subscription = carriesExpression ? filter.expression : nil
            $0.subscriptionVersion = subscriptionVersion
            $0.expressionType = filter.expressionType
            $0.brokerName = queue.brokerName
        }
    }

    /// What a pull brought: only the messages whose tag was asked for. A body that cannot be restored is left as it is stored, and listed.
    func result(of answer: PullAnswer, from address: String) throws(ClientError) -> PullResult {
        switch answer.code {
        case .pullNotFound: return PullResult(.noNewMessage, answer)
        case .pullRetryImmediately: return PullResult(.noMatchedMessage, answer)
        case .pullOffsetMoved: return PullResult(.offsetIllegal, answer)
        default: break
        }
        let records: RecordBatch
        do {
            // As the reference's clients do: handlers may see how far behind they are.
            records = try RecordBatch(
                answer.body, decompressing: true, brokerName: queue.brokerName,
                common: [(PropertyName.minOffset, String(answer.minOffset)), (PropertyName.maxOffset, String(answer.maxOffset))])
        } catch {
            throw .malformed("messages of \(queue)", from: address, error)
        }
        return PullResult(records, filter, answer)
    }
}

extension ClientCore {
    /// Pulls once.
    ///
    /// - Parameter brokerId: the member of the broker set to ask when it is there.
    func pull(_ request: QueuePull, preferring brokerId: Int64, timeout: Duration) async throws(ClientError) -> PullResult {
        let (address, isMaster) = try await reader(of: request.queue, preferring: brokerId)
        try checkVersion(of: address, for: request.filter)
        // Replicas store no offsets.
        let place = PullTemplate.Place(offset: request.offset, committed: isMaster ? request.committed : nil)
        return try request.result(of: try await pull(PullTemplate(request.header), place, at: address, timeout: timeout), from: address)
    }
}

extension PullResult {
    /// Nothing was found.
    fileprivate init(_ status: Status, _ answer: PullAnswer) {
        self.init(
            status: status, nextOffset: answer.nextBeginOffset, minOffset: answer.minOffset, maxOffset: answer.maxOffset, messages: [],
            unreadable: [], suggestedBrokerId: answer.suggestedBrokerId)
    }

    /// Keeps the messages that were asked for: brokers compare hashes of tags only.
    fileprivate init(_ records: RecordBatch, _ filter: SubscriptionFilter, _ answer: PullAnswer) {
        var (messages, unreadable) = (records.messages, records.unreadable)
        if case .tags = filter {
            let isWanted = messages.map { filter.accepts(tag: $0.tags) }
            unreadable = unreadable.filter { isWanted[$0.index] }.map { entry in
                (isWanted[..<entry.index].count { $0 }, entry.error)
            }
            messages = zip(messages, isWanted).filter(\.1).map(\.0)
        }
        self.init(
            status: messages.isEmpty ? .noMatchedMessage : .found, nextOffset: answer.nextBeginOffset, minOffset: answer.minOffset,
            maxOffset: answer.maxOffset, messages: messages, unreadable: unreadable, suggestedBrokerId: answer.suggestedBrokerId)
    }
}
