import RMQCommon
import RMQRemoting

/// A broker's question what became of a half message, and the way of the answer.
struct CheckQuestion: Sendable {
    let header: CheckTransactionHeader
    /// Decompressed.
    let message: StoredMessage
    /// Who asks, `ip:port`: the answer goes there.
    let server: String

    /// - Throws: when the header or the half message cannot be read.
    init(_ request: ServerRequests.Request) throws {
        header = try request.command.header()
        message = try request.command.body.withUnsafeBytes { try MessageRecord.decode($0, decompressing: true).0 }
        server = request.server
    }

    /// Whose transaction it is; nil when the message does not say.
    var group: String? { message.properties[PropertyName.producerGroup] }

    /// Answers. What fails is logged: the broker asks again.
    /// - Parameter failure: why the decision is unknown.
    func answer(_ decision: TransactionDecision, _ failure: (any Error)?, group: String, _ core: ClientCore) async {
        let header = EndTransactionHeader {
            $0.producerGroup = group
            $0.halfQueueOffset = self.header.halfQueueOffset
            $0.halfPhysicalOffset = self.header.halfPhysicalOffset
            $0.decision = decision
            $0.answersCheck = true
            $0.messageId = message.messageId
            $0.transactionId = self.header.transactionId
            $0.brokerName = self.header.brokerName
        }
        var command = RemotingCommand(.endTransaction, header: header)
        command.remark = failure.map { "the check threw: \($0)" }
        trace(decision, group: group, core)
        do {
            try await core.sendOneway(command, to: server)
        } catch {
            core.logger.warning("\(server) was not told to \(decision) message \(message.messageId), so it will ask again: \(error)")
        }
    }

    private func trace(_ decision: TransactionDecision, group: String, _ core: ClientCore) {
        guard let tracer = core.tracer else { return }
        let properties = message.properties
        tracer.record(
            .transactionEnded(
                TraceRecord.TransactionEnded(
                    time: WallClock.nowMilliseconds(), region: properties[PropertyName.region] ?? "DefaultRegion", group: core.namespace.unwrap(group),
                    topic: core.namespace.unwrap(message.topic), messageId: message.messageId, tags: message.tags, keys: properties[PropertyName.keys],
                    brokerAddress: server, transactionId: header.transactionId, state: decision.traceText, answersCheck: true)),
            via: core)
    }
}
