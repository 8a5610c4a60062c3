import RMQCommon

/// What a command changes of the ``NamespaceTable``.
enum KeyValueChange: Equatable, Sendable {
    /// Without a value the key is absent afterwards.
    case put(namespace: String, key: String, value: String?)
    /// Of what is not there, too: the file is written all the same, as at the reference.
    case remove(namespace: String, key: String)
}

/// Why a change of the key-value configuration was refused.
enum KeyValueError: Error, Equatable, CustomStringConvertible {
    case tooLarge(bytes: Int, limit: Int)

    var description: String {
        switch self {
        case .tooLarge(let bytes, let limit): "the key-value configuration would have \(bytes) bytes, its limit is \(limit)"
        }
    }
}

extension NamespaceTable: CommittedValue {
    mutating func apply(change: KeyValueChange) throws(KeyValueError) -> [String] {
        switch change {
        case .put(let namespace, let key, let value):
            let isNew = namespaces[namespace] == nil
            // Asked beforehand: a copy to go back to would be one of the whole namespace, for every change.
            let bytes = byteCount(afterPutting: value, at: key, in: namespace)
            guard bytes <= Self.byteLimit else { throw .tooLarge(bytes: bytes, limit: Self.byteLimit) }
            let old = put(namespace: namespace, key: key, value: value)
            assert(byteCount == bytes)
            let action = old == nil ? "create new config item" : "update config item"
            return [
                "putKVConfig \(isNew ? "create new Namespace and " : "")\(action), Namespace: \(namespace) Key: \(key) Value: \(value ?? "null")"
            ]
        case .remove(let namespace, let key):
            guard let old = remove(namespace: namespace, key: key) else { return [] }
            return ["deleteKVConfig delete a config item, Namespace: \(namespace) Key: \(key) Value: \(old)"]
        }
    }

    var fileContent: [UInt8] { json.bytes(.fastjson) }

    private func byteCount(afterPutting value: String?, at key: String, in namespace: String) -> Int {
        let itemBytes = { (value: String?) in value.map { key.utf8.count + $0.utf8.count } ?? 0 }
        let namespaceBytes = namespaces[namespace] == nil ? namespace.utf8.count : 0
        return byteCount + namespaceBytes - itemBytes(self[namespace, key]) + itemBytes(value)
    }
}
