/// The header of a pull (code 11) as slices and numbers, without a copy. Valid as long as the request's bytes.
public struct PullFields {
    public private(set) var consumerGroup = UnsafeRawBufferPointer(start: nil, count: 0)
    public private(set) var topic = UnsafeRawBufferPointer(start: nil, count: 0)
    public private(set) var queueId: Int32 = 0
    public private(set) var queueOffset: Int64 = 0
    /// How many messages are wanted at most.
    public private(set) var maxMsgNums: Int32 = 0
    /// The ``PullFlags`` as they came.
    public private(set) var sysFlag: Int32 = 0
    public private(set) var commitOffset: Int64 = 0
    public private(set) var suspendTimeoutMillis: Int64 = 0
    /// Nil when absent.
    public private(set) var subscription: UnsafeRawBufferPointer?
    /// When the client subscribed last, in milliseconds since 1970.
    public private(set) var subVersion: Int64 = 0
    /// Nil when absent, which means `TAG`.
    public private(set) var expressionType: UnsafeRawBufferPointer?

    /// Nil when the header is not plain (escapes, a required field absent, a number that cannot be read): the caller then
    /// takes ``InboundFrame/command()``.
    public init?(_ request: InboundFrame) {
        guard let fieldCount = request.fieldCount else { return nil }
        var seen: UInt32 = 0
        for slot in request.scratch.fields[..<fieldCount] {
            guard let field = read(request.key(slot), request.value(slot)), field == 0 || !slot.isEscaped else { return nil }
            seen |= field
        }
        guard seen & Self.required == Self.required else { return nil }
    }

    private static let required: UInt32 = 0x1FF
    /// The mark of a field that may be absent.
    private static let mayBeAbsent: UInt32 = 0x200

    /// Takes a field if it is one of these.
    /// - Returns: its mark, which is 0 for all other fields; nil when a number is none.
    @inline(__always)
    private mutating func read(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> UInt32? {
        switch name.count {
        case 5 where name.equals("topic"): value.read(into: &topic) ? 0x001 : nil
        case 7 where name.equals("queueId"): value.read(into: &queueId) ? 0x002 : nil
        case 7 where name.equals("sysFlag"): value.read(into: &sysFlag) ? 0x004 : nil
        case 10 where name.equals("maxMsgNums"): value.read(into: &maxMsgNums) ? 0x008 : nil
        case 10 where name.equals("subVersion"): value.read(into: &subVersion) ? 0x010 : nil
        case 11 where name.equals("queueOffset"): value.read(into: &queueOffset) ? 0x020 : nil
        case 12 where name.equals("commitOffset"): value.read(into: &commitOffset) ? 0x040 : nil
        case 13 where name.equals("consumerGroup"): value.read(into: &consumerGroup) ? 0x080 : nil
        case 20 where name.equals("suspendTimeoutMillis"): value.read(into: &suspendTimeoutMillis) ? 0x100 : nil
        case 12 where name.equals("subscription"): value.read(into: &subscription) ? Self.mayBeAbsent : nil
        case 14 where name.equals("expressionType"): value.read(into: &expressionType) ? Self.mayBeAbsent : nil
        default: 0
        }
    }
}
