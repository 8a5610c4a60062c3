/// The header of a send (codes 10, 310, 320 and their reply forms 324, 325) as slices and numbers, without a copy.
///
/// The slices are valid as long as the request's bytes; `properties` may lie in the loop's scratch memory and is
/// overwritten by the next request.
public struct SendFields {
    public private(set) var producerGroup = UnsafeRawBufferPointer(start: nil, count: 0)
    public private(set) var topic = UnsafeRawBufferPointer(start: nil, count: 0)
    public private(set) var defaultTopic = UnsafeRawBufferPointer(start: nil, count: 0)
    public private(set) var defaultTopicQueueNums: Int32 = 0
    public private(set) var queueId: Int32 = 0
    public private(set) var sysFlag: Int32 = 0
    public private(set) var bornTimestamp: Int64 = 0
    public private(set) var flag: Int32 = 0
    /// The property string with its separators U+0001 and U+0002; empty when absent.
    public private(set) var properties = UnsafeRawBufferPointer(start: nil, count: 0)
    public private(set) var reconsumeTimes: Int32 = 0
    public private(set) var unitMode = false
    public private(set) var maxReconsumeTimes: Int32?
    public private(set) var batch = false
    public private(set) var brokerName = UnsafeRawBufferPointer(start: nil, count: 0)

    /// a, b, c, d, e, f, g, h: the required ones.
    private static let required: UInt32 = 0xFF
    private static let digitOfLetter = UInt8(ascii: "a")

    /// Nil when the header is not plain (escapes outside of the properties, a required field absent, a number that cannot be read):
    /// the caller then takes ``InboundRequest/command()``.
    public init?(_ request: InboundRequest) {
        guard let fieldCount = request.fieldCount else { return nil }
        let hasShortKeys = request.code == 310 || request.code == 320 || request.code == 325
        var seen: UInt32 = 0
        for index in 0..<fieldCount {
            let slot = request.scratch.fields[index]
            let key = request.key(slot)
            let field: UInt8
            if hasShortKeys {
                guard key.count == 1 else { continue }
                field = key[0] &- Self.digitOfLetter
            } else {
                field = Self.index(ofLongKey: key)
            }
            guard field < 14 else { continue }
            var value = request.value(slot)
            if slot.isEscaped {
                guard field == 8, let count = value.unescapeJSON(into: request.scratch.text) else { return nil }
                value = UnsafeRawBufferPointer(start: request.scratch.text.baseAddress, count: count)
            }
            guard set(field, value) else { return nil }
            seen |= 1 << UInt32(field)
        }
        guard seen & Self.required == Self.required else { return nil }
    }

    @inline(__always)
    private mutating func set(_ field: UInt8, _ value: UnsafeRawBufferPointer) -> Bool {
        switch field {
        case 0: producerGroup = value
        case 1: topic = value
        case 2: defaultTopic = value
        case 3: return Self.number(value, into: &defaultTopicQueueNums)
        case 4: return Self.number(value, into: &queueId)
        case 5: return Self.number(value, into: &sysFlag)
        case 6:
            guard let number = value.decimal else { return false }
            bornTimestamp = number
        case 7: return Self.number(value, into: &flag)
        case 8: properties = value
        case 9: return Self.number(value, into: &reconsumeTimes)
        case 10: unitMode = value.isTrue
        case 11:
            guard let number = value.decimal32 else { return false }
            maxReconsumeTimes = number
        case 12: batch = value.isTrue
        default: brokerName = value
        }
        return true
    }

    @inline(__always)
    private static func number(_ value: UnsafeRawBufferPointer, into target: inout Int32) -> Bool {
        guard let number = value.decimal32 else { return false }
        target = number
        return true
    }

    /// The position of a long name in the order a … n; 255 for others.
    private static func index(ofLongKey key: UnsafeRawBufferPointer) -> UInt8 {
        switch key.count {
        case 4: key.equals("flag") ? 7 : 255
        case 5: key.equals("topic") ? 1 : key.equals("batch") ? 12 : key.equals("bname") ? 13 : 255
        case 7: key.equals("queueId") ? 4 : key.equals("sysFlag") ? 5 : 255
        case 8: key.equals("unitMode") ? 10 : 255
        case 10: key.equals("properties") ? 8 : 255
        case 12: key.equals("defaultTopic") ? 2 : 255
        case 13: key.equals("producerGroup") ? 0 : key.equals("bornTimestamp") ? 6 : 255
        case 14: key.equals("reconsumeTimes") ? 9 : 255
        case 17: key.equals("maxReconsumeTimes") ? 11 : 255
        case 21: key.equals("defaultTopicQueueNums") ? 3 : 255
        default: 255
        }
    }
}
