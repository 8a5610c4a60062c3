import RMQClient
import RMQCommon

/// `exportMetadata`: the topics and groups of a broker or of a cluster as a file.
struct ExportMetadataCommand: AdminCommand {
    let name = "exportMetadata"
    let summary = "export metadata"
    let label = "ExportMetadataCommand"
    let example = "mqadmin exportMetadata -c DefaultCluster -f /tmp/export -n 127.0.0.1:9876"
    let options: [CommandOption] = [
        CommandOption("c", "clusterName", "choose a cluster to export"),
        CommandOption("b", "brokerAddr", "choose a broker to export"),
        CommandOption("f", "filePath", "export metadata.json path | default /tmp/rocketmq/export"),
        .flag("t", "topic", "only export topic metadata"),
        .flag("g", "subscriptionGroup", "only export subscriptionGroup metadata"),
        .flag("s", "specialTopic", "need retryTopic and dlqTopic"),
    ]

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        var admin = context.admin
        admin.timeout = .seconds(10)   // tables can be long
        if let address = options["b"] {
            guard let path = try await export(brokerAt: address, options, admin) else { return }
            context.print("export \(path) success")
        } else if let cluster = options["c"] {
            let path = try await export(cluster: cluster, options, admin, context)
            context.print("export \(path) success\n")
        } else {
            throw CommandFailure.showUsage
        }
    }

    // MARK: One broker

    /// - Returns: the file that was written; nil when neither topics nor groups were chosen, which writes none, as at the reference.
    private func export(brokerAt address: String, _ options: CommandOptions, _ admin: Admin) async throws -> String? {
        let folder = ExportFile.folder(options)
        if options.has("t") {
            let table = try await admin.topicConfigs(at: address)
            let names = try await userTopics(table, at: address, options, admin)
            let topics = names.map { (JSONValue.string($0), table.topics[$0]?.json ?? .null) }
            try ExportFile.write(
                ["dataVersion": table.dataVersion.json, "topicConfigTable": .object(JSONObject(topics))], to: folder + "/topic.json")
            return folder + "/topic.json"
        }
        guard options.has("g") else { return nil }
        let table = try await admin.groupConfigs(at: address)
        let groups = ExportFile.userGroups(table).map { (JSONValue.string($0), table.groups[$0]?.json ?? .null) }
        try ExportFile.write(
            ["dataVersion": table.dataVersion.json, "subscriptionGroupTable": .object(JSONObject(groups))],
            to: folder + "/subscriptionGroup.json")
        return folder + "/subscriptionGroup.json"
    }

    private func userTopics(
        _ table: TopicConfigTable, at address: String, _ options: CommandOptions, _ admin: Admin
    ) async throws(ClientError) -> [String] {
        ExportFile.userTopics(table, system: try await admin.systemTopics(at: address), withRetries: options.has("s"))
    }

    // MARK: A cluster

    private func export(
        cluster: String, _ options: CommandOptions, _ admin: Admin, _ context: CommandContext
    ) async throws -> String {
        var topics = Merged<TopicConfig>()
        var groups = Merged<SubscriptionGroupConfig>()
        let masters = try await context.masters(ofCluster: cluster)
        for address in masters {
            let topicTable = try await admin.topicConfigs(at: address)
            for name in try await userTopics(topicTable, at: address, options, admin) {
                topics.add(name, topicTable.topics[name]) { next, before in
                    next.readQueueCount &+= before.readQueueCount
                    next.writeQueueCount &+= before.writeQueueCount
                }
            }
            let groupTable = try await admin.groupConfigs(at: address)
            for name in ExportFile.userGroups(groupTable) {
                groups.add(name, groupTable.groups[name]) { next, before in next.retryQueueCount &+= before.retryQueueCount }
            }
        }
        var members: JSONObject = ["exportTime": JSONValue(context.now())]
        if options.has("t") || !options.has("g") { members.append("topicConfigTable", topics.json) }
        if !options.has("t") { members.append("subscriptionGroupTable", groups.json) }
        let file = options.has("t") ? "/topic.json" : options.has("g") ? "/subscriptionGroup.json" : "/metadata.json"
        let path = ExportFile.folder(options) + file
        try ExportFile.write(.object(members), to: path, isEmpty: masters.isEmpty)
        return path
    }

    /// One entry a name, of all masters together, in the order in which the names came.
    private struct Merged<Entry: JSONMember> {
        private var names: [String] = []
        private var entries: [ByteText: Entry] = [:]

        /// - Parameter combine: adds the counts of the entry that came before to the one that comes, whose other settings stand.
        mutating func add(_ name: String, _ entry: Entry?, combine: (_ next: inout Entry, _ before: Entry) -> Void) {
            guard var entry else { return }
            if let before = entries[name] { combine(&entry, before) } else { names.append(name) }
            entries[name] = entry
        }

        var json: JSONValue {
            .object(JSONObject(HashOrder.sorted(names) { JavaString.hash($0) }.map { (.string($0), entries[$0]?.json ?? .null) }))
        }
    }
}
