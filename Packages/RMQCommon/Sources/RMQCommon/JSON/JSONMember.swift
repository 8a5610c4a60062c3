/// A type that a member of a JSON object can hold, with the tolerance of the reference.
public protocol JSONMember: Sendable {
    /// The value of the member called `name`; nil where it stands for none, and an error where it cannot be understood.
    static func read(_ value: JSONValue, _ name: String) throws(JSONError) -> Self?
    /// The elements of the list called `name`, without those that stand for none.
    static func readList(_ value: JSONValue, _ name: String) throws(JSONError) -> [Self]
    /// What stands for it in an object.
    var json: JSONValue { get }
}

extension JSONMember {
    @inlinable public static func readList(_ value: JSONValue, _ name: String) throws(JSONError) -> [Self] {
        var elements: [Self] = []
        for element in try value.requireArray(name) {
            if let element = try read(element, name) { elements.append(element) }
        }
        return elements
    }
}

// MARK: - Single values

extension String: JSONMember {
    public static func read(_ value: JSONValue, _ name: String) -> String? { value.asText }
    public var json: JSONValue { .string(self) }
}

extension Int32: JSONMember {
    public static func read(_ value: JSONValue, _ name: String) throws(JSONError) -> Int32? {
        try value.understood(name, "a 32-bit integer") { $0.asInt32 }
    }

    public var json: JSONValue { .integer(Int64(self)) }
}

extension Int64: JSONMember {
    public static func read(_ value: JSONValue, _ name: String) throws(JSONError) -> Int64? {
        try value.understood(name, "a 64-bit integer") { $0.asInt64 }
    }

    public var json: JSONValue { .integer(self) }
}

extension Bool: JSONMember {
    public static func read(_ value: JSONValue, _ name: String) throws(JSONError) -> Bool? {
        try value.understood(name, "true or false") { $0.asBool }
    }

    public var json: JSONValue { .bool(self) }
}

extension Double: JSONMember {
    public static func read(_ value: JSONValue, _ name: String) throws(JSONError) -> Double? {
        try value.understood(name, "a number") { $0.asDouble }
    }

    public var json: JSONValue { .double(self) }
}

extension JSONValue {
    /// What `read` makes of the value; nil where it stands for none.
    @inline(__always)
    fileprivate func understood<Value>(
        _ name: String, _ expected: String, _ read: (JSONValue) -> Value?
    ) throws(JSONError) -> Value? {
        if isBlank { return nil }
        guard let value = read(self) else { throw .wrongType(property: name, expected: expected) }
        return value
    }
}

/// A set of flags is its number.
extension JSONMember where Self: OptionSet, RawValue == Int32 {
    public static func read(_ value: JSONValue, _ name: String) throws(JSONError) -> Self? {
        try Int32.read(value, name).map { Self(rawValue: $0) }
    }

    public var json: JSONValue { .integer(Int64(rawValue)) }
}

/// A choice is the name of a case, in any letter case, or its place in the order of the cases.
/// A name that no case has stands for none: a newer peer may know more of them.
extension JSONMember where Self: RawRepresentable<String> & CaseIterable {
    public static func read(_ value: JSONValue, _ name: String) throws(JSONError) -> Self? {
        switch value {
        case .string: return allCases.first { value.isText($0.rawValue) }
        case .integer(let index) where (0 ..< Int64(allCases.count)).contains(index): return Array(allCases)[Int(index)]
        default: throw .wrongType(property: name, expected: "one of \(allCases.map(\.rawValue).joined(separator: ", "))")
        }
    }

    public var json: JSONValue { .string(rawValue) }
}

// MARK: - Lists and tables

extension Array: JSONMember where Element: JSONMember {
    @inlinable public static func read(_ value: JSONValue, _ name: String) throws(JSONError) -> [Element]? {
        try Element.readList(value, name)
    }

    @inlinable public var json: JSONValue { .array(map(\.json)) }
}

/// A table is read without the entries that are null, and written in the order of its keys.
extension Dictionary: JSONMember where Key: JSONKey, Value: JSONMember {
    @inlinable public static func read(_ value: JSONValue, _ name: String) throws(JSONError) -> [Key: Value]? {
        var table: [Key: Value] = [:]
        for (key, value) in try value.requireObject(name).members where !(value.isNull && Key.mayLackValue) {
            guard let entry = try Value.read(value, name) else { throw .wrongType(property: name, expected: "a table with a value for each key") }
            table[try Key.readKey(key, name)] = entry
        }
        return table
    }

    @inlinable public var json: JSONValue {
        // The keys alone are sorted: values of a hundred bytes would be moved about.
        .object(JSONObject(keys.sorted().map { ($0.json, self[$0]!.json) }))
    }
}

/// What a table can be sorted by. The compact form writes numbers and objects as keys without quotes.
public protocol JSONKey: Hashable, Comparable, Sendable {
    /// The key of an entry in the table called `name`.
    static func readKey(_ key: JSONValue, _ name: String) throws(JSONError) -> Self
    /// Whether an entry that is null is left out; otherwise its table is refused.
    static var mayLackValue: Bool { get }
    /// The key that stands for it.
    var json: JSONValue { get }
}

extension JSONKey {
    public static var mayLackValue: Bool { true }
}

extension ByteText: JSONKey {
    public static func readKey(_ key: JSONValue, _ name: String) throws(JSONError) -> ByteText {
        guard let text = key.asString else { throw .wrongType(property: name, expected: "a table with text keys") }
        return ByteText(text)
    }

    public var json: JSONValue { .string(text) }
}

extension JSONKey where Self: JSONMember & BinaryInteger {
    public static func readKey(_ key: JSONValue, _ name: String) throws(JSONError) -> Self {
        guard let number = try read(key, name) else { throw .wrongType(property: name, expected: "a table with number keys") }
        return number
    }
}

/// Queue ids: one without an offset is refused, as at the reference.
extension Int32: JSONKey {
    public static var mayLackValue: Bool { false }
}

extension Int64: JSONKey {}
