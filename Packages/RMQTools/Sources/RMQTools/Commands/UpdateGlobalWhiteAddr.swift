import RMQClient
import RMQCommon

/// `updateGlobalWhiteAddr`: replaces the addresses from which everything is allowed, on one broker or on every broker of a cluster.
struct UpdateGlobalWhiteAddrCommand: AdminCommand {
    let name = "updateGlobalWhiteAddr"
    let summary = "Update global white address for acl Config File in broker"
    let label = "UpdateGlobalWhiteAddrSubCommand"
    let example = "mqadmin updateGlobalWhiteAddr -n 127.0.0.1:9876 -c DefaultCluster -g 10.0.0.*"
    let options: [CommandOption] = [
        .oneOf("b", "brokerAddr", "update global white address to which broker"),
        .oneOf("c", "clusterName", "update global white address to which cluster"),
        .required("g", "globalWhiteRemoteAddresses", "set globalWhiteRemoteAddress list,eg: 10.10.103.*,192.168.0.*"),
        CommandOption("p", "aclFileFullPath", "update global white address of specified acl file,eg: /xxx/plain_test.yml"),
    ]

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        let addresses = options.required("g").split(ascii: ",")
        for address in try await context.places(options) {
            try await context.change { try await context.admin.setGlobalWhiteAddresses(addresses, file: options["p"], at: address) }
            context.print("update global white remote addresses to \(address) success.\n")
        }
    }
}
