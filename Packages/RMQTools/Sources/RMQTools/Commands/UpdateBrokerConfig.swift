import RMQClient
import RMQCommon

/// `updateBrokerConfig`: changes one setting of a running broker, or of every master of a cluster.
struct UpdateBrokerConfigCommand: AdminCommand {
    let name = "updateBrokerConfig"
    let summary = "Update broker's config"
    let label = "UpdateBrokerConfigSubCommand"
    let example = "mqadmin updateBrokerConfig -b 127.0.0.1:10911 -k fileReservedTime -v 48"
    let options: [CommandOption] = [
        CommandOption("b", "brokerAddr", "update which broker"),
        CommandOption("c", "clusterName", "update which cluster"),
        .required("k", "key", "config key"),
        .required("v", "value", "config value"),
    ]

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        let setting = try SettingPair(options)
        if let address = options["b"] {
            try await update(setting, at: address, context)
        } else if let cluster = options["c"] {
            for address in try await context.masters(ofCluster: cluster) {
                do {
                    try await update(setting, at: address, context)
                } catch {
                    context.note(error)
                }
            }
        } else {
            throw CommandFailure.showUsage
        }
    }

    private func update(_ setting: SettingPair, at address: String, _ context: CommandContext) async throws {
        try await context.admin.updateBrokerConfiguration([ByteText(setting.key): setting.value], at: address)
        context.print("update broker config success, \(address)\n")
    }
}
