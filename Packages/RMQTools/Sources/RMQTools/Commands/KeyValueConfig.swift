import RMQClient
import RMQCommon

/// `updateKvConfig`: keeps a value at every name server.
struct UpdateKeyValueCommand: AdminCommand {
    let name = "updateKvConfig"
    let summary = "Create or update KV config."
    let label = "UpdateKvConfigCommand"
    let example = "mqadmin updateKvConfig -s MY_NAMESPACE -k colour -v red -n 127.0.0.1:9876"
    let options: [CommandOption] = [
        .required("s", "namespace", "set the namespace"),
        .required("k", "key", "set the key name"),
        .required("v", "value", "set the key value"),
    ]

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        try await context.admin.setKeyValue(options.required("v"), namespace: options.required("s"), key: options.required("k"))
        context.print("create or update kv config to namespace success.\n")
    }
}

/// `deleteKvConfig`: has every name server forget a value; fine where there is none.
struct DeleteKeyValueCommand: AdminCommand {
    let name = "deleteKvConfig"
    let summary = "Delete KV config."
    let label = "DeleteKvConfigCommand"
    let example = "mqadmin deleteKvConfig -s MY_NAMESPACE -k colour -n 127.0.0.1:9876"
    let options: [CommandOption] = [
        .required("s", "namespace", "set the namespace"),
        .required("k", "key", "set the key name"),
    ]

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        try await context.admin.deleteKeyValue(namespace: options.required("s"), key: options.required("k"))
        context.print("delete kv config from namespace success.\n")
    }
}
