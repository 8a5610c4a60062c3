/// A JSON document in the dialect of the protocol, where the keys of an object may also be numbers and objects.
public enum JSONValue: Sendable {
    case null
    case bool(Bool)
    case integer(Int64)
    case double(Double)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)
}

extension JSONValue: Equatable {
    public static func == (left: JSONValue, right: JSONValue) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.bool(let left), .bool(let right)): left == right
        case (.integer(let left), .integer(let right)): left == right
        case (.double(let left), .double(let right)): left == right
        case (.string(let left), .string(let right)): left.isExactly(right)
        case (.array(let left), .array(let right)): left == right
        case (.object(let left), .object(let right)): left == right
        case (.null, _), (.bool, _), (.integer, _), (.double, _), (.string, _), (.array, _), (.object, _): false
        }
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral, ExpressibleByNilLiteral,
    ExpressibleByFloatLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    public init(stringLiteral value: String) { self = .string(value) }
    public init(integerLiteral value: Int64) { self = .integer(value) }
    public init(floatLiteral value: Double) { self = .double(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(nilLiteral: ()) { self = .null }
    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    public init(dictionaryLiteral elements: (JSONValue, JSONValue)...) { self = .object(JSONObject(elements)) }

    /// A whole number; has to fit into 64 bits.
    public init(_ value: some BinaryInteger) { self = .integer(Int64(value)) }
    /// A text as it is.
    public init(_ value: String) { self = .string(value) }
    /// `true` or `false`.
    public init(_ value: Bool) { self = .bool(value) }
    /// A number with a fraction, even if that is zero.
    public init(_ value: Double) { self = .double(value) }
    /// `null` for nil.
    public init(_ value: String?) { self = value.map { .string($0) } ?? .null }
}

/// Reading with the tolerance of the reference: a number may arrive as text and a boolean as a number.
/// Each is nil when the value cannot be understood that way.
extension JSONValue {
    /// Whether it is `null`.
    public var isNull: Bool {
        if case .null = self { true } else { false }
    }

    /// Whether this stands for no value where a number or a boolean is wanted: null, and the texts that scripts make of it.
    public var isBlank: Bool {
        switch self {
        case .null: true
        case .string(let text): text.utf8.isEmpty || text.utf8.elementsEqual("null".utf8) || text.utf8.elementsEqual("NULL".utf8)
        default: false
        }
    }

    /// A single value as text; nil for null, lists and objects.
    public var asString: String? {
        switch self {
        case .string(let text): text
        case .integer(let number): String(number)
        case .double(let number): JSONNumber.text(number)
        case .bool(let flag): flag ? "true" : "false"
        case .null, .array, .object: nil
        }
    }

    /// The value where text is wanted: lists and objects as their JSON. nil for null.
    public var asText: String? {
        switch self {
        case .array, .object: text(.fastjson)
        default: asString
        }
    }

    /// A fraction is cut off.
    public var asInt64: Int64? {
        switch self {
        case .integer(let number): number
        case .double(let number): Int64(exactly: number.rounded(.towardZero))
        case .string(let text): Int64(text)
        case .bool, .null, .array, .object: nil
        }
    }

    /// As the reference reads one: true is 1, and a text may end with a fraction of zeros.
    public var asInt32: Int32? {
        switch self {
        case .bool(let flag): flag ? 1 : 0
        case .string(let text): Int32(text) ?? Self.wholeNumber(text).flatMap { Int32($0) }
        default: asInt64.flatMap { Int32(exactly: $0) }
        }
    }

    /// As ``asInt64``, where it fits.
    public var asInt: Int? { asInt64.flatMap { Int(exactly: $0) } }

    /// `5` of `5.0`.
    private static func wholeNumber(_ text: String) -> String? {
        guard let (whole, fraction) = text.cut(atFirst: ".") else { return nil }
        return fraction.utf8.allSatisfy { $0 == UInt8(ascii: "0") } ? whole : nil
    }

    /// The number, also of a text that is one; nil for all else.
    public var asDouble: Double? {
        switch self {
        case .integer(let number): Double(number)
        case .double(let number): number
        case .string(let text): Double(text)
        case .bool, .null, .array, .object: nil
        }
    }

    /// Every number of 32 bits but 1 is false, as at the reference.
    public var asBool: Bool? {
        switch self {
        case .bool(let flag): flag
        case .integer, .double: asInt32.map { $0 == 1 }
        case .string(let text):
            switch ByteText(text.asciiLowercased) {
            case "true", "1", "y", "t": true
            case "false", "0", "n", "f": false
            default: nil
            }
        case .null, .array, .object: nil
        }
    }

    /// The elements of a list; nil for all else.
    public var asArray: [JSONValue]? {
        guard case .array(let elements) = self else { return nil }
        return elements
    }

    /// The object; nil for all else.
    public var asObject: JSONObject? {
        guard case .object(let object) = self else { return nil }
        return object
    }

    /// The member of an object; nil for a missing member and for any other kind of value.
    public subscript(name: String) -> JSONValue? { asObject?[name] }

    /// The object that the caller needs, or an error that names it. An empty list is an empty object: PHP writes both alike.
    public func requireObject(_ what: @autoclosure () -> String) throws(JSONError) -> JSONObject {
        switch self {
        case .object(let object): return object
        case .array(let elements) where elements.isEmpty: return JSONObject()
        default: throw .wrongType(property: what(), expected: "an object")
        }
    }

    /// The elements that the caller needs, without those that are null, or an error that names the list.
    /// An empty object is an empty list: Lua writes both alike.
    public func requireArray(_ what: String) throws(JSONError) -> [JSONValue] {
        switch self {
        case .array(let elements): return elements.contains { $0.isNull } ? elements.filter { !$0.isNull } : elements
        case .object(let object) where object.isEmpty: return []
        default: throw .wrongType(property: what, expected: "an array")
        }
    }
}
