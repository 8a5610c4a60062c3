import RMQClient
import RMQCommon

/// `clusterAclConfigVersion`: which account files one broker or every master of a cluster has, and when each was changed.
struct ClusterAclConfigVersionCommand: AdminCommand {
    let name = "clusterAclConfigVersion"
    let summary = "List all of acl config version information in cluster"
    let label = "ClusterAclConfigVersionListSubCommand"
    let example = "mqadmin clusterAclConfigVersion -n 127.0.0.1:9876 -c DefaultCluster"
    let options: [CommandOption] = [
        .oneOf("b", "brokerAddr", "query acl config version for which broker"),
        .oneOf("c", "clusterName", "query acl config version for specified cluster"),
    ]

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        if let address = options["b"] {
            context.print(try await rows(of: address, context))
            context.print("get broker's plain access config version success.\n")
        } else {
            let masters = try await context.masters(ofCluster: options.required("c"))
            context.print(Self.line(["#Cluster Name", "#Broker Name", "#Broker Addr", "#AclFilePath", "#AclConfigVersionNum", "#AclLastUpdateTime"]))
            for address in masters { context.print(try await rows(of: address, context)) }
            context.print("get cluster's plain access config version success.\n")
        }
    }

    private func rows(of address: String, _ context: CommandContext) async throws -> String {
        try Self.render(try await context.admin.accountsVersion(at: address), context.time)
    }

    static func render(_ versions: AccountsVersion, _ time: LocalTime) throws -> String {
        // Brokers before 4.9 have one file, and do not say which.
        let files = try versions.fileVersions.map { try JSONValue(parsing: $0).asObject?.members ?? [] } ?? [(.string(""), try JSONValue(parsing: versions.version))]
        return try files.map { path, value in
            let version = try DataVersion(json: value)
            return line([
                versions.clusterName, versions.brokerName, versions.brokerAddress, path.asString ?? "", "\(version.counter)", time.seconds(version.timestamp),
            ])
        }.joined()
    }

    private static func line(_ words: [String]) -> String {
        zip(words, [16, 22, 22, 20, 22, 22]).map { Columns.left($0, $1) }.joined(separator: "  ") + "\n"
    }
}
