import RMQCommon

/// Small settings that clients keep at the name server: namespace → key → value.
///
/// A value, like ``RouteTable``. A namespace stays when its last key is deleted. On disk and in memory:
///
///     {"configTable":{"ORDER_TOPIC_CONFIG":{"T2":"broker-a:1"},"ns1":{}}}
struct NamespaceTable: Equatable, Sendable {
    /// The namespace that says how many ordered queues a topic has at which broker: `broker-a:4;broker-b:4`.
    static let orderTopics = "ORDER_TOPIC_CONFIG"
    /// Bytes of all texts together. Every change rewrites the file and every registration reply carries the order
    /// topics, so this is a place for settings, not for data.
    static let byteLimit = 4 * 1024 * 1024

    private(set) var namespaces: [ByteText: [ByteText: ByteText]] = [:]
    private(set) var byteCount = 0

    init() {}

    /// What a file holds, entry by entry. A null value counts as absent.
    init(_ file: JSONObject, _ report: inout EntryReport) throws(JSONError) {
        for (name, items) in try file["configTable"]?.requireObject("configTable").members ?? [] where !items.isNull {
            guard let namespace = name.asString else {
                report.leaveOut(name.text(), items, because: "the name of a namespace is a text")
                continue
            }
            guard let items = report.read(namespace, items, { (items) throws(JSONError) in try items.requireObject(namespace) }) else { continue }
            put(namespace: namespace, key: nil, value: nil)
            for (key, value) in items.members {
                if let key = key.asString {
                    put(namespace: namespace, key: key, value: value.asText)
                } else {
                    report.leaveOut("\(namespace), \(key.text())", value, because: "a key is a text")
                }
            }
        }
    }

    var json: JSONValue {
        var table = JSONObject()
        for (name, items) in namespaces.sorted(by: { $0.key < $1.key }) { table.append(.string(name.text), Self.json(items)) }
        return ["configTable": .object(table)]
    }

    /// The body of one namespace: `{"table":{…}}`; nil when it does not exist.
    func json(ofNamespace namespace: String) -> JSONValue? {
        namespaces[namespace].map { ["table": Self.json($0)] }
    }

    /// The reference's lines for its log.
    var logLines: [String] {
        var lines = [String(repeating: "-", count: 56), "configTable SIZE: \(namespaces.count)"]
        for (namespace, items) in namespaces.sorted(by: { $0.key < $1.key }) {
            for (key, value) in items.sorted(by: { $0.key < $1.key }) { lines.append("configTable NS: \(namespace) Key: \(key) Value: \(value)") }
        }
        return lines
    }

    subscript(namespace: String, key: String) -> String? { namespaces[namespace]?[key]?.text }

    /// Sets one item. Without a value the namespace is there afterwards and the key is not.
    /// - Returns: the value it had.
    @discardableResult
    mutating func put(namespace: String, key: String?, value: String?) -> String? {
        if namespaces[namespace] == nil {
            namespaces[namespace] = [:]
            byteCount += namespace.utf8.count
        }
        guard let key else { return nil }
        let old = self[namespace, key]
        if let old { byteCount -= key.utf8.count + old.utf8.count }
        namespaces[namespace]?[key] = value.map { ByteText($0) }
        if let value { byteCount += key.utf8.count + value.utf8.count }
        return old
    }

    /// Removes one item. - Returns: the value it had.
    @discardableResult
    mutating func remove(namespace: String, key: String) -> String? {
        guard namespaces[namespace]?[key] != nil else { return nil }
        return put(namespace: namespace, key: key, value: nil)
    }

    private static func json(_ items: [ByteText: ByteText]) -> JSONValue {
        var object = JSONObject()
        for (key, value) in items.sorted(by: { $0.key < $1.key }) { object.append(.string(key.text), .string(value.text)) }
        return .object(object)
    }
}
