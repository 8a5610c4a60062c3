import RMQCommon
import RMQRemoting

/// Codes 100, 101, 102 and 219. The changing ones are answered from the file queue, once the change is on disk.
extension NameServerHandler {
    func putKeyValue(_ command: RemotingCommand, _ reply: ReplyHandle) {
        guard let namespace = command.fields?["namespace"], let key = command.fields?["key"] else {
            return reply.complete(.response(.systemError, remark: "namespace or key is null"))
        }
        let value = command.fields?["value"]   // without one the key is absent afterwards
        core.changeKeyValues(bytes: command.headerBytes) { (table) throws(KeyValueError) in
            let isNew = table.namespaces[namespace] == nil
            let old = table.put(namespace: namespace, key: key, value: value)
            guard table.byteCount <= KeyValueTable.byteLimit else {
                throw .tooLarge(bytes: table.byteCount, limit: KeyValueTable.byteLimit)
            }
            let action = old == nil ? "create new config item" : "update config item"
            return "putKVConfig \(isNew ? "create new Namespace and " : "")\(action), Namespace: \(namespace) Key: \(key) Value: \(value ?? "null")"
        } completion: {
            reply.complete(.response(to: $0))
        }
    }

    func deleteKeyValue(_ command: RemotingCommand, _ reply: ReplyHandle) {
        let namespace = command.fields?["namespace"] ?? "null"
        let key = command.fields?["key"] ?? "null"
        core.changeKeyValues(bytes: command.headerBytes) { (table) throws(KeyValueError) in
            guard let old = table.remove(namespace: namespace, key: key) else { return nil }
            return "deleteKVConfig delete a config item, Namespace: \(namespace) Key: \(key) Value: \(old)"
        } completion: {
            reply.complete(.response(to: $0))
        }
    }

    func getKeyValue(_ command: RemotingCommand) -> RemotingCommand {
        let namespace = command.fields?["namespace"] ?? "null"
        let key = command.fields?["key"] ?? "null"
        guard let value = core.keyValues[namespace, key] else {
            let remark = "No config item, Namespace: \(namespace) Key: \(key)"
            return .response(.queryNotFound, remark: remark, header: KeyValueResponseHeader())
        }
        return .response(.success, header: KeyValueResponseHeader(value: value))
    }

    func keyValues(_ command: RemotingCommand) -> RemotingCommand {
        let namespace = command.fields?["namespace"] ?? "null"
        guard let table = core.keyValues.json(ofNamespace: namespace) else {
            return .response(.queryNotFound, remark: "No config item, Namespace: \(namespace)")
        }
        return .response(.success, body: table.bytes(.fastjson))
    }
}

extension RemotingCommand {
    /// Bytes of the header's texts.
    fileprivate var headerBytes: Int { fields?.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count } ?? 0 }

    /// Success, or what went wrong.
    static func response(to result: Result<Void, any Error>) -> RemotingCommand {
        switch result {
        case .success: .response(.success)
        case .failure(let error as ConfigurationUpdateError) where error.isRefusal: .response(.noPermission, remark: "\(error)")
        case .failure(let error as FileWorkError): .response(.systemBusy, remark: "\(error)")
        case .failure(let error): .response(.systemError, remark: "\(error)")
        }
    }
}
