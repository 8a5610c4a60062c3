import RMQCommon
import RMQRemoting
import RMQStore

/// Tells what became of a message. One a loop, on its thread only.
final class WriteAnswers {
    private let loop: EventLoop
    private let settings: LoopSettings

    init(loop: EventLoop, settings: LoopSettings) {
        self.loop = loop
        self.settings = settings
    }

    func tell(_ completion: WriteCompletion, _ outcome: WriteOutcome) {
        switch completion {
        case .none: break
        case .call(let body): loop.deferToEnd { body(outcome) }
        case .observer(let observer): observer.written(outcome)
        case .send(let connection, let ticket):
            switch outcome {
            case .stored(let message, let status): answer(connection, ticket, message, status)
            case .failed(let refusal): refuse(connection, ticket, refusal)
            }
        }
    }

    /// Straight from the numbers of the append into the output buffer.
    private func answer(_ connection: Connection, _ ticket: ReplyTicket, _ message: WrittenMessage, _ status: AppendStatus) {
        func reply(_ id: ReplyMessageId) {
            connection.replySend(
                to: ticket, code: status.responseCode, messageId: id, queueId: message.queueId, queueOffset: message.result.queueOffset,
                trailer: settings.sendTrailer)
        }
        let result = message.result
        if settings.storeHost.isIPv6 {
            let ids = result.physicalOffsets.map { OffsetMessageId(storeHost: settings.storeHost, physicalOffset: $0).text }
            Array(ids.joined(separator: ",").utf8).withUnsafeBytes { reply(.text($0)) }
        } else if result.messageCount == 1 {
            reply(.stored(ipv4AndPort: settings.storeHostWord, physicalOffset: result.physicalOffset))
        } else {
            reply(.batch(ipv4AndPort: settings.storeHostWord, physicalOffset: result.physicalOffset, byteCounts: result.batchByteCounts))
        }
    }

    /// Answers a send that is not stored.
    func refuse(_ connection: Connection, _ ticket: ReplyTicket, _ refusal: Refusal) {
        var response = RemotingCommand.response(refusal.code, remark: refusal.remark)
        response.fields = [
            SendMessageResponseHeader.regionField: settings.configuration.regionId,
            SendMessageResponseHeader.traceField: String(settings.configuration.traceOn),
        ]
        connection.reply(response, to: ticket)
    }
}
