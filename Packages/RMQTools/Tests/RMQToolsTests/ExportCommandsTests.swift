import Foundation
import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
@testable import RMQTools
import Testing

/// What is exported to files, compared with the files that the reference wrote.
///
/// Exception: groups that share a bucket of the reference's table stand there in the order in which they came, which is not kept here. So
/// files with groups are compared as JSON and by their lines, all others byte for byte.
@Suite(.takesTurns) struct ExportCommandsTests {
    /// A recorded call that writes into a folder of the test.
    private struct Export {
        var run: Run
        /// The one file that was written; nil for none.
        var file: String?

        init(_ recording: Recording, servers: Servers) async throws {
            let folder = try TemporaryFolder()
            var words = recording.words
            let place = try #require(words.firstIndex(of: "-f")) + 1, recorded = words[place]
            words[place] = folder.sub("new/export")
            run = try await Run(words, servers: servers)
            run.output = run.output.replacingOccurrences(of: words[place], with: recorded)
            let names = try FileSystem.list(words[place])
            #expect(names.count <= 1)
            if let name = names.first { file = String(decoding: try #require(try SmallFile.read(words[place] + "/" + name)), as: UTF8.self) }
            withExtendedLifetime(folder) {}
        }
    }

    /// The file without the moment at which it was written.
    private static func timeless(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).filter { !$0.contains("\"exportTime\"") }.joined(separator: "\n")
    }

    private static func file(_ name: String) throws -> String { try GoldenData.text("admin/\(name).json") }

    // MARK: The recorded cluster

    /// As golden-a tells it; golden-b has its own name.
    private static let systemTopics = [
        "SCHEDULE_TOPIC_XXXX", "RMQ_SYS_TRANS_HALF_TOPIC", "RMQ_SYS_TRACE_TOPIC", "golden-a", "golden-b", "RMQ_SYS_TRANS_OP_HALF_TOPIC",
        "BenchmarkTest", "TRANS_CHECK_MAX_TIME_TOPIC", "OFFSET_MOVED_EVENT", "TBW102", "GoldenCluster", "GoldenCluster_REPLY_TOPIC",
        "SELF_TEST_TOPIC",
    ]

    private static func topics(_ file: String) throws -> TopicConfigTable { try TopicConfigTable(json: JSONValue(parsing: Self.file(file))) }
    private static func groups(_ file: String) throws -> SubscriptionGroupTable {
        try SubscriptionGroupTable(json: JSONValue(parsing: Self.file(file)))
    }

    /// The tables of both brokers: golden-a has what was exported of it alone, golden-b what the cluster has beyond it. Each has the retry
    /// topics, and the topics of the system.
    private static func topicTables() throws -> [String: TopicConfigTable] {
        let ofA = try topics("exportMetadata-b-t.topic"), ofBoth = try topics("exportMetadata-c-s.metadata")
        var tables = ["golden-a": ofA, "golden-b": TopicConfigTable(topics: [:], dataVersion: ofA.dataVersion)]
        for (name, sum) in ofBoth.topics {
            if name.text.hasPrefix("%RETRY%") { tables["golden-a"]?.topics[name] = half(sum) }
            let shareOfA = tables["golden-a"]?.topics[name]?.readQueueCount ?? 0
            guard sum.readQueueCount > shareOfA else { continue }
            var rest = sum
            rest.readQueueCount -= shareOfA
            rest.writeQueueCount -= shareOfA
            tables["golden-b"]?.topics[name] = rest
        }
        for topic in systemTopics {
            for broker in tables.keys { tables[broker]?.topics[topic] = TopicConfig(topicName: topic) }
        }
        return tables
    }

    private static func half(_ topic: TopicConfig) -> TopicConfig {
        var half = topic
        half.readQueueCount /= 2
        half.writeQueueCount /= 2
        return half
    }

