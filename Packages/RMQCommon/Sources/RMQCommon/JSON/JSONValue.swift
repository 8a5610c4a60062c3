/// A JSON document in the dialect of the protocol, where the keys of an object may also be numbers and objects.
public enum JSONValue: Sendable, Equatable {
    case null
    case bool(Bool)
    case integer(Int64)
    case double(Double)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)
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

    public init(_ value: some BinaryInteger) { self = .integer(Int64(value)) }
    public init(_ value: String) { self = .string(value) }
    public init(_ value: Bool) { self = .bool(value) }
    public init(_ value: Double) { self = .double(value) }
    /// `null` for nil.
    public init(_ value: String?) { self = value.map { .string($0) } ?? .null }
}

/// Reading with the tolerance of the reference: a number may arrive as text and a boolean as a number.
/// Each is nil when the value cannot be understood that way.
extension JSONValue {
    public var isNull: Bool {
        if case .null = self { true } else { false }
    }

    public var asString: String? {
        switch self {
        case .string(let text): text
        case .integer(let number): String(number)
        case .double(let number): JSONNumber.text(number)
        case .bool(let flag): flag ? "true" : "false"
        case .null, .array, .object: nil
        }
    }

    public var asInt64: Int64? {
        switch self {
        case .integer(let number): number
        case .double(let number): Int64(exactly: number.rounded(.towardZero))
        case .string(let text): Int64(text)
        case .bool(let flag): flag ? 1 : 0
        case .null, .array, .object: nil
        }
    }

    public var asInt32: Int32? { asInt64.flatMap { Int32(exactly: $0) } }
    public var asInt: Int? { asInt64.flatMap { Int(exactly: $0) } }

    public var asDouble: Double? {
        switch self {
        case .integer(let number): Double(number)
        case .double(let number): number
        case .string(let text): Double(text)
        case .bool, .null, .array, .object: nil
        }
    }

    public var asBool: Bool? {
        switch self {
        case .bool(let flag): flag
        case .integer(let number): number == 1 ? true : number == 0 ? false : nil
        case .string(let text):
            switch text.lowercased() {
            case "true", "1": true
            case "false", "0": false
            default: nil
            }
        case .double, .null, .array, .object: nil
        }
    }

    public var asArray: [JSONValue]? {
        guard case .array(let elements) = self else { return nil }
        return elements
    }

    public var asObject: JSONObject? {
        guard case .object(let object) = self else { return nil }
        return object
    }

    /// The member of an object; nil for a missing member and for any other kind of value.
    public subscript(name: String) -> JSONValue? { asObject?[name] }

    /// The object that the caller needs, or an error that names it.
    public func requireObject(_ what: String) throws(JSONError) -> JSONObject {
        guard case .object(let object) = self else { throw .wrongType(property: what, expected: "an object") }
        return object
    }

    public func requireArray(_ what: String) throws(JSONError) -> [JSONValue] {
        guard case .array(let elements) = self else { throw .wrongType(property: what, expected: "an array") }
        return elements
    }
}
