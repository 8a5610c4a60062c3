import RMQClient
import RMQCommon

/// `updateTopicPerm`: changes what may be done with a topic on one master or on every master of a cluster.
struct UpdateTopicPermCommand: AdminCommand {
    let name = "updateTopicPerm"
    let summary = "Update topic perm"
    let label = "UpdateTopicPermSubCommand"
    let example = "mqadmin updateTopicPerm -n 127.0.0.1:9876 -c DefaultCluster -t Orders -p 4"
    let options: [CommandOption] = [
        CommandOption("b", "brokerAddr", "create topic to which broker"),
        CommandOption("c", "clusterName", "create topic to which cluster"),
        .required("t", "topic", "topic name"),
        .required("p", "perm", "set topic's permission(2|4|6), intro[2:W; 4:R; 6:RW]"),
    ]

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        let topic = options.required("t")
        let permission = try Self.permission(from: options)
        let route = try await context.admin.routeData(of: topic)
        if let address = options["b"] {
            try await change(topic, route, to: permission, at: address, context)
        } else if let cluster = options["c"] {
            for broker in try await context.brokersOrComplaint(ofCluster: cluster) ?? [] {
                guard let address = broker.masterAddress else { continue }
                let (old, _) = try await put(topic, route, permission, onBroker: broker.brokerName, at: address, context)
                context.print(Self.changed(from: old, to: permission, at: address))
            }
        } else {
            throw CommandFailure.showUsage
        }
    }

    private func change(
        _ topic: String, _ route: TopicRouteData, to permission: Permission, at address: String, _ context: CommandContext
    ) async throws {
        guard let broker = route.brokers.first(where: { $0.masterAddress.isExactly(address) }) else {
            return context.complain("updateTopicPerm error broker not exit or broker is not master!.\n")
        }
        if try Self.settings(of: topic, route, onBroker: broker.brokerName).permission == permission {
            return context.print("new perm equals to the old one!\n")
        }
        let (old, new) = try await put(topic, route, permission, onBroker: broker.brokerName, at: address, context)
        context.print(Self.changed(from: old, to: permission, at: address) + "\(ObjectText.topic(new)).\n")
    }

    private static func permission(from options: CommandOptions) throws(CommandFailure) -> Permission {
        let number: Int32 = try options.integer("p", or: 0)
        guard [2, 4, 6].contains(number) else { throw .usage("-p takes 2 (write), 4 (read) or 6 (both), not \(number).") }
        return Permission(rawValue: number)
    }

    /// - Returns: what was allowed before, and the topic's settings now.
    private func put(
        _ topic: String, _ route: TopicRouteData, _ permission: Permission, onBroker name: String, at address: String, _ context: CommandContext
    ) async throws -> (old: Permission, new: TopicConfig) {
        var config = try Self.settings(of: topic, route, onBroker: name)
        let old = config.permission
        config.permission = permission
        let new = config
        try await context.change { try await context.admin.createTopic(new, at: address) }
        return (old, new)
    }

    /// The topic's settings on a broker, as the route tells them; on a broker that has no queues of it yet, those of the first that has.
    /// The route does not tell whether the topic is ordered.
    static func settings(of topic: String, _ route: TopicRouteData, onBroker name: String) throws(CommandFailure) -> TopicConfig {
        guard let queues = route.queues.first(where: { $0.brokerName.isExactly(name) }) ?? route.queues.first else {
            throw .notFound("the route of \(topic) has no queues")
        }
        return TopicConfig(
            topicName: topic, readQueueCount: queues.readQueueCount, writeQueueCount: queues.writeQueueCount, permission: queues.permission,
            systemFlag: queues.topicSystemFlag)
    }

    private static func changed(from old: Permission, to new: Permission, at address: String) -> String {
        "update topic perm from \(old.rawValue) to \(new.rawValue) in \(address) success.\n"
    }
}