    /// Every broker has the groups that were exported of golden-a, and those of the system.
    private static func groupTable() throws -> SubscriptionGroupTable {
        var table = try groups("exportMetadata-b-g.subscriptionGroup")
        for group in SystemGroup.builtIn + ["CID_RMQ_SYS_TRANS", "DEFAULT_CONSUMER", "__MONITOR_CONSUMER"] {
            table.groups[group] = SubscriptionGroupConfig(groupName: group)
        }
        return table
    }

    /// - Parameter answer: what this test's servers know besides; nil for all else.
    private static func servers(
        info: ClusterInfo = Golden.info, _ answer: @escaping @Sendable (RemotingCommand, String) -> RemotingCommand? = { _, _ in nil }
    ) throws -> Servers {
        let topicTables = try Dictionary(uniqueKeysWithValues: topicTables().map { (Golden.masters[$0.key] ?? "", $0.value.body) })
        let groupTable = try groupTable().body
        let settings = try ServerConfigTests.settings(in: Recording("getBrokerConfig-c"))
        return Servers { command, address in
            if let answer = answer(command, address) { return answer }
            switch command.requestCode {
            case .getAllTopicConfig: return topicTables[address].map { .response(.success, body: $0) }
            case .getAllSubscriptiongroupConfig: return .response(.success, body: groupTable)
            case .getSystemTopicListFromBroker: return .response(.success, body: RMQRemoting.TopicList(systemTopics).body)
            case .getBrokerConfig: return settings[address].map { .response(.success, body: $0) }
            case .getBrokerClusterInfo: return .response(.success, body: info.body)
            default: return Golden.answer(command, address)
            }
        }
    }

    // MARK: Topics and groups

    @Test(arguments: [
        ("exportMetadata-b-t", "exportMetadata-b-t.topic"), ("exportMetadata-c-t", "exportMetadata-c-t.topic"),
        ("exportMetadata-c-unknown", "exportMetadata-c-unknown.metadata"),
    ])
    func topicsByteForByte(_ name: String, _ file: String) async throws {
        let recording = try Recording(name)
        let export = try await Export(recording, servers: Self.servers())
        export.run.expect(recording)
        #expect(Self.timeless(try #require(export.file)) == Self.timeless(try Self.file(file)))
    }

