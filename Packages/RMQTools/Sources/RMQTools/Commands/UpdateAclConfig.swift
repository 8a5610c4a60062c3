import RMQClient
import RMQCommon

/// `updateAclConfig`: makes or changes an account of access control, on one broker or on every broker of a cluster.
struct UpdateAclConfigCommand: AdminCommand {
    let name = "updateAclConfig"
    let summary = "Update acl config yaml file in broker"
    let label = "UpdateAccessConfigSubCommand"
    let example = "mqadmin updateAclConfig -n 127.0.0.1:9876 -c DefaultCluster -a billing-app -s a-secret-of-12 -t Orders=SUB"
    let options: [CommandOption] = [
        .oneOf("b", "brokerAddr", "update acl config file to which broker"),
        .oneOf("c", "clusterName", "update acl config file to which cluster"),
        .required("a", "accessKey", "set accessKey in acl config file"),
        .required("s", "secretKey", "set secretKey in acl config file"),
        CommandOption("w", "whiteRemoteAddress", "set white ip Address for account in acl config file"),
        CommandOption("i", "defaultTopicPerm", "set default topicPerm in acl config file"),
        CommandOption("u", "defaultGroupPerm", "set default GroupPerm in acl config file"),
        CommandOption("t", "topicPerms", "set topicPerms list,eg: topicA=DENY,topicD=SUB"),
        CommandOption("g", "groupPerms", "set groupPerms list,eg: groupD=DENY,groupD=SUB"),
        CommandOption("m", "admin", "set admin flag in acl config file"),
    ]

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        let account = try Self.account(from: options)
        for address in try await context.places(options) {
            try await context.change { try await context.admin.updateAccount(account, at: address) }
            context.print("create or update plain access config to \(address) success.\n")
        }
        // The reference prints a Java object, which says nothing; the secret belongs into no terminal.
        context.print("PlainAccessConfig [accessKey=\(account.accessKey), admin=\(account.isAdministrator)]")
    }

    static func account(from options: CommandOptions) throws(CommandFailure) -> AccountChange {
        var account = AccountChange(accessKey: options.required("a"), secretKey: options.required("s"))
        account.whiteRemoteAddress = options["w"]
        account.isAdministrator = options.truth("m", or: false)
        account.defaultTopicRight = try options["i"].map { (word) throws(CommandFailure) in try right(AccessPermission(word: word), of: word) }
        account.defaultGroupRight = try options["u"].map { (word) throws(CommandFailure) in try right(AccessPermission(word: word), of: word) }
        account.topics = try rights(options["t"])
        account.groups = try rights(options["g"])
        return account
    }

    private static func rights(_ text: String?) throws(CommandFailure) -> [ByteText: AccountChange.Right] {
        var rights: [ByteText: AccountChange.Right] = [:]
        for item in text?.split(ascii: ",") ?? [] {
            guard let named = NamedPermission(item) else {
                throw .coded(
                    .updateAndCreateAclConfigFailed,
                    remark: "Parse Resource format error for \(item).\nThe expected resource format is 'Res=Perm'. For example: topicA=SUB")
            }
            rights[ByteText(named.name)] = try right(named.permission, of: item)
        }
        return rights
    }

    private static func right(_ permission: AccessPermission?, of item: String) throws(CommandFailure) -> AccountChange.Right {
        guard let permission else {
            throw .coded(
                .updateAndCreateAclConfigFailed,
                remark: "Parse resource permission error for \(item).\nThe expected permissions are 'SUB' or 'PUB' or 'SUB|PUB' or 'PUB|SUB'.")
        }
        return AccountChange.Right(permission)
    }
}

extension CommandContext {
    /// The broker of `-b`, or every broker of the cluster of `-c`, replicas among them: each has account files of its own.
    func places(_ options: CommandOptions) async throws -> [String] {
        if let address = options["b"] { return [address] }
        let brokers = try await brokersOrComplaint(ofCluster: options.required("c")) ?? []
        return brokers.flatMap { $0.sortedAddresses.map(\.address) }
    }
}
