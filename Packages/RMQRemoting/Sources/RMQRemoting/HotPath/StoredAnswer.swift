/// The answer to a send that was accepted, read without making a text of anything.
public struct StoredAnswer: Sendable {
    /// How safely the message is stored: one of ``ResponseCode/success``, ``ResponseCode/flushDiskTimeout``,
    /// ``ResponseCode/flushSlaveTimeout`` and ``ResponseCode/slaveNotAvailable``.
    public private(set) var code = ResponseCode.success
    /// Where the broker put the message, which may have been its own choice.
    public private(set) var queueId: Int32 = 0
    /// The place of the (first) message in its queue.
    public private(set) var queueOffset: Int64 = 0
    /// What only few answers have; nil for all others.
    private var rest: Rest?
    /// The broker's id of the message where it has 32 digits, as nearly all have.
    private var digits = Digits()

    private struct Digits: Sendable {
        var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
    }

    private final class Rest: Sendable {
        let messageId: String?
        let transactionId: String?
        let region: String?
        let isTraceOn: Bool

        init(messageId: String?, transactionId: String?, region: String?, isTraceOn: Bool) {
            self.messageId = messageId
            self.transactionId = transactionId
            self.region = region
            self.isTraceOn = isTraceOn
        }
    }

    /// The broker's ids of the messages: several, joined with commas, for a batch.
    public var messageId: String {
        rest?.messageId ?? withUnsafeBytes(of: digits) { String(decoding: $0, as: UTF8.self) }
    }
    /// The id of the transaction that the message prepares.
    public var transactionId: String? { rest?.transactionId }
    /// The broker's region, which traces name.
    public var region: String { rest.map { $0.region ?? "" } ?? Self.usualRegion }
    /// Whether the broker wants the message in traces.
    public var isTraceOn: Bool { rest?.isTraceOn ?? true }

    private static let usualRegion = "DefaultRegion"

    /// Of an answer that was read as a command.
    public init(code: ResponseCode, _ header: SendMessageResponseHeader) {
        self.code = code
        queueId = header.queueId
        queueOffset = header.queueOffset
        rest = Rest(
            messageId: header.messageId, transactionId: header.transactionId, region: header.region ?? Self.usualRegion,
            isTraceOn: header.isTraceOn ?? true)
    }

    /// Nil when the message was refused, or when the header is not plain (escapes, a required field absent, a number that cannot be
    /// read): the answer is then taken as a command.
    init?(_ answer: InboundFrame) {
        guard Self.isAccepted(answer.code), let fieldCount = answer.fieldCount else { return nil }
        var id: UnsafeRawBufferPointer?, transaction: UnsafeRawBufferPointer?, region: UnsafeRawBufferPointer?
        var isTraceOff = false
        var seen = 0
        for slot in answer.scratch.fields[..<fieldCount] {
            if slot.isEscaped { return nil }
            let name = answer.key(slot), value = answer.value(slot)
            switch name.count {
            case 5 where name.equals("msgId"): id = value
            case 7 where name.equals("queueId"):
                guard value.read(into: &queueId) else { return nil }
                seen |= 1
            case 11 where name.equals("queueOffset"):
                guard value.read(into: &queueOffset) else { return nil }
                seen |= 2
            case 13 where name.equals("transactionId"): transaction = value
            case 8 where name.equals("TRACE_ON"): isTraceOff = value.equals("false")
            case 10 where name.equals("MSG_REGION"): region = value
            default: break
            }
        }
        guard seen == 3, let id else { return nil }
        code = ResponseCode(rawValue: answer.code)
        let isUsual = transaction == nil && !isTraceOff && region.map { $0.equals("DefaultRegion") } ?? true
        if id.count == MemoryLayout<Digits>.size, isUsual {
            withUnsafeMutableBytes(of: &digits) { $0.copyMemory(from: id) }
        } else {
            rest = Rest(
                messageId: String(decoding: id, as: UTF8.self), transactionId: transaction.map { String(decoding: $0, as: UTF8.self) },
                region: region.map { String(decoding: $0, as: UTF8.self) } ?? Self.usualRegion, isTraceOn: !isTraceOff)
        }
    }

    private static func isAccepted(_ code: Int32) -> Bool { code == 0 || (10...12).contains(code) }
}
