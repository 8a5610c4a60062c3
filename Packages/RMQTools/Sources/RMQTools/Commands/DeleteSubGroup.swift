import RMQClient
import RMQCommon

/// `deleteSubGroup`: deletes a consumer group on one broker, or on every master of a cluster together with its retry and dead-letter topics.
struct DeleteSubGroupCommand: AdminCommand {
    let name = "deleteSubGroup"
    let summary = "Delete subscription group from broker."
    let label = "DeleteSubscriptionGroupCommand"
    let example = "mqadmin deleteSubGroup -n 127.0.0.1:9876 -c DefaultCluster -g billing -r true"
    let options: [CommandOption] = [
        CommandOption("b", "brokerAddr", "delete subscription group from which broker"),
        CommandOption("c", "clusterName", "delete subscription group from which cluster"),
        .required("g", "groupName", "subscription group name"),
        CommandOption("r", "removeOffset", "remove offset"),
    ]

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        let group = options.required("g")
        let removingOffsets = options.truth("r", or: false)
        if let address = options["b"] {
            try await delete(group, removingOffsets, at: address, context)
            context.print("delete subscription group [\(group)] from broker [\(address)] success.\n")
        } else if let cluster = options["c"] {
            for address in try await context.masters(ofCluster: cluster) {
                try await delete(group, removingOffsets, at: address, context)
                context.print("delete subscription group [\(group)] from broker [\(address)] in cluster [\(cluster)] success.\n")
            }
            for topic in [RetryTopic.name(group), DeadLetterTopic.name(group)] {
                do {
                    try await DeleteTopicCommand.delete(topic, fromCluster: cluster, context)
                } catch {
                    context.note(error)
                }
            }
        } else {
            throw CommandFailure.showUsage
        }
    }

    private func delete(_ group: String, _ removingOffsets: Bool, at address: String, _ context: CommandContext) async throws {
        try await context.change { try await context.admin.deleteGroup(group, removingOffsets: removingOffsets, at: address) }
    }
}
