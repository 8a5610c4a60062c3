/// The members of a JSON object in the order of the text.
///
/// Looking one up by name is linear, which suits the small objects of the protocol; walk `members` of a large table.
public struct JSONObject: Sendable, ExpressibleByDictionaryLiteral {
    public var members: [(key: JSONValue, value: JSONValue)]

    public init() { members = [] }
    public init(_ members: [(JSONValue, JSONValue)]) { self.members = members.map { (key: $0.0, value: $0.1) } }
    public init(dictionaryLiteral elements: (JSONValue, JSONValue)...) { self.init(elements) }

    public var count: Int { members.count }
    public var isEmpty: Bool { members.isEmpty }

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

/// Members that have to be there. Each throws `missing` or `wrongType` with the member's name.
extension JSONObject {
    public func require(_ name: String) throws(JSONError) -> JSONValue {
        guard let value = self[name] else { throw .missing(property: name) }
        return value
    }

    public func string(_ name: String) throws(JSONError) -> String { try required(name, text(name)) }

    public func int64(_ name: String) throws(JSONError) -> Int64 { try required(name, integer64(name)) }

    public func int32(_ name: String) throws(JSONError) -> Int32 { try required(name, integer32(name)) }

    public func array(_ name: String) throws(JSONError) -> [JSONValue] { try require(name).requireArray(name) }

    public func object(_ name: String) throws(JSONError) -> JSONObject { try require(name).requireObject(name) }

    private func required<Value>(_ name: String, _ value: Value?) throws(JSONError) -> Value {
        guard let value else { throw .missing(property: name) }
        return value
    }
}

/// Members with a default: absent and null take it, and where a number or a boolean is wanted the texts `""` and `"null"` do;
/// any other value of the wrong kind is an error.
extension JSONObject {
    public func string(_ name: String, default fallback: @autoclosure () -> String) throws(JSONError) -> String { text(name) ?? fallback() }

    public func int64(_ name: String, default fallback: @autoclosure () -> Int64) throws(JSONError) -> Int64 { try integer64(name) ?? fallback() }

    public func int32(_ name: String, default fallback: @autoclosure () -> Int32) throws(JSONError) -> Int32 { try integer32(name) ?? fallback() }

    public func bool(_ name: String, default fallback: @autoclosure () -> Bool) throws(JSONError) -> Bool {
        try member(name, "true or false") { $0.asBool } ?? fallback()
    }

    public func double(_ name: String, default fallback: @autoclosure () -> Double) throws(JSONError) -> Double {
        try member(name, "a number") { $0.asDouble } ?? fallback()
    }

    /// A member that is the name of a case, in any letter case, or its place in the order of the cases.
    /// A name that no case has takes the default: a newer peer may know more of them.
    public func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ name: String, default fallback: @autoclosure () -> Choice
    ) throws(JSONError) -> Choice {
        guard let value = self[name] else { return fallback() }
        switch value {
        case .string: return Choice.allCases.first { value.isText($0.rawValue) } ?? fallback()
        case .integer(let index) where (0 ..< Int64(Choice.allCases.count)).contains(index): return Array(Choice.allCases)[Int(index)]
        default: throw .wrongType(property: name, expected: "one of \(Choice.allCases.map(\.rawValue).joined(separator: ", "))")
        }
    }

    /// A member that is an object; nil for what stands for none: absent, null, an empty text, an empty list.
    public func part(_ name: String) -> JSONValue? {
        switch self[name] {
        case .string(let text)? where text.utf8.isEmpty: nil
        case .array(let elements)? where elements.isEmpty: nil
        case let value: value
        }
    }

    private func text(_ name: String) -> String? { self[name]?.asText }

    private func integer64(_ name: String) throws(JSONError) -> Int64? { try member(name, "a 64-bit integer") { $0.asInt64 } }

    private func integer32(_ name: String) throws(JSONError) -> Int32? { try member(name, "a 32-bit integer") { $0.asInt32 } }

    /// What `read` makes of the member, nil when it is absent.
    private func member<Value>(_ name: String, _ expected: String, _ read: (JSONValue) -> Value?) throws(JSONError) -> Value? {
        guard let found = self[name], !found.isBlank else { return nil }
        guard let value = read(found) else { throw .wrongType(property: name, expected: expected) }
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
    fileprivate func isText(_ name: String) -> Bool {
        guard case .string(let text) = self, text.utf8.count == name.utf8.count else { return false }
        return zip(text.utf8, name.utf8).allSatisfy { $0 == $1 || ($0 | 0x20 == $1 | 0x20 && 0x61 ... 0x7A ~= $0 | 0x20) }
    }

    /// A text that is the same for equal values.
    fileprivate var sortedText: String { text(.browserCompatible) }
}
