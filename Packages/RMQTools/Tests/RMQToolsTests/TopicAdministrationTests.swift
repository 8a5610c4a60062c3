@testable import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
@testable import RMQTools
import Testing

/// Commands that change topics or tell about all of them: permissions, clusters, order, the division of queues, traffic.
@Suite(.takesTurns) struct TopicAdministrationTests {
    // MARK: Permissions

    /// The recorded topics, each with two queues a broker.
    private static func servers(permissionAtA: Permission = .readWrite, queuesAtB: Int32 = 2) -> Servers {
        Servers { command, address in
            guard command.requestCode == .getRouteinfoByTopic, command.fields?["topic"] != "NoSuchTopic" else { return Golden.answer(command, address) }
            var route = Golden.route(queues: 2)
            route.queues[0].permission = permissionAtA
            route.queues[1].writeQueueCount = queuesAtB
            return .response(.success, body: route.body)
        }
    }

    @Test(arguments: ["updateTopicPerm-b", "updateTopicPerm-b-notMaster", "updateTopicPerm-c", "updateTopicPerm-none", "updateTopicPerm-unknown"])
    func permissionsAreChanged(_ name: String) async throws {
        let recording = try Recording(name)
        try await Run(recording.words, servers: Self.servers()).expect(recording)
    }

    @Test func anEqualPermissionChangesNothing() async throws {
        let recording = try Recording("updateTopicPerm-b-same")
        let servers = Self.servers(permissionAtA: .read)
        try await Run(recording.words, servers: servers).expect(recording)
        #expect(servers.addresses(asked: .updateAndCreateTopic).isEmpty)
    }

    @Test func everyBrokerKeepsItsQueues() async throws {
        let servers = Self.servers(permissionAtA: .read, queuesAtB: 7)
        let run = try await Run(["updateTopicPerm", "-c", "GoldenCluster", "-t", "T", "-p", "2"], servers: servers)
        let fields = servers.fields(asked: .updateAndCreateTopic)
        #expect(fields.map { $0["writeQueueNums"] } == ["2", "7"])
        #expect(fields.map { $0["perm"] } == ["2", "2"])
        #expect(run.output.hasPrefix("update topic perm from 4 to 2 in 127.0.0.1:30911 success.\nupdate topic perm from 6 to 2"))
    }

    @Test func aRefusedPermissionIsTold() async throws {
        let servers = Servers { command, address in
            command.requestCode == .updateAndCreateTopic ? .response(.noPermission, remark: "no") : Self.servers().answer(command, address)
        }
        let run = try await Run(["updateTopicPerm", "-b", "127.0.0.1:30911", "-t", "T", "-p", "2", "--exit-code"], servers: servers)
        #expect(run.output.isEmpty && run.errors.contains("CODE: 16  DESC: no\n") && run.exitCode == 2)
        #expect(try await Run(["updateTopicPerm", "-b", "x:1", "-t", "T", "-p", "all"]).errors.contains("-p takes a whole number"))
        #expect(try await Run(["updateTopicPerm", "-b", "x:1", "-t", "T", "-p", "2", "--exit-code"]).exitCode == 2, "no such master")
    }

    @Test(arguments: ["0", "1", "7", "-2"])
    func permissionThatIsNoneIsRefused(_ permission: String) async throws {
        let servers = Servers(Golden.answer)
        let run = try await Run(["updateTopicPerm", "-c", "GoldenCluster", "-t", "T", "--perm=\(permission)", "--exit-code"], servers: servers)
        #expect(run.errors.contains("-p takes 2 (write), 4 (read) or 6 (both), not \(permission)."))
        #expect(run.exitCode == 2 && servers.addresses(asked: .updateAndCreateTopic).isEmpty)
    }

    // MARK: Clusters and order

    @Test(arguments: ["topicClusterList", "topicClusterList-unknown"])
    func clustersOfATopic(_ name: String) async throws {
        let recording = try Recording(name)
        try await Run(recording.words).expect(recording)
    }

    @Test(arguments: ["updateOrderConf-put", "updateOrderConf-delete", "updateOrderConf-badMethod", "updateOrderConf-get-unknown"])
    func orderIsPutAndDeleted(_ name: String) async throws {
        let recording = try Recording(name)
        let servers = Servers(Golden.answer)
        try await Run(recording.words, servers: servers).expect(recording)
        #expect(servers.fields(asked: .putKvConfig).map { $0["value"] } == (name == "updateOrderConf-put" ? ["golden-a:3"] : []))
        #expect(servers.fields(asked: .deleteKvConfig).map { $0["key"] } == (name == "updateOrderConf-delete" ? ["ToolTopicOC"] : []))
    }

    @Test func orderIsShown() async throws {
        let recording = try Recording("updateOrderConf-get")
        let servers = Servers { _, _ in
            var answer = RemotingCommand.response(.success)
            answer.fields = ["value": "golden-a:2;golden-b:2"]
            return answer
        }
        try await Run(recording.words, servers: servers).expect(recording)
        let json = try JSONValue(parsing: try await Run(recording.words + ["--json"], servers: servers).output)
        #expect(json["topic"] == "ToolTopicOC" && json["orderConf"] == "golden-a:2;golden-b:2")
    }

    @Test func orderToPutHasToBeGiven() async throws {
        let recording = try Recording("updateOrderConf-put-noValue")
        let run = try await Run(recording.words)
        #expect(run.output == recording.output && run.exitCode == recording.exitCode)
        #expect(run.errors.contains("please set orderConf with option -v."))
    }

