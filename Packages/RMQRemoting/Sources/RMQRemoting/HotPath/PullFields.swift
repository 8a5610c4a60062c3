/// The header of a pull (code 11) as slices and numbers, without a copy. Valid as long as the request's bytes.
public struct PullFields {
    public private(set) var consumerGroup = UnsafeRawBufferPointer(start: nil, count: 0)
    public private(set) var topic = UnsafeRawBufferPointer(start: nil, count: 0)
    public private(set) var queueId: Int32 = 0
    public private(set) var queueOffset: Int64 = 0
    public private(set) var maxMsgNums: Int32 = 0
    public private(set) var sysFlag: Int32 = 0
    public private(set) var commitOffset: Int64 = 0
    public private(set) var suspendTimeoutMillis: Int64 = 0
    /// Nil when absent.
    public private(set) var subscription: UnsafeRawBufferPointer?
    public private(set) var subVersion: Int64 = 0
    /// Nil when absent, which means `TAG`.
    public private(set) var expressionType: UnsafeRawBufferPointer?

    /// All but subscription and expressionType, which are the last two.
    private static let required: UInt32 = 0b1_1111_1111

    /// Nil when the header is not plain (escapes, a required field absent, a number that cannot be read): the caller then
    /// takes ``InboundRequest/command()``.
    public init?(_ request: InboundRequest) {
        guard let fieldCount = request.fieldCount else { return nil }
        var seen: UInt32 = 0
        for index in 0..<fieldCount {
            let slot = request.scratch.fields[index]
            let field = Self.index(of: request.key(slot))
            guard field < 11 else { continue }
            guard !slot.isEscaped, set(field, request.value(slot)) else { return nil }
            seen |= 1 << field
        }
        guard seen & Self.required == Self.required else { return nil }
    }

    @inline(__always)
    private mutating func set(_ field: UInt32, _ value: UnsafeRawBufferPointer) -> Bool {
        switch field {
        case 0: consumerGroup = value
        case 1: topic = value
        case 2: return Self.number(value, into: &queueId)
        case 3: return Self.number(value, into: &queueOffset)
        case 4: return Self.number(value, into: &maxMsgNums)
        case 5: return Self.number(value, into: &sysFlag)
        case 6: return Self.number(value, into: &commitOffset)
        case 7: return Self.number(value, into: &suspendTimeoutMillis)
        case 8: return Self.number(value, into: &subVersion)
        case 9: subscription = value
        default: expressionType = value
        }
        return true
    }

    @inline(__always)
    private static func number<T: FixedWidthInteger>(_ value: UnsafeRawBufferPointer, into target: inout T) -> Bool {
        guard let number = value.decimal.flatMap({ T(exactly: $0) }) else { return false }
        target = number
        return true
    }

    private static func index(of key: UnsafeRawBufferPointer) -> UInt32 {
        switch key.count {
        case 5: key.equals("topic") ? 1 : 255
        case 7: key.equals("queueId") ? 2 : key.equals("sysFlag") ? 5 : 255
        case 10: key.equals("maxMsgNums") ? 4 : key.equals("subVersion") ? 8 : 255
        case 11: key.equals("queueOffset") ? 3 : 255
        case 12: key.equals("commitOffset") ? 6 : key.equals("subscription") ? 9 : 255
        case 13: key.equals("consumerGroup") ? 0 : 255
        case 14: key.equals("expressionType") ? 10 : 255
        case 20: key.equals("suspendTimeoutMillis") ? 7 : 255
        default: 255
        }
    }
}
