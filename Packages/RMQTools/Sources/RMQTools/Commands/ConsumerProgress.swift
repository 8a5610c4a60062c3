import RMQClient
import RMQCommon

/// `consumerProgress`: how far one group is in each of its queues, or a line for every group.
struct ConsumerProgressCommand: AdminCommand {
    let name = "consumerProgress"
    let summary = "Query consumers's progress, speed"
    let label = "ConsumerProgressSubCommand"
    let example = "mqadmin consumerProgress -n 127.0.0.1:9876 -g billing"
    let options: [CommandOption] = [
        CommandOption("g", "groupName", "consumer group name"),
        CommandOption("s", "showClientIP", "Show Client IP per Queue"),
    ]

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        guard let group = options["g"] else {
            return try await listGroups(context)
        }
        let stats = try await context.admin.consumeStats(group: group)
        guard !stats.queues.isEmpty else { throw Self.nothingConsumed }
        let hosts = options.truth("s", or: false) ? await Self.clientAddresses(of: group, context) : nil
        context.show(Self.json(group, stats, clients: hosts), text: Self.render(stats, clients: hosts, time: context.time))
    }

    static let nothingConsumed = CommandFailure.coded(
        .consumerNotOnline,
        remark: "Not found the consumer group consume stats, because return offset table is empty, "
            + "maybe the consumer not consume any message")

    // MARK: One group

    /// - Parameter clients: the address of the client that holds each queue; nil prints no such column.
    static func render(_ stats: ConsumeStats, clients: [MessageQueue: String]?, time: LocalTime) -> String {
        var text = line(
            "#Topic", "#Broker Name", "#QID", "#Broker Offset", "#Consumer Offset", clients == nil ? nil : "#Client IP", "#Diff", "#LastTime")
        for (queue, progress) in stats.queues.sorted(by: { $0.key < $1.key }) {
            text += line(
                Columns.cut(queue.topic, 64), Columns.cut(queue.brokerName, 32), "\(queue.queueId)", "\(progress.brokerOffset)",
                "\(progress.consumerOffset)", clients.map { $0[queue] ?? "N/A" }, "\(progress.lag)",
                progress.lastTimestamp == 0 ? "N/A" : time.seconds(progress.lastTimestamp))
        }
        return text + "\nConsume TPS: \(Decimal.text(stats.consumeTPS, places: 2))\nDiff Total: \(stats.lag)\n"
    }

    static func json(_ group: String, _ stats: ConsumeStats, clients: [MessageQueue: String]?) -> JSONValue {
        let queues: [JSONValue] = stats.queues.sorted { $0.key < $1.key }.map { queue, progress in
            var facts: [(JSONValue, JSONValue)] = [
                ("brokerOffset", JSONValue(progress.brokerOffset)), ("consumerOffset", JSONValue(progress.consumerOffset)),
                ("diff", JSONValue(progress.lag)), ("lastTimestamp", .moment(progress.lastTimestamp)),
            ]
            if let clients { facts.append(("clientIP", JSONValue(clients[queue]))) }
            return .object(JSONObject(queue, facts))
        }
        return [
            "consumerGroup": .string(group), "consumeTps": .double(stats.consumeTPS), "diffTotal": JSONValue(stats.lag), "queues": .array(queues),
        ]
    }

    private static func line(
        _ topic: String, _ broker: String, _ queue: String, _ end: String, _ consumed: String, _ client: String?, _ lag: String, _ time: String
    ) -> String {
        let client = client.map { Columns.left($0, 20) + " " } ?? ""
        return Columns.left(topic, 64) + "  " + Columns.left(broker, 32) + "  " + Columns.left(queue, 4) + "  "
            + Columns.left(end, 20) + "  " + Columns.left(consumed, 20) + "  " + client + Columns.left(lag, 20) + "  " + time + "\n"
    }

    /// The address of the client that holds each queue, as client ids begin with it.
    private static func clientAddresses(of group: String, _ context: CommandContext) async -> [MessageQueue: String] {
        let holders = (try? await context.admin.queueHolders(ofGroup: group)) ?? [:]
        return holders.mapValues { $0.cut(atFirst: "@")?.before ?? $0 }
    }

    // MARK: Every group

    private func listGroups(_ context: CommandContext) async throws {
        let groups = try await context.admin.topics().compactMap { RetryTopic.group(of: $0) }
        let progress = context.progress("groups", total: groups.count)
        var rows: [GroupRow] = []
        for group in groups {
            let stats = try? await context.admin.consumeStats(group: group)
            let members = try? await context.admin.consumerConnection(group: group)
            rows.append(GroupRow(group: group, stats: stats, members: members))
            progress.advance(by: 1)
        }
        progress.end()
        context.show(
            .array(rows.map(\.json)),
            text: Self.header + rows.map { Self.render(group: $0.group, stats: $0.stats, members: $0.members) }.joined())
    }

    /// One group; nil stands for what could not be found out.
    private struct GroupRow {
        var group: String
        var stats: ConsumeStats?
        var members: ConsumerConnection?

        var json: JSONValue {
            let oldest = members?.connections.map(\.version).min()
            return [
                "consumerGroup": .string(group), "count": JSONValue(members?.connections.count ?? 0),
                "version": JSONValue(oldest.map { ProtocolVersion(ordinal: $0).description }),
                "consumeType": JSONValue(members?.consumeType.rawValue), "messageModel": JSONValue(members?.messageModel.rawValue),
                "consumeTps": stats.map { JSONValue.double($0.consumeTPS) } ?? .null, "diffTotal": stats.map { JSONValue($0.lag) } ?? .null,
            ]
        }
    }

    static let header = groupLine("#Group", "#Count", "#Version", "#Type", "#Model", "#TPS", "#Diff Total")

    static func render(group: String, stats: ConsumeStats?, members: ConsumerConnection?) -> String {
        let oldest = members?.connections.map(\.version).min()
        let isPush = members?.consumeType == .passively
        return groupLine(
            Columns.cut(group, 64), "\(members?.connections.count ?? 0)",
            oldest.map { ProtocolVersion(ordinal: $0).description } ?? "OFFLINE",
            members == nil ? "" : isPush ? "PUSH" : "PULL", isPush ? members?.messageModel.rawValue ?? "" : "",
            "\(Int64(exactly: (stats?.consumeTPS ?? 0).rounded(.towardZero)) ?? 0)", "\(stats?.lag ?? 0)")
    }

    private static func groupLine(
        _ group: String, _ count: String, _ version: String, _ type: String, _ model: String, _ rate: String, _ lag: String
    ) -> String {
        Columns.left(group, 64) + "  " + Columns.left(count, 6) + "  " + Columns.left(version, 24) + " " + Columns.left(type, 5) + "  "
            + Columns.left(model, 14) + "  " + Columns.left(rate, 7) + "  " + lag + "\n"
    }
}
