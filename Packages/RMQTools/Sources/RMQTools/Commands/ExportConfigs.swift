import RMQClient
import RMQCommon

/// `exportConfigs`: the size of a cluster and the telling settings of its masters as a file.
struct ExportConfigsCommand: AdminCommand {
    let name = "exportConfigs"
    let summary = "export configs"
    let label = "ExportConfigsCommand"
    let example = "mqadmin exportConfigs -c DefaultCluster -f /tmp/export -n 127.0.0.1:9876"
    let options: [CommandOption] = [
        .required("c", "clusterName", "choose a cluster to export"),
        CommandOption("f", "filePath", "export configs.json path | default /tmp/rocketmq/export"),
    ]

    /// In the order in which the reference's table has them.
    private static let exportedKeys = [
        "brokerId", "traceOn", "flushDiskType", "msgTraceTopicName", "traceTopicEnable", "messageDelayLevel", "autoCreateTopicEnable",
        "brokerRole", "slaveReadEnable", "fileReservedTime", "brokerClusterName", "brokerName", "filterServerNums", "maxMessageSize",
        "useTLS", "autoCreateSubscriptionGroup",
    ]

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        let brokers = try await context.brokersOrComplaint(ofCluster: options.required("c")) ?? []
        var masterCount = 0, slaveCount = 0
        var configurations: [ByteText: JSONValue] = [:]
        // A set without a master has no settings to export, and its slaves are not counted, as at the reference.
        for broker in brokers {
            guard let master = broker.masterAddress else { continue }
            let settings = try await context.admin.brokerConfiguration(at: master).table
            masterCount += 1
            slaveCount += broker.addresses.count - 1
            configurations[settings["brokerName"] ?? broker.brokerName] = Self.exported(settings)
        }
        let value: JSONValue = [
            "clusterScale": [
                "namesrvSize": JSONValue(context.admin.nameServers.count), "slaveBrokerSize": JSONValue(slaveCount),
                "masterBrokerSize": JSONValue(masterCount),
            ],
            "brokerConfigs": HashOrder.object(configurations),
        ]
        let path = ExportFile.folder(options) + "/configs.json"
        try ExportFile.write(value, to: path, isEmpty: masterCount == 0)
        context.print("export \(path) success")
    }

    private static func exported(_ settings: [ByteText: String]) -> JSONValue {
        .object(JSONObject(exportedKeys.compactMap { key in settings[key].map { (.string(key), .string($0)) } }))
    }
}
