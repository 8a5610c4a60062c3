import RMQClient
import RMQCommon

/// What an option may take that a cluster has names of. `mqadmin completion topics` prints them for the scripts.
enum CompletedName: String, CaseIterable {
    case topics, groups, clusters, brokers, addresses

    /// What the option of a command takes; nil where no list would help.
    init?(_ option: CommandOption) {
        guard option.takesValue else { return nil }
        switch ByteText(option.long.trimmedOfSpace) {
        case "topic": self = .topics
        case "groupName", "group", "consumerGroup", "consumer", "srcGroup", "destGroup": self = .groups
        case "clusterName", "cluster": self = .clusters
        case "brokerName": self = .brokers
        case "brokerAddr", "broker", "masterAddr": self = .addresses
        default: return nil
        }
    }

    /// A person waits at the prompt: rather no names than late ones.
    private static let patience = Duration.seconds(2)

    func names(_ context: CommandContext) async throws(ClientError) -> [String] {
        var admin = context.admin
        admin.timeout = Self.patience
        switch self {
        case .topics: return try await admin.topics().filter { !RetryTopic.isRetry($0) && !DeadLetterTopic.isDeadLetter($0) }.sortedByBytes()
        // A group that has ever been connected has a retry topic; to ask every broker would take longer.
        case .groups: return try await admin.topics().compactMap { RetryTopic.group(of: $0) }.sortedByBytes()
        case .clusters: return try await admin.clusterInfo().clusters.sortedTexts
        case .brokers: return try await admin.clusterInfo().brokers.sortedTexts
        case .addresses: return try await admin.clusterInfo().brokers.values.flatMap(\.addresses.values).sortedByBytes()
        }
    }
}
