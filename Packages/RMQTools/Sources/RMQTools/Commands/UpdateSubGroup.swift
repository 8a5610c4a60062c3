import RMQClient
import RMQCommon

/// `updateSubGroup`: creates or changes a consumer group on one broker or on every master of a cluster.
struct UpdateSubGroupCommand: AdminCommand {
    let name = "updateSubGroup"
    let summary = "Update or create subscription group"
    let label = "UpdateSubGroupSubCommand"
    let example = "mqadmin updateSubGroup -n 127.0.0.1:9876 -c DefaultCluster -g billing"
    let options: [CommandOption] = [
        CommandOption("b", "brokerAddr", "create subscription group to which broker"),
        CommandOption("c", "clusterName", "create subscription group to which cluster"),
        .required("g", "groupName", "consumer group name"),
        CommandOption("s", "consumeEnable", "consume enable"),
        CommandOption("m", "consumeFromMinEnable", "from min offset"),
        CommandOption("d", "consumeBroadcastEnable", "broadcast"),
        CommandOption("q", "retryQueueNums", "retry queue nums"),
        CommandOption("r", "retryMaxTimes", "retry max times"),
        CommandOption("i", "brokerId", "consumer from which broker id"),
        CommandOption("w", "whichBrokerWhenConsumeSlowly", "which broker id when consume slowly"),
        CommandOption("a", "notifyConsumerIdsChanged", "notify consumerId changed"),
    ]

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        let group = try Self.group(from: options)
        if let address = options["b"] {
            try await create(group, at: address, context)
        } else if let cluster = options["c"] {
            for address in try await context.masters(ofCluster: cluster) {
                do {
                    try await create(group, at: address, context)
                } catch {
                    context.note(error)
                }
            }
        } else {
            throw CommandFailure.showUsage
        }
        context.print(ObjectText.group(group))
    }

    static func group(from options: CommandOptions) throws(CommandFailure) -> SubscriptionGroupConfig {
        SubscriptionGroupConfig(
            groupName: options.required("g"),
            consumeEnabled: options.truth("s", or: true), consumeFromMinEnabled: options.truth("m", or: false),
            consumeBroadcastEnabled: options.truth("d", or: false),
            retryQueueCount: try options.integer("q", or: 1), retryMaxTimes: try options.integer("r", or: 16),
            brokerId: try options.integer("i", or: 0), whichBrokerWhenConsumeSlowly: try options.integer("w", or: 1),
            notifiesConsumerIdsChanged: options.truth("a", or: true))
    }

    private func create(_ group: SubscriptionGroupConfig, at address: String, _ context: CommandContext) async throws {
        try await context.change { try await context.admin.createGroup(group, at: address) }
        context.print("create subscription group to \(address) success.\n")
    }
}
