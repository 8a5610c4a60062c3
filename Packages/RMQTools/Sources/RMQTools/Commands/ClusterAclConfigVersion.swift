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
        var rows: [Row] = []
        if let address = options["b"] {
            rows = try await Self.rows(of: address, context)
            context.show(.array(rows.map(Self.json)), text: Self.render(rows, context.time) + "get broker's plain access config version success.\n")
            return
        }
        let masters = try await context.masters(ofCluster: options.required("c"))
        // What was found before a failure is shown, as by the reference.
        var ending = ""
        defer { context.show(.array(rows.map(Self.json)), text: Self.header + Self.render(rows, context.time) + ending) }
        for address in masters { rows += try await Self.rows(of: address, context) }
        ending = "get cluster's plain access config version success.\n"
    }

    /// One account file of one broker.
    struct Row {
        var broker: AccountsVersion
        var path: String
        var version: DataVersion
    }

    private static func rows(of address: String, _ context: CommandContext) async throws -> [Row] {
        let versions = try await context.admin.accountsVersion(at: address)
        // Brokers before 4.9 have one file, and do not say which.
        let files = try versions.fileVersions.map { try JSONValue(parsing: $0).asObject?.members ?? [] } ?? [(.string(""), try JSONValue(parsing: versions.version))]
        return try files.map { path, value in Row(broker: versions, path: path.asString ?? "", version: try DataVersion(json: value)) }
    }

    static func json(_ row: Row) -> JSONValue {
        [
            "clusterName": .string(row.broker.clusterName), "brokerName": .string(row.broker.brokerName),
            "brokerAddr": .string(row.broker.brokerAddress), "aclFilePath": .string(row.path), "counter": JSONValue(row.version.counter),
            "timestamp": JSONValue(row.version.timestamp),
        ]
    }

    private static let header = line(["#Cluster Name", "#Broker Name", "#Broker Addr", "#AclFilePath", "#AclConfigVersionNum", "#AclLastUpdateTime"])

    private static func render(_ rows: [Row], _ time: LocalTime) -> String {
        rows.map { row in
            line([
                row.broker.clusterName, row.broker.brokerName, row.broker.brokerAddress, row.path, "\(row.version.counter)",
                time.seconds(row.version.timestamp),
            ])
        }.joined()
    }

    private static func line(_ words: [String]) -> String {
        zip(words, [16, 22, 22, 20, 22, 22]).map { Columns.left($0, $1) }.joined(separator: "  ") + "\n"
    }
}
