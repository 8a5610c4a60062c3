import RMQCommon
import RMQRemoting
import RMQStore

/// The answer to one reply, given when it is known both whether the client that asked has it and, if it is to be stored, where it
/// lies. On the loop only.
///
/// Whether the client has it is the code; where it lies, the header, also of an answer of failure. That it could not be stored
/// is in the log alone, as at the reference: whoever asked has the reply.
final class ReplyAnswer {
    private let connection: Connection
    private let ticket: ReplyTicket
    private let queueId: Int32
    private let loop: LoopState
    private var missing: Int
    private var failure: String?
    private var stored: WrittenMessage?

    init(_ connection: Connection, _ ticket: ReplyTicket, queueId: Int32, isStored: Bool, _ loop: LoopState) {
        self.connection = connection
        self.ticket = ticket
        self.queueId = queueId
        self.loop = loop
        missing = isStored ? 2 : 1
    }

    /// - Parameter failure: why the client does not have the reply; nil when it has.
    func pushed(_ failure: String?) {
        if let failure { loop.broker.clients.log.warning(failure) }
        self.failure = failure
        ended()
    }

    func written(_ outcome: WriteOutcome) {
        switch outcome {
        case .stored(let message, _): stored = message
        case .failed(let refusal): loop.broker.clients.log.warning("a reply is not stored: \(refusal.remark)")
        }
        ended()
    }

    private func ended() {
        missing -= 1
        assert(missing >= 0, "a reply is pushed once and stored once")
        guard missing == 0 else { return }
        let code = failure == nil ? ResponseCode.success : .systemError
        guard stored != nil || failure == nil else { return loop.answers.refuse(connection, ticket, Refusal(code, failure ?? "")) }
        let header = SendMessageResponseHeader {
            // Clients cannot do without one.
            $0.messageId = stored.map { OffsetMessageId(storeHost: loop.settings.storeHost, physicalOffset: $0.result.physicalOffset).text } ?? "0"
            $0.queueId = queueId
            $0.queueOffset = stored?.result.queueOffset ?? 0
            $0.isTraceOn = loop.settings.configuration.traceOn
            $0.region = loop.settings.configuration.regionId
        }
        connection.reply(.response(code, remark: failure, header: header), to: ticket)
    }
}
