import RMQCommon
import RMQRemoting

/// `topicList`: every topic, with `-c` also its cluster and the groups that consume it.
struct TopicListCommand: AdminCommand {
    let name = "topicList"
    let summary = "Fetch all topic list from name server"
    let label = "TopicListSubCommand"
    let options: [CommandOption] = [.flag("c", "clusterModel", "clusterModel")]

    func run(_ options: CommandOptions, in context: CommandContext) async throws(AdminError) {
        let topics = try await context.cluster.topics()
        guard options.has("c") else {
            context.print(topics.map { $0 + "\n" }.joined())
            return
        }
        let clusters = try await context.cluster.clusterInfo()
        context.print(Self.header)
        for topic in topics where !RetryTopic.isRetry(topic) && !DeadLetterTopic.isDeadLetter(topic) {
            let row = await Self.row(of: topic, clusters, context)
            context.print(Self.render(row))
        }
    }

    /// One topic with the groups that consume it.
    struct Row {
        var cluster = ""
        var topic: String
        var groups: [String] = []
    }

    /// What cannot be found out stays empty.
    private static func row(of topic: String, _ clusters: ClusterInfo, _ context: CommandContext) async -> Row {
        var row = Row(topic: topic)
        guard let route = try? await context.cluster.route(of: topic), let broker = route.brokers.first else { return row }
        row.cluster = clusters.clusters.sorted { $0.key < $1.key }.first { $0.value.containsExactly(broker.brokerName) }?.key.text ?? ""
        guard let address = broker.anyAddress else { return row }
        row.groups = (try? await context.cluster.groups(consuming: topic, at: address)) ?? []
        return row
    }

    static let header =
        Columns.left("#Cluster Name", 20) + "  " + Columns.left("#Topic", 48) + "  " + Columns.left("#Consumer Group", 48) + "\n"

    static func render(_ row: Row) -> String {
        (row.groups.isEmpty ? [""] : row.groups).map { group in
            Columns.left(Columns.cut(row.cluster, 20), 20) + "  " + Columns.left(Columns.cut(row.topic, 64), 64) + "  "
                + Columns.left(Columns.cut(group, 64), 64) + "\n"
        }.joined()
    }
}

extension ClusterAccess {
    /// The groups that consume a topic, as one of its brokers knows them.
    func groups(consuming topic: String, at address: String) async throws(AdminError) -> [String] {
        let answer = try await askBroker(address, RemotingCommand(.queryTopicConsumeByWho, header: TopicHeader(topic: topic)))
        let groups = try answer.json("the list of groups from \(address)")["groupList"]?.asArray ?? []
        return groups.compactMap(\.asString)
    }
}
