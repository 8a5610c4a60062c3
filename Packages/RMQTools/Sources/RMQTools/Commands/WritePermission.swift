import RMQClient
import RMQCommon

/// `wipeWritePerm`: has name servers tell clients that a broker takes no messages, before it is taken away.
struct WipeWritePermissionCommand: AdminCommand {
    let name = "wipeWritePerm"
    let summary = "Wipe write perm of broker in all name server you defined in the -n param"
    let label = "WipeWritePermSubCommand"
    let example = "mqadmin wipeWritePerm -b broker-a -n '10.0.0.1:9876;10.0.0.2:9876'"
    let options: [CommandOption] = [.required("b", "brokerName", "broker name")]

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        let broker = options.required("b")
        try await WritePermission.change("wipe", of: broker, context) { address throws(ClientError) in
            try await context.admin.wipeWritePermission(ofBroker: broker, atNameServer: address)
        }
    }
}

/// `addWritePerm`: the contrary.
struct AddWritePermissionCommand: AdminCommand {
    let name = "addWritePerm"
    let summary = "Add write perm of broker in all name server you defined in the -n param"
    let label = "AddWritePermSubCommand"
    let example = "mqadmin addWritePerm -b broker-a -n '10.0.0.1:9876;10.0.0.2:9876'"
    let options: [CommandOption] = [.required("b", "brokerName", "broker name")]

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        let broker = options.required("b")
        try await WritePermission.change("add", of: broker, context) { address throws(ClientError) in
            try await context.admin.addWritePermission(ofBroker: broker, atNameServer: address)
        }
    }
}

/// What both do.
private enum WritePermission {
    /// Every name server is told; one that fails does not keep the others from it.
    static func change(
        _ verb: String, of broker: String, _ context: CommandContext, at nameServer: (String) async throws(ClientError) -> Int32
    ) async throws {
        for address in try await context.admin.knownNameServers() {
            let start = "\(verb) write perm of broker[\(broker)] in name server[\(address)] "
            do {
                let count = try await nameServer(address)
                context.print(start + "OK, \(count)\n")
            } catch {
                context.complain(start + "Failed\n")
                context.note(error)
            }
        }
    }
}
