/// The answer to a pull, read without making a text of anything.
public struct PullAnswer: Sendable {
    /// How the pull ended: one of ``ResponseCode/success``, ``ResponseCode/pullNotFound``, ``ResponseCode/pullRetryImmediately`` and
    /// ``ResponseCode/pullOffsetMoved``.
    public private(set) var code = ResponseCode.success
    /// Which broker of the set to ask next; 0 is the master.
    public private(set) var suggestedBrokerId: Int64 = 0
    /// Where to go on.
    public private(set) var nextBeginOffset: Int64 = 0
    /// The queue's oldest offset.
    public private(set) var minOffset: Int64 = 0
    /// The offset that the queue's next message will have.
    public private(set) var maxOffset: Int64 = 0
    /// The records of the messages, one after the other, as they lie in the broker's log.
    public private(set) var body: [UInt8] = []

    /// Of an answer that was read as a command.
    public init(code: ResponseCode, _ header: PullMessageResponseHeader, body: [UInt8]) {
        self.code = code
        suggestedBrokerId = header.suggestedBrokerId
        nextBeginOffset = header.nextBeginOffset
        minOffset = header.minOffset
        maxOffset = header.maxOffset
        self.body = body
    }

    /// Whether a pull that is answered so was served, if only with the word that there is nothing.
    public static func isServed(_ code: ResponseCode) -> Bool { code == .success || (19...21).contains(code.rawValue) }

    /// Nil when the pull was refused, or when the header is not plain: the answer is then taken as a command.
    init?(_ answer: InboundFrame) {
        code = ResponseCode(rawValue: answer.code)
        guard Self.isServed(code), let fieldCount = answer.fieldCount else { return nil }
        var seen = 0
        for slot in answer.scratch.fields[..<fieldCount] {
            if slot.isEscaped { return nil }
            let name = answer.key(slot), value = answer.value(slot)
            let isReadable: Bool
            switch name.count {
            case 9 where name.equals("minOffset"): (isReadable, seen) = (value.read(into: &minOffset), seen | 1)
            case 9 where name.equals("maxOffset"): (isReadable, seen) = (value.read(into: &maxOffset), seen | 2)
            case 15 where name.equals("nextBeginOffset"): (isReadable, seen) = (value.read(into: &nextBeginOffset), seen | 4)
            case 20 where name.equals("suggestWhichBrokerId"): (isReadable, seen) = (value.read(into: &suggestedBrokerId), seen | 8)
            default: isReadable = true
            }
            guard isReadable else { return nil }
        }
        guard seen == 15 else { return nil }
        body = [UInt8](answer.body)
    }
}
