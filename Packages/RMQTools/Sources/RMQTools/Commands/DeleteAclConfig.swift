import RMQClient
import RMQCommon

/// `deleteAclConfig`: deletes an account of access control, on one broker or on every broker of a cluster.
struct DeleteAclConfigCommand: AdminCommand {
    let name = "deleteAclConfig"
    let alias: String? = "deleteAccessConfig"
    let summary = "Delete Acl Config Account in broker"
    let label = "DeleteAccessConfigSubCommand"
    let example = "mqadmin deleteAclConfig -n 127.0.0.1:9876 -c DefaultCluster -a billing-app"
    let options: [CommandOption] = [
        .oneOf("b", "brokerAddr", "delete acl config account from which broker"),
        .oneOf("c", "clusterName", "delete acl config account from which cluster"),
        .required("a", "accessKey", "set accessKey in acl config file for deleting which account"),
    ]

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        let accessKey = options.required("a")
        for address in try await context.places(options) {
            try await context.change { try await context.admin.deleteAccount(accessKey, at: address) }
            context.print("delete plain access config account from \(address) success.\n")
        }
        context.print("account's accesskey is:\(accessKey)")
    }
}