    // MARK: Division of queues

    @Test(arguments: ["allocateMQ", "allocateMQ-unknown"])
    func queuesAreDivided(_ name: String) async throws {
        let recording = try Recording(name)
        try await Run(recording.words).expect(recording)
    }

    @Test func moreMembersThanQueuesGetNone() async throws {
        let members = (1...20).map { "10.0.0.\($0)" }
        let run = try await Run(["allocateMQ", "-t", "T", "-i", members.joined(separator: ","), "--json"])
        let shares = try #require(try JSONValue(parsing: run.output)["result"]?.asObject)
        #expect(shares.count == 20)
        #expect(shares.members.reduce(0) { $0 + ($1.value.asArray?.count ?? 0) } == 8)
        #expect(try await Run(["allocateMQ", "-t", "T", "-i", ","]).errors.contains("-i takes addresses"))
    }

    // MARK: Traffic

    /// Servers whose topics, groups and counts are those of the rows of a recorded table: `golden-a` has counted all of it.
    private static func servers(counting rows: [StatsAllCommand.Row]) -> Servers {
        Servers { command, address in
            let key = command.fields?["statsKey"] ?? "", topic = command.fields?["topic"] ?? ""
            switch command.requestCode {
            case .getAllTopicListFromNameserver:
                var topics: [String] = ["%RETRY%g", "%DLQ%g", "Deleted"]
                for row in rows where !topics.contains(row.topic) { topics.append(row.topic) }
                return .response(.success, body: RMQRemoting.TopicList(topics).body)
            case .getRouteinfoByTopic where topic == "Deleted": return .response(.topicNotExist, remark: "no")
            case .queryTopicConsumeByWho:
                let groups = rows.filter { $0.topic == topic }.compactMap(\.group).sorted()
                return .response(.success, body: (["groupList": .array(groups.map { .string($0) })] as JSONValue).bytes(.fastjson))
            case .viewBrokerStatsData:
                let isInput = command.fields?["statsName"] == "TOPIC_PUT_NUMS"
                guard address == Golden.masters["golden-a"],
                    let row = rows.first(where: { isInput ? $0.topic == key : "\($0.topic)@\($0.group ?? "")" == key })
                else { return .response(.systemError, remark: "The stats <\(key)> not exist") }
                let traffic = isInput ? row.input : row.output
                return .response(.success, body: BrokerStatsData {
                    $0.minute.tps = traffic.rate
                    $0.hour.sum = traffic.count
                    $0.minute.sum = traffic.count / 2
                }.body)
            case .getConsumeStats:
                guard let row = rows.first(where: { $0.topic == topic && $0.group == command.fields?["consumerGroup"] }) else { return nil }
                var stats = ConsumeStats()
                stats.queues[MessageQueue(topic: topic, brokerName: address, queueId: 0)] = .init {
                    $0.brokerOffset = address == Golden.masters["golden-a"] ? row.lag : 0
                }
                return .response(.success, body: stats.body)
            default: return Golden.answer(command, address)
            }
        }
    }

    private static func rows(of recording: Recording) throws -> [StatsAllCommand.Row] {
        try recording.output.split(separator: "\n").dropFirst().map { line in
            let words = line.split(separator: " ").map(String.init)
            guard words.last != "NO_CONSUMER" else {
                return StatsAllCommand.Row(
                    topic: words[0], input: .init(rate: try #require(Double(words[2])), count: try #require(Int64(words[3]))))
            }
            return StatsAllCommand.Row(
                topic: words[0], group: words[1], lag: try #require(Int64(words[2])),
                input: .init(rate: try #require(Double(words[3])), count: try #require(Int64(words[5]))),
                output: .init(rate: try #require(Double(words[4])), count: try #require(Int64(words[6]))))
        }
    }

    @Test(arguments: ["statsAll", "statsAll-a", "statsAll-t", "statsAll-t-unknown"])
    func trafficOfTopics(_ name: String) async throws {
        let recording = try Recording(name)
        try await Run(recording.words, servers: Self.servers(counting: Self.rows(of: recording))).expect(recording)
    }

    @Test func onlyWhatMovesAndOnlyWhatIsAskedForIsShown() async throws {
        let all = Self.servers(counting: try Self.rows(of: Recording("statsAll")))
        #expect(try await Run(["statsAll", "-a"], servers: all).output.split(separator: "\n").count == 9)
        let json = try JSONValue(parsing: try await Run(["statsAll", "-t", "GoldenPlain", "--json"], servers: all).output)
        let rows = try #require(json.asArray)
        #expect(rows.count == 5)
        #expect(rows[3]["consumerGroup"] == "golden_lag_consumer" && rows[3]["accumulation"] == 37 && rows[3]["outMsg24Hour"] == 15)
        let idle = try JSONValue(parsing: try await Run(["statsAll", "-t", "GoldenV1", "--json"], servers: all).output)
        #expect(idle.asArray?.first?["consumerGroup"]?.asString == nil && idle.asArray?.first?["inMsg24Hour"] == 1)
    }

    @Test func aBrokerThatIsYoungTellsItsHour() {
        let stats = BrokerStatsData {
            $0.hour.sum = 7
            $0.minute.sum = 3
        }
        #expect(stats.dailyCount == 7)
        #expect(BrokerStatsData { $0.minute.sum = 3 }.dailyCount == 3)
    }
}
