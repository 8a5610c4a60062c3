import RMQClient
import RMQCommon

/// `clusterRT`: sends messages to every broker of the clusters, in the topic of its name, and prints how long that took; for ever.
struct ClusterSendTimeCommand: AdminCommand {
    let name = "clusterRT"
    let summary = "List All clusters Message Send RT"
    let label = "CLusterSendMsgRTCommand"
    let example = "mqadmin clusterRT -n 127.0.0.1:9876 -c DefaultCluster -a 10 -i 30"
    let options: [CommandOption] = [
        CommandOption("a", "amount", "message amount | default 100"),
        CommandOption("s", "size", "message size | default 128 Byte"),
        CommandOption("c", "cluster", "cluster name | default display all cluster"),
        CommandOption("p", "print log", "print as tlog | default false"),
        CommandOption("m", "machine room", "machine room name | default noname"),
        CommandOption("i", "interval", "print interval | default 10 seconds"),
    ]

    /// What is measured, and how it is told.
    private struct Plan {
        var amount: Int
        var size: Int
        var interval: Int64
        /// Lines for a log instead of a table.
        var isLog: Bool
        var room: String
    }

    /// One broker's sends of one round.
    struct Row {
        var cluster: String
        var broker: String
        /// Milliseconds of a send on average.
        var average: Double
        var stored: Int
        var failed: Int
    }

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        let plan = Plan(
            amount: try options.integer("a", or: 100, within: 1...Int.max), size: try options.integer("s", or: 128, within: SendTrial.sizes),
            interval: try options.integer("i", or: 10, within: 1...86_400), isLog: options.truth("p", or: false), room: options["m"] ?? "noname")
        let info = try await context.admin.clusterInfo()
        let all = HashOrder.sorted(info.clusters.sortedTexts) { JavaString.hash($0) }
        if !plan.isLog { context.printHeading(Self.heading) }
        try await context.withProducer(ProducerSettings(group: "\(context.now())")) { producer in
            repeat {
                await measure(options["c"].map { [$0] } ?? all, info, plan, producer, context)
            } while (try? await context.pause(.seconds(plan.interval))) != nil
        }
    }

    private func measure(
        _ clusters: [String], _ info: ClusterInfo, _ plan: Plan, _ producer: any OpenProducer, _ context: CommandContext
    ) async {
        for cluster in clusters {
            guard let brokers = info.clusters[cluster] else { return context.complain("cluster [\(cluster)] not exist") }
            for broker in HashOrder.sorted(brokers.sortedByBytes(), hash: { JavaString.hash($0) }) {
                guard !Task.isCancelled else { return }
                let row = await sendAll(to: broker, of: cluster, plan, producer, context)
                let now = context.now()
                context.show(
                    Self.json(row, room: plan.room, now: now), text: plan.isLog ? Self.logLine(row, room: plan.room, now: now) : Self.line(row))
            }
        }
    }

    /// Of the failures the first is told: the others most likely are the same.
    private func sendAll(
        to broker: String, of cluster: String, _ plan: Plan, _ producer: any OpenProducer, _ context: CommandContext
    ) async -> Row {
        let message = SendTrial.message(broker, size: plan.size)
        let progress = context.progress("messages", total: plan.amount)
        var average = SendAverage(), failed = 0
        for _ in 0..<plan.amount {
            guard !Task.isCancelled else { break }
            let sending = await producer.send(message, to: .anyQueue)
            average.add(sending.elapsed.milliseconds)
            if case .failure(let error) = sending.result {
                if failed == 0 { context.note(error) }
                failed += 1
            }
            progress.advance()
        }
        progress.end()
        return Row(
            cluster: cluster, broker: broker, average: average.milliseconds, stored: average.count - failed, failed: failed)
    }

    // MARK: Text

    private static let heading =
        Columns.left("#Cluster Name", 24) + "  " + Columns.left("#Broker Name", 24) + "  " + Columns.left("#RT", 4) + "  "
        + Columns.left("#successCount", 8) + "  " + Columns.left("#failCount", 8) + "\n"

    static func line(_ row: Row) -> String {
        Columns.left(row.cluster, 24) + "  " + Columns.left(row.broker, 24) + "  " + Columns.left(Decimal.text(row.average, places: 2), 8) + "  "
            + Columns.left(row.stored, 16) + "  " + Columns.left(row.failed, 16) + "\n"
    }

    /// In the reference's zone, wherever the tool runs.
    private static let logTime = LocalTime(zone: Zone { _ in 8 * 3600 })

    static func logLine(_ row: Row, room: String, now: Int64) -> String {
        "\(logTime.seconds(now))|\(room)|\(row.cluster)|\(row.broker)|\(Decimal.text(row.average, places: 0))\n"
    }

    private static func json(_ row: Row, room: String, now: Int64) -> JSONValue {
        [
            "timestamp": .integer(now), "machineRoom": .string(room), "clusterName": .string(row.cluster), "brokerName": .string(row.broker),
            "rt": .double(row.average), "successCount": .integer(Int64(row.stored)), "failCount": .integer(Int64(row.failed)),
        ]
    }
}
