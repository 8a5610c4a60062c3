import RMQClient
import RMQCommon

/// `topicList`: every topic, with `-c` also its cluster and the groups that consume it.
struct TopicListCommand: AdminCommand {
    let name = "topicList"
    let summary = "Fetch all topic list from name server"
    let label = "TopicListSubCommand"
    let example = "mqadmin topicList -n 127.0.0.1:9876 -c"
    let options: [CommandOption] = [.flag("c", "clusterModel", "clusterModel")]

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        let topics = try await context.admin.topics()
        guard options.has("c") else {
            return context.show(.array(topics.map { .string($0) }), text: topics.map { $0 + "\n" }.joined())
        }
        let clusters = try await context.admin.clusterInfo()
        let shown = topics.filter { !RetryTopic.isRetry($0) && !DeadLetterTopic.isDeadLetter($0) }
        let progress = context.progress("topics", total: shown.count)
        var rows: [Row] = []
        for topic in shown {
            rows.append(await Self.row(of: topic, clusters, context))
            progress.advance(by: 1)
        }
        progress.end()
        context.show(.array(rows.map(Self.json)), text: Self.header + rows.map(Self.render).joined())
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
        guard let route = try? await context.admin.routeData(of: topic), let broker = route.brokers.first else { return row }
        row.cluster = clusters.cluster(ofBroker: broker.brokerName) ?? ""
        guard let address = broker.anyAddress else { return row }
        row.groups = (try? await context.admin.groups(consuming: topic, at: address)) ?? []
        return row
    }

    static let header =
        Columns.left("#Cluster Name", 20) + "  " + Columns.left("#Topic", 48) + "  " + Columns.left("#Consumer Group", 48) + "\n"

    static func json(_ row: Row) -> JSONValue {
        [
            "clusterName": row.cluster.isEmpty ? .null : .string(row.cluster), "topic": .string(row.topic),
            "consumerGroups": .array(row.groups.map { .string($0) }),
        ]
    }

    static func render(_ row: Row) -> String {
        (row.groups.isEmpty ? [""] : row.groups).map { group in
            Columns.left(Columns.cut(row.cluster, 20), 20) + "  " + Columns.left(Columns.cut(row.topic, 64), 64) + "  "
                + Columns.left(Columns.cut(group, 64), 64) + "\n"
        }.joined()
    }
}
