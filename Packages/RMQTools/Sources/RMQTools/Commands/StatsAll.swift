import RMQClient
import RMQCommon

/// `statsAll`: what came into and went out of every topic, by consumer group, and how much each group has still to consume.
struct StatsAllCommand: AdminCommand {
    let name = "statsAll"
    let summary = "Topic and Consumer tps stats"
    let label = "StatsAllSubCommand"
    let example = "mqadmin statsAll -n 127.0.0.1:9876 -a"
    let options: [CommandOption] = [
        .flag("a", "activeTopic", "print active topic only"),
        CommandOption("t", "topic", "print select topic only"),
    ]

    /// One topic and one group of it; nil for a topic that nobody consumes.
    struct Row {
        var topic: String
        var group: String?
        var lag: Int64 = 0
        var input = Traffic()
        var output = Traffic()

        var isActive: Bool { input.count > 0 || output.count > 0 }
    }

    /// Messages a second in the last minute, and messages in the last 24 hours.
    struct Traffic {
        var rate = 0.0
        var count: Int64 = 0
    }

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        let wanted = options["t"] ?? ""
        let topics = try await context.admin.topics().filter { topic in
            !RetryTopic.isRetry(topic) && !DeadLetterTopic.isDeadLetter(topic) && (wanted.isEmpty || topic.isExactly(wanted))
        }
        let progress = context.progress("topics", total: topics.count)
        var rows: [Row] = []
        for topic in topics {
            // What cannot be found out is left out, as it may have been deleted meanwhile.
            rows += (try? await Self.rows(of: topic, context)) ?? []
            progress.advance(by: 1)
        }
        progress.end()
        if options.has("a") { rows.removeAll { !$0.isActive } }
        context.show(.array(rows.map(Self.json)), text: Self.header + rows.map(Self.render).joined())
    }

    // MARK: What brokers counted

    private static func rows(of topic: String, _ context: CommandContext) async throws -> [Row] {
        let route = try await context.admin.routeData(of: topic)
        guard let address = route.brokers.lazy.compactMap(\.anyAddress).first else { return [] }
        let groups = try await context.admin.groups(consuming: topic, at: address)
        let masters = route.brokers.compactMap(\.masterAddress)
        let input = await traffic("TOPIC_PUT_NUMS", topic, at: masters, context)
        guard !groups.isEmpty else { return [Row(topic: topic, input: input)] }
        var rows: [Row] = []
        for group in HashOrder.sorted(groups, hash: { JavaString.hash($0) }) {
            let output = await traffic("GROUP_GET_NUMS", "\(topic)@\(group)", at: masters, context)
            let lag = (try? await context.admin.consumeStats(group: group, topic: topic))?.lag ?? 0
            rows.append(Row(topic: topic, group: group, lag: max(0, lag), input: input, output: output))
        }
        return rows
    }

    /// What these brokers counted, together. One that counted nothing refuses to tell.
    private static func traffic(_ what: String, _ key: String, at addresses: [String], _ context: CommandContext) async -> Traffic {
        var traffic = Traffic()
        for address in addresses {
            guard let stats = try? await context.admin.brokerStats(what, key: key, at: address) else { continue }
            traffic.rate += stats.minute.tps
            traffic.count &+= stats.dailyCount
        }
        return traffic
    }

    // MARK: Table

    static let header = line("#Topic", "#Consumer Group", "#Accumulation", "#InTPS", "#OutTPS", "#InMsg24Hour", "#OutMsg24Hour")

    static func render(_ row: Row) -> String {
        let isConsumed = row.group != nil
        return line(
            Columns.cut(row.topic, 64), Columns.cut(row.group ?? "", 64), "\(row.lag)", Decimal.text(row.input.rate, places: 2),
            isConsumed ? Decimal.text(row.output.rate, places: 2) : "", "\(row.input.count)", isConsumed ? "\(row.output.count)" : "NO_CONSUMER")
    }

    private static func line(
        _ topic: String, _ group: String, _ lag: String, _ inRate: String, _ outRate: String, _ inCount: String, _ outCount: String
    ) -> String {
        Columns.left(topic, 64) + "  " + Columns.left(group, 64) + " " + Columns.right(lag, 12) + " " + Columns.right(inRate, 11) + " "
            + Columns.right(outRate, 11) + " " + Columns.right(inCount, 14) + " " + Columns.right(outCount, 14) + "\n"
    }

    static func json(_ row: Row) -> JSONValue {
        [
            "topic": .string(row.topic), "consumerGroup": JSONValue(row.group), "accumulation": JSONValue(row.lag),
            "inTPS": .double(row.input.rate), "outTPS": row.group == nil ? .null : .double(row.output.rate),
            "inMsg24Hour": JSONValue(row.input.count), "outMsg24Hour": row.group == nil ? .null : JSONValue(row.output.count),
        ]
    }
}
