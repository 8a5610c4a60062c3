import RMQClient
import RMQCommon

/// `clusterList`: every broker of every cluster with its load.
struct ClusterListCommand: AdminCommand {
    let name = "clusterList"
    let summary = "List all of clusters"
    let label = "ClusterListSubCommand"
    let example = "mqadmin clusterList -n 127.0.0.1:9876"
    let options: [CommandOption] = [
        .flag("m", "moreStats", "Print more stats"),
        CommandOption("i", "interval", "specify intervals numbers, it is in seconds"),
    ]

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        let interval: Int64 = try options.integer("i", or: 0)
        while true {
            let rows = try await Self.rows(context)
            context.show(
                .array(rows.map(Self.json)), text: options.has("m") ? Self.renderTotals(rows) : Self.render(rows, now: context.now()))
            guard interval > 0, (try? await context.pause(.seconds(interval))) != nil, !Task.isCancelled else { return }
        }
    }

    /// One broker. The values are empty when it could not be reached.
    struct Row {
        var cluster: String
        var broker: String
        var brokerId: Int64
        var address: String
        var values: [ByteText: String]
    }

    private static func rows(_ context: CommandContext) async throws -> [Row] {
        let info = try await context.admin.clusterInfo()
        var rows: [Row] = []
        for cluster in info.clusters.sortedTexts {
            for broker in info.brokers(ofCluster: cluster) ?? [] {
                for (id, address) in broker.sortedAddresses {
                    rows.append(Row(
                        cluster: cluster, broker: broker.brokerName, brokerId: id, address: address,
                        values: await values(of: address, context)))
                }
            }
        }
        return rows
    }

    private static func values(of address: String, _ context: CommandContext) async -> [ByteText: String] {
        do {
            return try await context.admin.brokerRuntimeInfo(at: address).table
        } catch {
            context.note(error)
            return [:]
        }
    }

    static func json(_ row: Row) -> JSONValue {
        [
            "clusterName": .string(row.cluster), "brokerName": .string(row.broker), "brokerId": JSONValue(row.brokerId),
            "brokerAddr": .string(row.address), "values": .table(row.values),
        ]
    }

    // MARK: Load

    static func render(_ rows: [Row], now: Int64) -> String {
        var text = line(
            "#Cluster Name", "#Broker Name", "#BID", "#Addr", "#Version", "#InTPS(LOAD)", "#OutTPS(LOAD)", "#PCWait(ms)", "#Hour", "#SPACE")
        for row in rows {
            text += line(
                row.cluster, row.broker, "\(row.brokerId)", row.address, row.values["brokerVersionDesc"] ?? "",
                load(row.values, rate: "putTps", pool: "sendThreadPoolQueue"),
                load(row.values, rate: "getTransferedTps", pool: "pullThreadPoolQueue"),
                row.values["pageCacheLockTimeMills"] ?? "", hours(row.values, now: now),
                Decimal.text(RuntimeValues(row.values).number("commitLogDiskRatio"), places: 4))
        }
        return text
    }

    /// `     0.20(0,0ms)`: the rate of the last seconds, requests in the queue, how long the first of them has waited.
    private static func load(_ values: [ByteText: String], rate: String, pool: String) -> String {
        let size = values[pool + "Size"] ?? ""
        let wait = values[pool + "HeadWaitTimeMills"] ?? ""
        return Columns.right(Decimal.text(RuntimeValues(values).number(rate), places: 2), 9) + "(\(size),\(wait)ms)"
    }

    /// How far back the messages go. An empty store says −1, and so the answer is the time since 1970, as in the reference.
    private static func hours(_ values: [ByteText: String], now: Int64) -> String {
        guard let earliest = values["earliestMessageTimeStamp"].flatMap({ Int64($0) }) else { return "0.00" }
        return Decimal.text(Double(now &- earliest) / 3_600_000, places: 2)
    }

    private static func line(
        _ cluster: String, _ broker: String, _ id: String, _ address: String, _ version: String, _ inLoad: String, _ outLoad: String,
        _ wait: String, _ hour: String, _ space: String
    ) -> String {
        Columns.left(cluster, 16) + "  " + Columns.left(broker, 22) + "  " + Columns.left(id, 4) + "  " + Columns.left(address, 22) + " "
            + Columns.left(version, 16) + " " + Columns.right(inLoad, 19) + " " + Columns.right(outLoad, 19) + " "
            + Columns.right(wait, 10) + " " + Columns.right(hour, 5) + " " + Columns.right(space, 6) + "\n"
    }

    // MARK: Totals of days

    static func renderTotals(_ rows: [Row]) -> String {
        var text = totalsLine("#Cluster Name", "#Broker Name", "#InTotalYest", "#OutTotalYest", "#InTotalToday", "#OutTotalToday")
        for row in rows {
            func growth(_ counter: String, _ earlier: RuntimeValues.Moment, _ later: RuntimeValues.Moment) -> String {
                String(RuntimeValues(row.values).growth(of: counter, from: earlier, to: later))
            }
            text += totalsLine(
                row.cluster, row.broker,
                growth("msgPutTotal", .yesterdayMorning, .todayMorning), growth("msgGetTotal", .yesterdayMorning, .todayMorning),
                growth("msgPutTotal", .todayMorning, .now), growth("msgGetTotal", .todayMorning, .now))
        }
        return text
    }

    private static func totalsLine(
        _ cluster: String, _ broker: String, _ inBefore: String, _ outBefore: String, _ inToday: String, _ outToday: String
    ) -> String {
        Columns.left(cluster, 16) + "  " + Columns.left(broker, 32) + " " + Columns.right(inBefore, 14) + " "
            + Columns.right(outBefore, 14) + " " + Columns.right(inToday, 14) + " " + Columns.right(outToday, 14) + "\n"
    }
}
