import RMQClient
import RMQCommon

/// `exportMetrics`: load and size of a cluster's masters as a file.
struct ExportMetricsCommand: AdminCommand {
    let name = "exportMetrics"
    let summary = "export metrics"
    let label = "ExportMetricsCommand"
    let example = "mqadmin exportMetrics -c DefaultCluster -f /tmp/export -n 127.0.0.1:9876"
    let options: [CommandOption] = [
        .required("c", "clusterName", "choose a cluster to export"),
        CommandOption("f", "filePath", "export metrics.json path | default /tmp/rocketmq/export"),
    ]

    func run(_ options: CommandOptions, in context: CommandContext) async throws {
        var admin = context.admin
        admin.timeout = .seconds(10)   // tables can be long
        var clients = ClientVersions(progress: context.progress("groups", total: nil))
        defer { clients.progress.end() }
        var total = Load()
        var reports: [ByteText: JSONValue] = [:]
        for master in try await admin.masters(ofCluster: options.required("c")) {
            let report = try await Report(of: master.address, admin)
            total.add(report.load)
            reports[master.brokerName] = report.json(clients: await clients.versions(of: report.groups, admin))
        }
        let path = ExportFile.folder(options) + "/metrics.json"
        try ExportFile.write(["totalData": total.json, "evaluateReport": HashOrder.object(reports)], to: path, isEmpty: reports.isEmpty)
        context.print("export \(path) success")
    }

    /// Messages a second in the last minute, and in the day before this one.
    struct Load {
        var normalIn = 0.0, normalOut = 0.0, transactionIn = 0.0, scheduleIn = 0.0
        var normalInOfDay: Int64 = 0, normalOutOfDay: Int64 = 0, transactionInOfDay: Int64 = 0, scheduleInOfDay: Int64 = 0

        mutating func add(_ other: Load) {
            normalIn += other.normalIn
            normalOut += other.normalOut
            transactionIn += other.transactionIn
            scheduleIn += other.scheduleIn
            normalInOfDay &+= other.normalInOfDay
            normalOutOfDay &+= other.normalOutOfDay
            transactionInOfDay &+= other.transactionInOfDay
            scheduleInOfDay &+= other.scheduleInOfDay
        }

        /// As the members `totalData` of the file.
        var json: JSONValue {
            [
                "totalOneDayNum": dayJSON,
                "totalTps": [
                    "totalScheduleInTps": JSONValue(scheduleIn), "totalNormalInTps": JSONValue(normalIn),
                    "totalTransInTps": JSONValue(transactionIn), "totalNormalOutTps": JSONValue(normalOut),
                ],
            ]
        }

        var rateJSON: JSONValue {
            [
                "scheduleInTps": JSONValue(scheduleIn), "normalInTps": JSONValue(normalIn), "normalOutTps": JSONValue(normalOut),
                "transInTps": JSONValue(transactionIn),
            ]
        }

        var dayJSON: JSONValue {
            [
                "transOneDayInNum": JSONValue(transactionInOfDay), "scheduleOneDayInNum": JSONValue(scheduleInOfDay),
                "normalOneDayOutNum": JSONValue(normalOutOfDay), "normalOneDayInNum": JSONValue(normalInOfDay),
            ]
        }
    }
}

// MARK: - One broker

extension ExportMetricsCommand {
    /// What one master tells. Members stand in the order in which the reference's tables have them.
    struct Report {
        let values: [ByteText: String]
        let callbackThreads: String?
        let topicCount: Int
        let groups: [String]
        let load: Load

        init(of address: String, _ admin: Admin) async throws(ClientError) {
            values = try await admin.brokerRuntimeInfo(at: address).table
            callbackThreads = try await admin.brokerConfiguration(at: address).table["clientCallbackExecutorThreads"]
            groups = ExportFile.userGroups(try await admin.groupConfigs(at: address))
            let topics = try await admin.topicConfigs(at: address)
            topicCount = ExportFile.userTopics(topics, system: try await admin.systemTopics(at: address), withRetries: false).count
            let transactions = try await Self.counted(SystemTopic.transactionHalf, at: address, admin)
            let delayed = try await Self.counted(SystemTopic.schedule, at: address, admin)
            load = Self.load(values, transactions: transactions, delayed: delayed)
        }

        /// What a broker counted of the messages of a topic; nil where it counts none.
        private static func counted(_ topic: String, at address: String, _ admin: Admin) async throws(ClientError) -> BrokerStatsData? {
            do {
                return try await admin.brokerStats("TOPIC_PUT_NUMS", key: topic, at: address)
            } catch where error.responseCode != nil {
                return nil
            }
        }

        static func load(_ values: [ByteText: String], transactions: BrokerStatsData?, delayed: BrokerStatsData?) -> Load {
            let values = RuntimeValues(values)
            func yesterday(_ counter: String) -> Int64 { values.growth(of: counter, from: .yesterdayMorning, to: .todayMorning) }
            return Load(
                normalIn: values.number("putTps"), normalOut: values.number("getTransferedTps"), transactionIn: transactions?.minute.tps ?? 0,
                scheduleIn: delayed?.minute.tps ?? 0, normalInOfDay: yesterday("msgPutTotal"), normalOutOfDay: yesterday("msgGetTotal"),
                transactionInOfDay: transactions?.dailyCount ?? 0, scheduleInOfDay: delayed?.dailyCount ?? 0)
        }

        func json(clients: [String]) -> JSONValue {
            var environment = JSONObject()
            environment.append("cpuNum", ifPresent: JSONValue(callbackThreads))
            environment.append("totalMemKBytes", ifPresent: JSONValue(values["totalMemKBytes"]))
            var disk = JSONObject()
            for name in ["commitLogDiskRatio", "consumeQueueDiskRatio"] { disk.append(name, ifPresent: JSONValue(values[name])) }
            var quota: JSONObject = [
                "diskRatio": .object(disk), "topicSize": JSONValue(topicCount), "tps": load.rateJSON, "groupSize": JSONValue(groups.count),
                "oneDayNum": load.dayJSON,
            ]
            quota.append("messageAverageSize", ifPresent: JSONValue(values["putMessageAverageSize"]))
            return [
                "runtimeVersion": [
                    "rocketmqVersion": .string("\(ProtocolVersion.current)"), "clientInfo": .array(clients.map { .string($0) }),
                ],
                "runtimeQuota": .object(quota),
                "runtimeEnv": .object(environment),
            ]
        }
    }

    /// Language and version of the members of groups, each group asked for once.
    struct ClientVersions {
        let progress: WorkProgress
        private var known: [ByteText: [String]] = [:]

        init(progress: WorkProgress) { self.progress = progress }

        /// `JAVA%V4_9_8`, each once. A group that nobody of is connected has none.
        mutating func versions(of groups: [String], _ admin: Admin) async -> [String] {
            var all: [String] = []
            for group in groups {
                if known[group] == nil {
                    let members = (try? await admin.consumerConnection(group: group))?.connections ?? []
                    known[group] = members.map { "\($0.language)%\(ProtocolVersion(ordinal: $0.version))" }
                    progress.advance()
                }
                for version in known[group] ?? [] where !all.containsExactly(version) { all.append(version) }
            }
            return HashOrder.sorted(all) { JavaString.hash($0) }
        }
    }
}
