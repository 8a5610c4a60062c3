import RMQClient
import RMQCommon

/// `brokerConsumeStats`: how far every group of a broker is in each of its queues.
struct BrokerConsumeStatsCommand: AdminCommand {
    let name = "brokerConsumeStats"
    let summary = "Fetch broker consume stats data"
    let label = "BrokerConsumeStatsSubCommad"
    let example = "mqadmin brokerConsumeStats -b 127.0.0.1:10911 -l 1"
    let options: [CommandOption] = [
        .required("b", "brokerAddr", "Broker address"),
        CommandOption("t", "timeoutMillis", "request timeout Millis"),
        CommandOption("l", "level", "threshold of print diff"),
        CommandOption("o", "order", "order topic"),
    ]

    /// How far one group is in one queue.
    struct Row {
        var group: String
        var queue: MessageQueue
        var progress: ConsumeStats.Progress
    }

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        let timeout: Int64 = try options.integer("t", or: 50_000, within: 1...Self.longestTimeout)
        let level: Int64 = try options.integer("l", or: 0)
        let stats = try await context.admin.consumeStats(
            onlyOrdered: options.truth("o", or: false), limit: .milliseconds(timeout), at: options.required("b"))
        let rows = Self.rows(stats, atLeast: level)
        context.show(
            Self.json(rows, total: stats.totalDifference), text: Self.render(rows, total: stats.totalDifference, time: context.time))
    }

    /// A day: a longer wait is a slip of the finger.
    private static let longestTimeout: Int64 = 86_400_000

    /// Queues with less lag than `level` are left out, and those that nobody has consumed from.
    static func rows(_ stats: BrokerConsumeStats, atLeast level: Int64) -> [Row] {
        var rows: [Row] = []
        for table in stats.groupTables {
            for (group, parts) in table.sorted(by: { $0.key < $1.key }) {
                for (queue, progress) in parts.flatMap({ part in part.queues.sorted { $0.key < $1.key } })
                where progress.lag >= level && progress.lastTimestamp > 0 {
                    rows.append(Row(group: group.text, queue: queue, progress: progress))
                }
            }
        }
        return rows
    }

    static func render(_ rows: [Row], total: Int64, time: LocalTime) -> String {
        var text = line("#Topic", "#Group", "#Broker Name", "#QID", "#Broker Offset", "#Consumer Offset", "#Diff", "#LastTime")
        for row in rows {
            text += line(
                Columns.cut(row.queue.topic, 64), Columns.cut(row.group, 64), Columns.cut(row.queue.brokerName, 32), "\(row.queue.queueId)",
                "\(row.progress.brokerOffset)", "\(row.progress.consumerOffset)", "\(row.progress.lag)",
                time.seconds(row.progress.lastTimestamp))
        }
        return text + "\nDiff Total: \(total)\n"
    }

    private static func line(
        _ topic: String, _ group: String, _ broker: String, _ queue: String, _ end: String, _ consumed: String, _ lag: String, _ time: String
    ) -> String {
        Columns.left(topic, 64) + "  " + Columns.left(group, 64) + "  " + Columns.left(broker, 32) + "  " + Columns.left(queue, 4) + "  "
            + Columns.left(end, 20) + "  " + Columns.left(consumed, 20) + "  " + Columns.left(lag, 20) + "  " + time + "\n"
    }

    private static func json(_ rows: [Row], total: Int64) -> JSONValue {
        let queues = rows.map { row in
            JSONValue.object(JSONObject(row.queue, [
                ("consumerGroup", .string(row.group)), ("brokerOffset", JSONValue(row.progress.brokerOffset)),
                ("consumerOffset", JSONValue(row.progress.consumerOffset)), ("diff", JSONValue(row.progress.lag)),
                ("lastTimestamp", .moment(row.progress.lastTimestamp)),
            ]))
        }
        return ["totalDiff": JSONValue(total), "queues": .array(queues)]
    }
}
