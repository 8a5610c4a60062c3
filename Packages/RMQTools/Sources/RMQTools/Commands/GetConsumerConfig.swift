import RMQClient
import RMQCommon

/// `getConsumerConfig`: how every broker treats a consumer group. A broker that does not know the group is left out.
struct GetConsumerConfigCommand: AdminCommand {
    let name = "getConsumerConfig"
    let summary = "Get consumer config by subscription group name!"
    let label = "GetConsumerConfigSubCommand"
    let example = "mqadmin getConsumerConfig -n 127.0.0.1:9876 -g billing"
    let options: [CommandOption] = [.required("g", "groupName", "subscription group name")]

    /// The group at one broker.
    struct Entry {
        var cluster: String
        var broker: String
        var group: SubscriptionGroupConfig
    }

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        let group = options.required("g")
        let info = try await context.admin.clusterInfo()
        var entries: [Entry] = []
        for broker in info.brokers.sorted(by: { $0.key < $1.key }).map(\.value) {
            guard let address = broker.anyAddress else { continue }
            do {
                guard let config = try await context.admin.groupConfigs(at: address).groups[group] else { continue }
                entries.append(Entry(cluster: info.cluster(ofBroker: broker.brokerName) ?? broker.cluster, broker: broker.brokerName, group: config))
            } catch {
                context.note(error)
            }
        }
        context.show(Self.json(entries), text: Self.render(entries))
    }

    static func render(_ entries: [Entry]) -> String {
        let rule = String(repeating: "=", count: 29)
        return entries.map { entry in
            "\(rule)\(entry.cluster):\(entry.broker)\(rule)\n" + fields(entry.group).map { Columns.left($0.0, 40) + "=  \($0.1)\n" }.joined()
        }.joined()
    }

    private static func fields(_ group: SubscriptionGroupConfig) -> [(String, String)] {
        [
            ("groupName", group.groupName), ("consumeEnable", "\(group.consumeEnabled)"), ("consumeFromMinEnable", "\(group.consumeFromMinEnabled)"),
            ("consumeBroadcastEnable", "\(group.consumeBroadcastEnabled)"), ("retryQueueNums", "\(group.retryQueueCount)"),
            ("retryMaxTimes", "\(group.retryMaxTimes)"), ("brokerId", "\(group.brokerId)"),
            ("whichBrokerWhenConsumeSlowly", "\(group.whichBrokerWhenConsumeSlowly)"),
            ("notifyConsumerIdsChangedEnable", "\(group.notifiesConsumerIdsChanged)"),
        ]
    }

    static func json(_ entries: [Entry]) -> JSONValue {
        .array(entries.map { entry in
            var members: [(JSONValue, JSONValue)] = [("clusterName", .string(entry.cluster)), ("brokerName", .string(entry.broker))]
            members += (entry.group.json.asObject?.members ?? []).map { ($0.key, $0.value) }
            return .object(JSONObject(members))
        })
    }
}
