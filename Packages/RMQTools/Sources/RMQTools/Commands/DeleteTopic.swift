import RMQClient
import RMQCommon

/// `deleteTopic`: takes a topic off the masters of a cluster, then off every name server.
struct DeleteTopicCommand: AdminCommand {
    let name = "deleteTopic"
    let summary = "Delete topic from broker and NameServer."
    let label = "DeleteTopicSubCommand"
    let example = "mqadmin deleteTopic -n 127.0.0.1:9876 -c DefaultCluster -t Orders"
    let options: [CommandOption] = [
        .required("t", "topic", "topic name"),
        .required("c", "clusterName", "delete topic from which cluster"),
    ]

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        try await Self.delete(options.required("t"), fromCluster: options.required("c"), context)
    }

    static func delete(_ topic: String, fromCluster cluster: String, _ context: CommandContext) async throws {
        for address in try await context.masters(ofCluster: cluster) {
            try await context.change { try await context.admin.deleteTopic(topic, at: address) }
        }
        context.print("delete topic [\(topic)] from cluster [\(cluster)] success.\n")
        try await context.admin.deleteRoute(of: topic, inCluster: cluster)
        context.print("delete topic [\(topic)] from NameServer success.\n")
    }
}
