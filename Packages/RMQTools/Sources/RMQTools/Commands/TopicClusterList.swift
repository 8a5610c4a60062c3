import RMQClient
import RMQCommon

/// `topicClusterList`: the clusters that have a topic.
struct TopicClusterListCommand: AdminCommand {
    let name = "topicClusterList"
    let summary = "get cluster info for topic"
    let label = "TopicClusterSubCommand"
    let example = "mqadmin topicClusterList -n 127.0.0.1:9876 -t Orders"
    let options: [CommandOption] = [.required("t", "topic", "topic name")]

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        let clusters = try await context.admin.clusters(ofTopic: options.required("t"))
        context.show(.array(clusters.map { .string($0) }), text: clusters.map { $0 + "\n" }.joined())
    }
}
