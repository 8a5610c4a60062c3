public import RMQCommon

/// A structured body: JSON in the dialect of the protocol.
///
/// Members are written in alphabetical order and tables sorted by key, so that equal values give equal bytes;
/// on reading, any order, absent members and unknown members are fine.
public protocol JSONBody: Sendable, Equatable {
    init(json: JSONValue) throws(JSONError)
    var json: JSONValue { get }
}

extension JSONBody {
    /// Reads the body of a command.
    public init(body: [UInt8]) throws(JSONError) {
        try self.init(json: JSONValue(parsing: body))
    }

    /// The body as the reference writes it: compact, with unquoted number keys and objects as keys.
    public var body: [UInt8] { json.bytes(.fastjson) }
}

extension TopicConfig: JSONBody {}
extension SubscriptionGroupConfig: JSONBody {}
extension DataVersion: JSONBody {}
extension MessageQueue: JSONBody {}

// MARK: - Reading members

extension JSONObject {
    /// The elements of a list member, but for those that are nothing; empty when it is absent.
    /// A single element may stand for the list of it, as tools write that know no lists.
    func list<Element: JSONBody>(_ name: String, of type: Element.Type = Element.self) throws(JSONError) -> [Element] {
        guard let value = self[name] else { return [] }
        if case .object(let single) = value, !single.isEmpty { return [try Element(json: value)] }
        var elements: [Element] = []
        for element in try value.requireArray(name) where element.asArray?.isEmpty != true {
            elements.append(try Element(json: element))
        }
        return elements
    }

    /// The texts of a list member, but for those that are null; empty when it is absent.
    func strings(_ name: String) throws(JSONError) -> [String] {
        guard let value = self[name] else { return [] }
        return try value.strings(name)
    }

    /// The members of a table member, under text keys, without those that are null; empty when it is absent.
    func table<Value>(
        _ name: String, _ read: (JSONValue) throws(JSONError) -> Value
    ) throws(JSONError) -> [ByteText: Value] {
        guard let value = self[name] else { return [:] }
        var table: [ByteText: Value] = [:]
        for (key, value) in try value.requireObject(name).members where !value.isNull {
            guard let key = key.asString else { throw .wrongType(property: name, expected: "a table with text keys") }
            table[key] = try read(value)
        }
        return table
    }

    /// The members of a table member, under queues as keys, without those that are null; empty when it is absent.
    func queueTable<Value>(
        _ name: String, _ read: (JSONValue) throws(JSONError) -> Value
    ) throws(JSONError) -> [MessageQueue: Value] {
        guard let value = self[name] else { return [:] }
        var table: [MessageQueue: Value] = [:]
        for (key, value) in try value.requireObject(name).members where !value.isNull {
            table[try MessageQueue(json: key)] = try read(value)
        }
        return table
    }

    func optionalString(_ name: String) -> String? { self[name]?.asText }
}

extension JSONValue {
    func strings(_ name: String) throws(JSONError) -> [String] {
        var texts: [String] = []
        for element in try requireArray(name) {
            if let text = element.asText { texts.append(text) }
        }
        return texts
    }

    func integer(_ name: String) throws(JSONError) -> Int64 {
        guard let number = asInt64 else { throw .wrongType(property: name, expected: "a 64-bit integer") }
        return number
    }

    // MARK: - Writing members

    static func list(_ elements: some Sequence<some JSONBody>) -> JSONValue {
        .array(elements.map(\.json))
    }

    static func strings(_ texts: some Sequence<String>) -> JSONValue {
        .array(texts.map { .string($0) })
    }

    /// A table with its keys in order.
    static func table<Value>(_ table: [ByteText: Value], _ write: (Value) -> JSONValue) -> JSONValue {
        .object(JSONObject(table.sorted { $0.key < $1.key }.map { (.string($0.key.text), write($0.value)) }))
    }

    /// A table with number keys, which the compact form writes without quotes.
    static func table<Key: BinaryInteger, Value>(_ table: [Key: Value], _ write: (Value) -> JSONValue) -> JSONValue {
        .object(JSONObject(table.sorted { $0.key < $1.key }.map { (JSONValue($0.key), write($0.value)) }))
    }

    /// A table with queues as keys, which the compact form writes as objects.
    static func table<Value>(_ table: [MessageQueue: Value], _ write: (Value) -> JSONValue) -> JSONValue {
        .object(JSONObject(table.sorted { $0.key < $1.key }.map { ($0.key.json, write($0.value)) }))
    }
}
