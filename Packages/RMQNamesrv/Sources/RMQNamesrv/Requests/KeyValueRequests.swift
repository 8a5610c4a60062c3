import RMQCommon
import RMQRemoting

/// Codes 100, 101, 102 and 219. The changing ones are answered once the change is on disk.
enum KeyValueRequests {
    /// 100. Without a value the key is absent afterwards.
    static func put(_ command: RemotingCommand, _ caller: RequestCaller) throws -> Reply {
        guard let namespace = command.fields?["namespace"], let key = command.fields?["key"] else {
            throw Refusal(.systemError, "namespace or key is null")
        }
        return change(.put(namespace: namespace, key: key, value: command.fields?["value"]), caller)
    }

    /// 101.
    static func get(_ command: RemotingCommand, _ caller: RequestCaller) -> Reply {
        let (namespace, key) = place(command)
        guard let value = caller.server.keyValues.table[namespace, key] else {
            let remark = "No config item, Namespace: \(namespace) Key: \(key)"
            return .response(.queryNotFound, remark: remark, header: KeyValueResponseHeader())
        }
        return .response(.success, header: KeyValueResponseHeader(value: value))
    }

    /// 102.
    static func delete(_ command: RemotingCommand, _ caller: RequestCaller) -> Reply {
        let (namespace, key) = place(command)
        return change(.remove(namespace: namespace, key: key), caller)
    }

    /// 219.
    static func ofNamespace(_ command: RemotingCommand, _ caller: RequestCaller) throws -> Reply {
        let namespace = place(command).namespace
        guard let table = caller.server.keyValues.table.json(ofNamespace: namespace) else {
            throw Refusal(.queryNotFound, "No config item, Namespace: \(namespace)")
        }
        return .response(.success, body: table.bytes(.fastjson))
    }

    private static func change(_ change: KeyValueChange, _ caller: RequestCaller) -> Reply {
        .later { reply in
            caller.server.keyValues.submit(change, holding: caller.byteCount) { failure in
                reply.complete(failure.map { .response(to: $0) } ?? .response(.success))
            }
        }
    }

    private static func place(_ command: RemotingCommand) -> (namespace: String, key: String) {
        (command.fields?["namespace"] ?? "null", command.fields?["key"] ?? "null")
    }
}
