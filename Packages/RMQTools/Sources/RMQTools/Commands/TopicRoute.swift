import RMQClient
import RMQCommon

/// `topicRoute`: the brokers and queues of a topic.
struct TopicRouteCommand: AdminCommand {
    let name = "topicRoute"
    let summary = "Examine topic route info"
    let label = "TopicRouteSubCommand"
    let example = "mqadmin topicRoute -n 127.0.0.1:9876 -t Orders"
    let options: [CommandOption] = [
        .required("t", "topic", "topic name"),
        .flag("l", "list", "Use list format to print data"),
    ]

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        let route = try await context.admin.routeData(of: options.required("t"))
        context.show(route.json, text: options.has("l") ? Self.renderList(route) : Self.render(route))
    }

    static func render(_ route: TopicRouteData) -> String { route.json.text(.pretty) + "\n" }

    static func renderList(_ route: TopicRouteData) -> String {
        var text = row("#ClusterName", "#BrokerName", "#BrokerAddrs", "#ReadQueue", "#WriteQueue", "#Perm")
        let brokers = Dictionary(route.brokers.map { (ByteText($0.brokerName), $0) }) { first, _ in first }
        for queue in route.queues.sorted(by: { ByteText($0.brokerName) < ByteText($1.brokerName) }) {
            let addresses = brokers[queue.brokerName]?.sortedAddresses ?? []
            text += row(
                brokers[queue.brokerName]?.cluster ?? "", queue.brokerName,
                "{" + addresses.map { "\($0.id)=\($0.address)" }.joined(separator: ", ") + "}",
                "\(queue.readQueueCount)", "\(queue.writeQueueCount)", "\(queue.permission.rawValue)")
        }
        text += String(repeating: "-", count: 158) + "\n"
        let reads = route.queues.reduce(Int64(0)) { $0 + Int64($1.readQueueCount) }
        let writes = route.queues.reduce(Int64(0)) { $0 + Int64($1.writeQueueCount) }
        return text + row("Total:", "\(brokers.count)", "", "\(reads)", "\(writes)", "")
    }

    private static func row(_ cluster: String, _ broker: String, _ addresses: String, _ read: String, _ write: String, _ perm: String) -> String {
        Columns.left(cluster, 45) + " " + Columns.left(broker, 32) + " " + Columns.left(addresses, 50) + " "
            + Columns.left(read, 10) + " " + Columns.left(write, 11) + " " + Columns.left(perm, 5) + "\n"
    }
}
