import RMQCommon
import RMQRemoting

/// `deleteTopic`: takes a topic off the masters of a cluster, then off every name server.
struct DeleteTopicCommand: AdminCommand {
    let name = "deleteTopic"
    let summary = "Delete topic from broker and NameServer."
    let label = "DeleteTopicSubCommand"
    let options: [CommandOption] = [
        .required("t", "topic", "topic name"),
        .required("c", "clusterName", "delete topic from which cluster"),
    ]

    func run(_ options: CommandOptions, in context: CommandContext) async throws(AdminError) {
        let topic = options.required("t")
        let cluster = options.required("c")
        for address in try await context.masters(ofCluster: cluster) {
            _ = try await context.cluster.askBroker(
                address, RemotingCommand(.deleteTopicInBroker, header: TopicHeader(topic: topic)), namingBroker: false)
        }
        context.print("delete topic [\(topic)] from cluster [\(cluster)] success.\n")
        let header = DeleteTopicInNameServerHeader {
            $0.topic = topic
            $0.clusterName = cluster
        }
        try await context.cluster.tellNameServers(RemotingCommand(.deleteTopicInNamesrv, header: header))
        context.print("delete topic [\(topic)] from NameServer success.\n")
    }
}
