/// The members of a JSON object in the order of the text.
///
/// Looking one up by name is linear, which suits the small objects of the protocol; walk `members` of a large table.
public struct JSONObject: Sendable, ExpressibleByDictionaryLiteral {
    /// Names and values in the order in which they came; a name may stand twice.
    public var members: [(key: JSONValue, value: JSONValue)]

    public init() { members = [] }
    /// - Parameter members: names may be anything but usually are texts.
    public init(_ members: [(JSONValue, JSONValue)]) { self.members = members.map { (key: $0.0, value: $0.1) } }
    public init(dictionaryLiteral elements: (JSONValue, JSONValue)...) { self.init(elements) }

    /// How many members there are, those with one name counted each.
    public var count: Int { members.count }
    /// Whether there is no member.
    public var isEmpty: Bool { members.isEmpty }

    /// Adds a member at the end, beside one that has the name already.
    public mutating func append(_ key: JSONValue, _ value: JSONValue) { members.append((key, value)) }

    /// Appends a member, or leaves it out when there is no value, as the reference does with null properties.
    public mutating func append(_ key: String, ifPresent value: JSONValue?) {
        guard let value, !value.isNull else { return }
        members.append((.string(key), value))
    }

    /// The member of that name: the last exact match, else one that differs only in letter case. `null` reads as nil.
    /// Setting nil removes the member.
    public subscript(name: String) -> JSONValue? {
        get {
            let found = members.last { $0.key.isExactly(name) } ?? members.last { $0.key.isText(name) }
            guard let value = found?.value, !value.isNull else { return nil }
            return value
        }
        set {
            guard let newValue else { return members.removeAll { $0.key.isExactly(name) } }
            if let index = members.lastIndex(where: { $0.key.isExactly(name) }) {
                members[index].value = newValue
            } else {
                members.append((.string(name), newValue))
            }
        }
    }
}

/// Reading members. An error names the member: `missing` or `wrongType`.
extension JSONObject {
    /// The value of a member; nil when it is absent, null or stands for none.
    @inlinable public func optional<Value: JSONMember>(_ name: String) throws(JSONError) -> Value? {
        guard let value = self[name] else { return nil }
        return try Value.read(value, name)
    }

    /// The value of a member that has to be there.
    @inlinable public func required<Value: JSONMember>(_ name: String) throws(JSONError) -> Value {
        guard let value: Value = try optional(name) else { throw .missing(property: name) }
        return value
    }

    /// A text that has to be there.
    /// - Throws: ``JSONError`` when it is not, or cannot be taken for a text.
    public func string(_ name: String) throws(JSONError) -> String { try required(name) }

    /// A whole number that has to be there.
    /// - Throws: ``JSONError`` when it is not, or cannot be taken for one.
    public func int64(_ name: String) throws(JSONError) -> Int64 { try required(name) }

    /// As ``int64(_:)``, in 32 bits.
    public func int32(_ name: String) throws(JSONError) -> Int32 { try required(name) }

    /// A text, `fallback` where it is missing or null.
    /// - Throws: ``JSONError`` when it cannot be taken for a text.
    public func string(_ name: String, default fallback: @autoclosure () -> String) throws(JSONError) -> String {
        try optional(name) ?? fallback()
    }

    /// A whole number, `fallback` where it is missing or null.
    /// - Throws: ``JSONError`` when it cannot be taken for one.
    public func int64(_ name: String, default fallback: @autoclosure () -> Int64) throws(JSONError) -> Int64 {
        try optional(name) ?? fallback()
    }

    /// A value that has to be there and not null.
    /// - Throws: ``JSONError`` that names it.
    public func require(_ name: String) throws(JSONError) -> JSONValue {
        guard let value = self[name] else { throw .missing(property: name) }
        return value
    }

    /// An object that has to be there.
    /// - Throws: ``JSONError`` that names it.
    public func object(_ name: String) throws(JSONError) -> JSONObject { try require(name).requireObject(name) }

    /// A member that is an object; nil for what stands for none: absent, null, an empty text, an empty list.
    public func part(_ name: String) -> JSONValue? {
        guard let value = self[name], !value.isEmptyPart else { return nil }
        return value
    }
}

/// Equal when the members are, whatever their order: the reference writes tables in hash order.
extension JSONObject: Equatable {
    public static func == (left: JSONObject, right: JSONObject) -> Bool {
        guard left.count == right.count else { return false }
        if zip(left.members, right.members).allSatisfy({ $0.key == $1.key && $0.value == $1.value }) { return true }
        var byKey: [ByteText: [Int]] = [:]
        for (index, member) in right.members.enumerated() { byKey[member.key.sortedText, default: []].append(index) }
        for member in left.members {
            let text = member.key.sortedText
            guard let match = byKey[text]?.firstIndex(where: { right.members[$0].value == member.value }) else { return false }
            byKey[text]?.remove(at: match)
        }
        return true
    }
}

extension JSONValue {
    fileprivate func isExactly(_ name: String) -> Bool {
        if case .string(let text) = self { text.isExactly(name) } else { false }
    }

    /// Differs from `name` in letter case at most.
    func isText(_ name: String) -> Bool {
        guard case .string(let text) = self, text.utf8.count == name.utf8.count else { return false }
        return zip(text.utf8, name.utf8).allSatisfy { $0 == $1 || ($0 | 0x20 == $1 | 0x20 && 0x61 ... 0x7A ~= $0 | 0x20) }
    }

    /// Whether this stands for no object where one is wanted: an empty text, an empty list.
    @usableFromInline var isEmptyPart: Bool {
        switch self {
        case .string(let text): text.utf8.isEmpty
        case .array(let elements): elements.isEmpty
        default: false
        }
    }

    /// A text that is the same for equal values.
    fileprivate var sortedText: String { text(.browserCompatible) }
}