    @Test(arguments: [
        ("exportMetadata-b-g", "exportMetadata-b-g.subscriptionGroup"), ("exportMetadata-c-g", "exportMetadata-c-g.subscriptionGroup"),
        ("exportMetadata-c", "exportMetadata-c.metadata"), ("exportMetadata-c-s", "exportMetadata-c-s.metadata"),
    ])
    func groupsLineByLine(_ name: String, _ file: String) async throws {
        let recording = try Recording(name)
        let export = try await Export(recording, servers: Self.servers())
        export.run.expect(recording)
        let own = Self.timeless(try #require(export.file)), recorded = Self.timeless(try Self.file(file))
        #expect(try JSONValue(parsing: own) == JSONValue(parsing: recorded))
        #expect(own.split(separator: "\n").sorted() == recorded.split(separator: "\n").sorted())
        // The topics, which stand before the groups.
        func topics(_ text: String) -> String { text.components(separatedBy: "\"subscriptionGroupTable\"")[0] }
        #expect(topics(own) == topics(recorded))
    }

    @Test func momentOfTheExportIsTold() async throws {
        let export = try await Export(Recording("exportMetadata-c"), servers: Self.servers())
        #expect(try JSONValue(parsing: #require(export.file))["exportTime"]?.asInt64 == 1_795_236_128_000)
    }

    @Test func brokerAloneWritesNothing() async throws {
        let recording = try Recording("exportMetadata-b")
        let export = try await Export(recording, servers: Self.servers())
        export.run.expect(recording)
        #expect(export.file == nil)
    }

    @Test func neitherBrokerNorClusterPrintsTheUsage() async throws {
        let recording = try Recording("exportMetadata-none")
        try await Run(recording.words).expect(recording)
    }

    // MARK: Settings

    @Test(arguments: [("exportConfigs", "exportConfigs.configs"), ("exportConfigs-unknown", "exportConfigs-unknown.configs")])
    func settingsByteForByte(_ name: String, _ file: String) async throws {
        let recording = try Recording(name)
        let export = try await Export(recording, servers: Self.servers())
        export.run.expect(recording)
        #expect(export.file == (try Self.file(file)))
    }

    @Test func slavesAreCounted() async throws {
        let recording = try Recording("exportConfigs-slave")
        let export = try await Export(recording, servers: Self.servers(info: ServerConfigTests.infoWithSlave))
        export.run.expect(recording)
        let file = try #require(export.file)
        let scale = try #require(JSONValue(parsing: file)["clusterScale"])
        #expect(scale["slaveBrokerSize"]?.asInt64 == 1)
        #expect(scale["masterBrokerSize"]?.asInt64 == 2)
    }

    // MARK: Load

    /// Both masters have the seven topics that golden-a had, and one group with a member.
    private static func loadServers() throws -> Servers {
        let topics = try #require(try topicTables()["golden-a"]).body
        let recorded = try JSONValue(parsing: file("exportMetrics.metrics"))
        let members = ConsumerConnection {
            $0.connections = [ClientConnection {
                $0.clientId = "c"
                $0.language = .java
                $0.version = 409
            }]
        }.body
        return try servers { command, address in
            let broker = Golden.masters.first { $0.value == address }?.key ?? ""
            switch command.requestCode {
            case .getAllTopicConfig: return .response(.success, body: topics)
            case .getRouteinfoByTopic: return .response(.success, body: Golden.route().body)
            case .viewBrokerStatsData: return .response(.systemError, remark: "The stats <TOPIC_PUT_NUMS> not exist")
            case .getBrokerRuntimeInfo:
                let quota = recorded["evaluateReport"]?[broker]?["runtimeQuota"]
                return .response(.success, body: KeyValueTable([
                    "putTps": "0.0 0.1 0.2", "getTransferedTps": "0.0 0.0 0.0", "commitLogDiskRatio": "0.22", "consumeQueueDiskRatio": "0.22",
                    "msgPutTotalTodayMorning": "5", "msgPutTotalYesterdayMorning": "5", "msgGetTotalTodayMorning": "0",
                    "msgGetTotalYesterdayMorning": "0", "putMessageAverageSize": quota?["messageAverageSize"]?.asString ?? "",
                ]).body)
            case .getConsumerConnectionList:
                guard command.fields?["consumerGroup"] == "golden_consumer" else { return .response(.consumerNotOnline, remark: "not online") }
                return .response(.success, body: members)
            default: return nil
            }
        }
    }

    @Test func loadByteForByte() async throws {
        let recording = try Recording("exportMetrics")
        let servers = try Self.loadServers()
        let export = try await Export(recording, servers: servers)
        export.run.expect(recording)
        #expect(export.file == (try Self.file("exportMetrics.metrics")))
        let asked = servers.fields(asked: .getConsumerConnectionList).filter { $0["consumerGroup"] == "golden_consumer" }
        #expect(asked.count == 1, "the members of a group are the same whatever broker it is looked up for")
    }

    /// The reference fails with a null pointer there.
    @Test func loadOfAnUnknownCluster() async throws {
        let recording = try Recording("exportMetrics-unknown")
        let export = try await Export(recording, servers: Self.servers())
        #expect(export.run.output == recording.output)
        #expect(export.run.exitCode == recording.exitCode)
        #expect(export.run.errors.contains("cluster NoSuchCluster is not known; known: GoldenCluster"))
        #expect(export.file == nil)
    }

    @Test func countsOfALongerSpanComeFirst() {
        let values: [ByteText: String] = [
            "putTps": "2.5 1 1", "getTransferedTps": "", "msgPutTotalTodayMorning": "30", "msgPutTotalYesterdayMorning": "10", "msgGetTotalTodayMorning": "x",
        ]
        let transactions = BrokerStatsData {
            $0.hour.sum = 7
            $0.minute.sum = 3
            $0.minute.tps = 0.05
        }
        let load = ExportMetricsCommand.Report.load(values, transactions: transactions, delayed: nil)
        #expect(load.normalIn == 2.5)
        #expect(load.normalOut == 0)
        #expect(load.normalInOfDay == 20)
        #expect(load.transactionInOfDay == 7)
        #expect(load.transactionIn == 0.05)
        #expect(load.scheduleInOfDay == 0)
    }

    // MARK: Where files go

    @Test(arguments: ["exportMetadata", "exportConfigs", "exportMetrics"])
    func folderThatCannotBeWritten(_ command: String) async throws {
        let folder = try TemporaryFolder()
        try SmallFile.replace(folder.sub("file"), with: "x")
        let run = try await Run(
            [command, "-c", "GoldenCluster", "-f", folder.sub("file/export"), "--exit-code"], servers: Self.loadServers())
        #expect(run.output.isEmpty)
        #expect(run.errors.contains(".json cannot be written: "))
        #expect(run.errors.contains("choose another folder with -f"))
        #expect(run.exitCode == 2)
    }

    /// The usual folder is open to other users of the machine: a link that one of them put there would have another file overwritten.
    @Test func linkIsNotFollowed() async throws {
        let folder = try TemporaryFolder()
        try SmallFile.replace(folder.sub("mine"), with: "precious")
        try FileManager.default.createSymbolicLink(atPath: folder.sub("configs.json"), withDestinationPath: folder.sub("mine"))
        let run = try await Run(["exportConfigs", "-c", "GoldenCluster", "-f", folder.path], servers: Self.servers())
        #expect(run.errors.contains("configs.json cannot be written"))
        #expect(try SmallFile.read(folder.sub("mine")) == Array("precious".utf8))
    }

    /// Somebody may read the file meanwhile; and what only its owner may read stays so.
    @Test func fileIsReplacedAsAWhole() async throws {
        let folder = try TemporaryFolder()
        let path = folder.sub("configs.json")
        try SmallFile.replace(path, with: "old")
        #expect(chmod(path, 0o600) == 0)
        let open = try #require(FileHandle(forReadingAtPath: path))
        let run = try await Run(["exportConfigs", "-c", "GoldenCluster", "-f", folder.path], servers: Self.servers())
        #expect(run.errors.isEmpty)
        #expect(try open.readToEnd() == Data("old".utf8))
        #expect(try JSONValue(parsing: #require(try SmallFile.read(path)))["clusterScale"]?["masterBrokerSize"]?.asInt64 == 2)
        var status = stat()
        #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
        #expect(try FileSystem.list(folder.path) == ["configs.json"])
    }

    @Test(arguments: [("exportMetadata", "metadata.json"), ("exportConfigs", "configs.json")])
    func anUnknownClusterReplacesNoExport(_ command: String, _ name: String) async throws {
        let folder = try TemporaryFolder()
        try SmallFile.replace(folder.sub(name), with: "precious")
        let run = try await Run([command, "-c", "NoSuchCluster", "-f", folder.path, "--exit-code"], servers: Self.servers())
        #expect(try SmallFile.read(folder.sub(name)) == Array("precious".utf8))
        #expect(run.errors.contains("\(folder.sub(name)) was left as it was"))
        #expect(!run.output.contains("success") && run.exitCode == 2)
    }

    @Test func brokerThatFailsLeavesNoFile() async throws {
        let servers = try Self.servers { command, _ in
            command.requestCode == .getAllSubscriptiongroupConfig ? .response(.systemError, remark: "no") : nil
        }
        let export = try await Export(Recording("exportMetadata-c"), servers: servers)
        #expect(export.run.errors.contains("CODE: 1  DESC: no BROKER: 127.0.0.1:30911"))
        #expect(export.run.output.isEmpty)
        #expect(export.file == nil)
    }
}
