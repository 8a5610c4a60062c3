import RMQCommon
import RMQRemoting

/// What a broker is told about a half message that this producer has sent.
struct TransactionReport: Sendable {
    let message: OutgoingMessage
    let sent: SendResult
    let decision: TransactionDecision
    let localError: (any Error)?
    let group: String

    /// Tells the master that stored the half message; it does not answer. What fails is logged: the broker asks.
    func tell(_ core: ClientCore, timeout: Duration) async {
        let deadline = MonotonicInstant.now + timeout
        do throws(ClientError) {
            guard let id = OffsetMessageId(sent.offsetMessageId) else {
                throw ClientError(.malformedAnswer, "the half message's offset id is \"\(sent.offsetMessageId)\"")
            }
            let address = try await core.master(of: core.namespace.wrap(sent.queue), deadline: deadline)
            let header = EndTransactionHeader {
                $0.producerGroup = group
                $0.halfQueueOffset = sent.queueOffset
                $0.halfPhysicalOffset = id.physicalOffset
                $0.decision = decision
                $0.messageId = sent.messageId
                $0.brokerName = sent.queue.brokerName
            }
            var command = RemotingCommand(.endTransaction, header: header)
            command.remark = localError.map { "the local transaction threw: \($0)" }
            trace(core, address)
            try await core.sendOneway(command, to: address, timeout: deadline - .now)
        } catch {
            core.logger.warning("the broker was not told to \(decision) message \(sent.messageId), so it will ask: \(error)")
        }
    }

    private func trace(_ core: ClientCore, _ address: String) {
        guard let tracer = core.tracer else { return }
        let properties = message.messageProperties
        tracer.record(
            .transactionEnded(
                TraceRecord.TransactionEnded(
                    time: WallClock.nowMilliseconds(), group: core.namespace.unwrap(group), topic: core.namespace.unwrap(message.topic), messageId: sent.messageId,
                    tags: properties[PropertyName.tags], keys: properties[PropertyName.keys], brokerAddress: address,
                    transactionId: sent.messageId, state: decision.traceText)),
            via: core)
    }
}

extension TransactionDecision {
    /// As traces have it.
    var traceText: String {
        switch self {
        case .commit: "COMMIT_MESSAGE"
        case .rollback: "ROLLBACK_MESSAGE"
        case .unknown: "UNKNOW"
        }
    }
}
