import RMQClient
import RMQCommon

/// `getNamesrvConfig`: the settings that each name server runs with.
struct GetNameServerConfigCommand: AdminCommand {
    let name = "getNamesrvConfig"
    let summary = "Get configs of name server."
    let label = "GetNamesrvConfigCommand"
    let example = "mqadmin getNamesrvConfig -n 127.0.0.1:9876"
    let options: [CommandOption] = []

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        let nameServers = try await context.admin.knownNameServers()
        var facts: [JSONValue] = []
        for address in nameServers {
            do {
                let pairs = try await context.admin.settings(ofNameServer: address)
                context.printHeading("============\(address)============\n" + SettingsText.render(pairs))
                facts.append(["namesrvAddr": .string(address), "configuration": SettingsText.json(pairs)])
            } catch {
                // One that does not answer does not hide the others.
                guard nameServers.count > 1 else { throw error }
                context.note(error)
            }
        }
        context.show(.array(facts), text: "")
    }
}

/// `updateNamesrvConfig`: changes one setting of every name server.
struct UpdateNameServerConfigCommand: AdminCommand {
    let name = "updateNamesrvConfig"
    let summary = "Update configs of name server."
    let label = "UpdateNamesrvConfigCommand"
    let example = "mqadmin updateNamesrvConfig -k orderMessageEnable -v true -n 127.0.0.1:9876"
    let options: [CommandOption] = [
        .required("k", "key", "config key"),
        .required("v", "value", "config value"),
    ]

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        let setting = try SettingPair(options)
        try await context.admin.updateNameServerConfiguration([ByteText(setting.key): setting.value])
        // Name servers are named when the command line does so, as at the reference.
        let named = options["n"].map { "[" + NameServerList.parse($0).joined(separator: ", ") + "]" } ?? ""
        context.print("update name server config success!\(named)\n\(setting.key) : \(setting.value)\n")
    }
}
