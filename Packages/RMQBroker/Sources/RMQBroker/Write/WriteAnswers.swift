import RMQCommon
import RMQRemoting
import RMQStore

/// Tells what became of a message. One a loop, on its thread only.
final class WriteAnswers {
    private let loop: EventLoop
    private let settings: LoopSettings
    private let store: MessageStore

    init(loop: EventLoop, settings: LoopSettings, store: MessageStore) {
        self.loop = loop
        self.settings = settings
        self.store = store
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
        if message.result.messageCount == 1, !settings.storeHost.isIPv6 {
            reply(.stored(ipv4AndPort: settings.storeHostWord, physicalOffset: message.result.physicalOffset))
        } else {
            MessageIdList(message.result, storeHost: settings.storeHost, in: store).text.withUnsafeBytes { reply(.text($0)) }
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

/// The ids of the messages of one append, joined with commas.
struct MessageIdList {
    private(set) var text: [UInt8] = []

    /// The records lie one behind the other; each says how long it is.
    init(_ result: AppendResult, storeHost: HostAddress, in store: MessageStore) {
        text.reserveCapacity(result.messageCount * 57)
        var offset = result.physicalOffset
        for index in 0..<result.messageCount {
            if index > 0 { text.append(UInt8(ascii: ",")) }
            text += OffsetMessageId(storeHost: storeHost, physicalOffset: offset).text.utf8
            guard let record = store.record(at: offset) else { return }
            offset += Int64(record.bytes.count)
        }
    }
}
