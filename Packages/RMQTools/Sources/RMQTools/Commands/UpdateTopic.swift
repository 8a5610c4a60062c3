import RMQClient
import RMQCommon

/// `updateTopic`: creates or changes a topic on one broker or on every master of a cluster.
struct UpdateTopicCommand: AdminCommand {
    let name = "updateTopic"
    let summary = "Update or create topic"
    let label = "UpdateTopicSubCommand"
    let example = "mqadmin updateTopic -n 127.0.0.1:9876 -c DefaultCluster -t Orders -r 8 -w 8"
    let options: [CommandOption] = [
        .oneOf("b", "brokerAddr", "create topic to which broker"),
        .oneOf("c", "clusterName", "create topic to which cluster"),
        .required("t", "topic", "topic name"),
        CommandOption("r", "readQueueNums", "set read queue nums"),
        CommandOption("w", "writeQueueNums", "set write queue nums"),
        CommandOption("p", "perm", "set topic's permission(2|4|6), intro[2:W 4:R; 6:RW]"),
        CommandOption("o", "order", "set topic's order(true|false)"),
        CommandOption("u", "unit", "is unit topic (true|false)"),
        CommandOption("s", "hasUnitSub", "has unit sub (true|false)"),
    ]

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        let topic = try Self.topic(from: options)
        if let address = options["b"] {
            try await create(topic, at: address, context)
            if topic.isOrdered { try await addOrder(of: topic, at: address, context) }
            context.print(Self.created(at: address))
        } else if let cluster = options["c"] {
            let brokers = try await context.brokersOrComplaint(ofCluster: cluster) ?? []
            for address in brokers.compactMap(\.masterAddress) {
                try await create(topic, at: address, context)
                context.print(Self.created(at: address))
            }
            if topic.isOrdered, !brokers.isEmpty { try await setOrder(of: topic, on: brokers.map(\.brokerName), context) }
        }
        context.print(ObjectText.topic(topic))
    }

    static func topic(from options: CommandOptions) throws(CommandFailure) -> TopicConfig {
        TopicConfig(
            topicName: options.required("t"),
            readQueueCount: try options.integer("r", or: 8), writeQueueCount: try options.integer("w", or: 8),
            permission: Permission(rawValue: try options.integer("p", or: 6)),
            systemFlag: (options.truth("u", or: false) ? 1 : 0) | (options.truth("s", or: false) ? 2 : 0),
            isOrdered: options.truth("o", or: false))
    }

    private func create(_ topic: TopicConfig, at address: String, _ context: CommandContext) async throws {
        try await context.change { try await context.admin.createTopic(topic, at: address) }
    }

    private static func created(at address: String) -> String { "create topic to \(address) success.\n" }

    // MARK: Order configuration

    private static let orderNamespace = "ORDER_TOPIC_CONFIG"

    /// The queues of the whole cluster, `broker:count;broker:count`, in place of what was there.
    private func setOrder(of topic: TopicConfig, on brokers: [String], _ context: CommandContext) async throws {
        let order = brokers.map { "\($0):\(topic.writeQueueCount)" }.joined(separator: ";")
        try await putOrder(order, of: topic, context)
        context.print("set cluster orderConf. isOrder=true, orderConf=[\(order)]")
    }

    /// The queues of one more broker, beside those that are there already.
    private func addOrder(of topic: TopicConfig, at address: String, _ context: CommandContext) async throws {
        let info = try await context.admin.clusterInfo()
        guard let broker = info.brokers.values.first(where: { $0.addresses.values.contains { $0.isExactly(address) } })?.brokerName else {
            throw CommandFailure.notFound("no broker with address \(address) is registered at the name server")
        }
        let merged = Self.merged(try await order(of: topic, context), broker: broker, queues: topic.writeQueueCount)
        try await putOrder(merged, of: topic, context)
        context.print("set broker orderConf. isOrder=true, orderConf=[\(merged)]")
    }

    /// One entry a broker, in the order of their names; the new one replaces an older one of that broker.
    static func merged(_ order: String, broker: String, queues: Int32) -> String {
        var entries: [ByteText: String] = [:]
        for entry in order.split(ascii: ";") {
            entries[entry.cut(atFirst: ":")?.before ?? entry] = entry
        }
        entries[broker] = "\(broker):\(queues)"
        return entries.sorted { $0.key < $1.key }.map(\.value).joined(separator: ";")
    }

    /// The configuration that is there; a missing one is told and does no harm.
    private func order(of topic: TopicConfig, _ context: CommandContext) async throws -> String {
        do {
            return try await context.admin.keyValue(namespace: Self.orderNamespace, key: topic.topicName)
        } catch where error.code == .refused {
            context.note(error)
            return ""
        }
    }

    private func putOrder(_ order: String, of topic: TopicConfig, _ context: CommandContext) async throws {
        try await context.admin.setKeyValue(order, namespace: Self.orderNamespace, key: topic.topicName)
    }
}
