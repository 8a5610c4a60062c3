import Foundation
import RMQCommon
import RMQRemoting
import RMQTestSupport
@testable import RMQTools
import Synchronization
import Testing

@Suite(.takesTurns) struct ReadingCommandsTests {
    @Test(arguments: ["topicRoute", "topicRoute-l"])
    func routeOfTwoMasters(_ name: String) async throws {
        let recording = try Recording(name)
        #expect(try await Run(recording.words).output == recording.output)
    }

    @Test func routeWithASlave() throws {
        let route = Golden.route(slaveOfA: "127.0.0.1:32911")
        #expect(TopicRouteCommand.render(route) == (try Recording("topicRoute-slave").output))
        #expect(TopicRouteCommand.renderList(route) == (try Recording("topicRoute-l-slave").output))
    }

    @Test func routeWithLimitedPermission() throws {
        var route = Golden.route()
        route.queues[1].permission = .read
        #expect(TopicRouteCommand.render(route) == (try Recording("topicRoute-afterWipe").output))
        #expect(TopicRouteCommand.render(Golden.route(queues: 2)) == (try Recording("topicRoute-order").output))
    }

    @Test(arguments: ["topicList", "topicList-acl-unsigned"])
    func topicsAreListedAsTheNameServerSays(_ name: String) async throws {
        let recording = try Recording(name)
        let topics = recording.output.split(separator: "\n").map(String.init)
        let servers = Servers { _, _ in .response(.success, body: RMQRemoting.TopicList(topics).body) }
        #expect(try await Run(recording.words, servers: servers).output == recording.output)
    }

    @Test func topicsWithGroups() throws {
        let recording = try Recording("topicList-c")
        let lines = recording.output.split(separator: "\n").map(String.init).dropFirst()
        var rows: [TopicListCommand.Row] = []
        for line in lines {
            let words = line.split(separator: " ").map(String.init)
            if rows.last?.topic == words[1] {
                rows[rows.count - 1].groups.append(words[2])
            } else {
                rows.append(.init(cluster: words[0], topic: words[1], groups: Array(words.dropFirst(2))))
            }
        }
        #expect(TopicListCommand.header + rows.map(TopicListCommand.render).joined() == recording.output)
    }

    @Test(arguments: ["topicStatus", "topicStatus-empty"])
    func statusOfATopic(_ name: String) async throws {
        let recording = try Recording(name)
        let topic = recording.words[2]
        var parts: [String: TopicStatsTable] = [:]
        for line in recording.output.split(separator: "\n").dropFirst() {
            let words = line.split(separator: " ").map(String.init)
            let updated = words.count == 6 ? try #require(LocalTime.utc.parse(moment(words[4], words[5]))) : 0
            let queue = MessageQueue(topic: topic, brokerName: words[0], queueId: try #require(Int32(words[1])))
            let (first, last) = (try #require(Int64(words[2])), try #require(Int64(words[3])))
            parts[words[0], default: TopicStatsTable()].queues[queue] = .init {
                $0.minOffset = first
                $0.maxOffset = last
                $0.lastUpdateTimestamp = updated
            }
        }
        let byAddress = Dictionary(uniqueKeysWithValues: parts.map { (Golden.masters[$0.key] ?? "", $0.value.body) })
        let servers = Servers { command, address in
            command.requestCode == .getTopicStatsInfo ? .response(.success, body: byAddress[address] ?? []) : Golden.answer(command, address)
        }
        let run = try await Run(recording.words, servers: servers)
        #expect(run.output == recording.output)
        #expect(run.errors.isEmpty)
    }

    @Test(arguments: ["brokerStatus-b", "brokerStatus-c", "brokerStatus-c-slave"])
    func statusOfBrokers(_ name: String) throws {
        let recording = try Recording(name)
        var sections: [(address: String?, values: [ByteText: String])] = []
        for line in recording.output.split(separator: "\n") {
            let address = name == "brokerStatus-b" ? nil : String(line.prefix { $0 != " " })
            let rest = address == nil ? String(line) : String(line.dropFirst(25))
            let border = try #require(rest.firstRange(of: ": "))
            var key = String(rest[..<border.lowerBound])
            while key.last == " " { key.removeLast() }
            if sections.last?.address != address || sections.isEmpty { sections.append((address, [:])) }
            sections[sections.count - 1].values[key] = String(rest[border.upperBound...])
        }
        #expect(sections.map { BrokerStatusCommand.render($0.values, address: $0.address) }.joined() == recording.output)
    }

    @Test func statusOfAnUnknownCluster() async throws {
        let recording = try Recording("brokerStatus-c-unknown")
        #expect(try await Run(recording.words).output == recording.output)
    }

    /// The values a broker of the recording reported: only what the table shows.
    private func values(_ line: Substring) throws -> (ClusterListCommand.Row, hour: Double) {
        let words = line.split(separator: " ").map(String.init)
        func load(_ text: String, rate: String, pool: String, into values: inout [ByteText: String]) {
            let parts = text.split { "(,m".contains($0) }
            values[rate] = "\(parts[0]) 17.25"
            values[pool + "Size"] = String(parts[1])
            values[pool + "HeadWaitTimeMills"] = String(parts[2])
        }
        var values: [ByteText: String] = ["brokerVersionDesc": words[4], "pageCacheLockTimeMills": words[7], "earliestMessageTimeStamp": "-1", "commitLogDiskRatio": words[9]]
        load(words[5], rate: "putTps", pool: "sendThreadPoolQueue", into: &values)
        load(words[6], rate: "getTransferedTps", pool: "pullThreadPoolQueue", into: &values)
        return (
            ClusterListCommand.Row(
                cluster: words[0], broker: words[1], brokerId: try #require(Int64(words[2])), address: words[3], values: values),
            try #require(Double(words[8])))
    }

    @Test(arguments: ["clusterList", "clusterList-slave"])
    func loadOfBrokers(_ name: String) throws {
        let recording = try Recording(name)
        let rows = try recording.output.split(separator: "\n").dropFirst().map(values)
        let now = Int64((try #require(rows.first).hour * 3_600_000).rounded()) - 1
        #expect(ClusterListCommand.render(rows.map(\.0), now: now) == recording.output)
    }

    @Test(arguments: ["clusterList-m", "clusterList-m-slave"])
    func totalsOfBrokers(_ name: String) throws {
        let recording = try Recording(name)
        let rows = recording.output.split(separator: "\n").dropFirst().map { line in
            let words = line.split(separator: " ").map(String.init)
            return ClusterListCommand.Row(
                cluster: words[0], broker: words[1], brokerId: 0, address: "",
                values: [
                    "msgPutTotalYesterdayMorning": "7", "msgPutTotalTodayMorning": "\((Int(words[2]) ?? 0) + 7)",
                    "msgPutTotalTodayNow": "\((Int(words[4]) ?? 0) + (Int(words[2]) ?? 0) + 7)", "msgGetTotalTodayMorning": words[3],
                    "msgGetTotalTodayNow": words[5],
                ])
        }
        #expect(ClusterListCommand.renderTotals(rows) == recording.output)
    }

    /// The recorded call was ended by a signal, hence its exit code.
    @Test func tableIsRepeatedUntilTheCommandIsStopped() async throws {
        let recording = try Recording("clusterList-i")
        let rows = try recording.output.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { try values($0).0 }
        let rounds = Mutex(0)
        let servers = Servers { command, address in
            guard command.requestCode == .getBrokerRuntimeInfo else { return Golden.answer(command, address) }
            let row = rows.filter { $0.address == address }[rounds.withLock { $0 }]
            return .response(.success, body: KeyValueTable(row.values).body)
        }
        let run = try await Run(recording.words, servers: servers) { pause in
            #expect(pause == .seconds(3))
            try rounds.withLock { rounds in
                rounds += 1
                if rounds == 3 { throw CancellationError() }
            }
        }
        #expect(run.output == recording.output)
        #expect(run.errors.isEmpty)
    }

    // MARK: JSON

    /// Answers of every kind, the same for every topic and broker.
    private static let servers = Servers { command, address in
        switch command.requestCode {
        case .getAllTopicListFromNameserver: return .response(.success, body: RMQRemoting.TopicList(["T", "%RETRY%g", "%RETRY%away"]).body)
        case .getRouteinfoByTopic: return .response(.success, body: Golden.route().body)
        case .queryTopicConsumeByWho: return .response(.success, body: (["groupList": ["g"]] as JSONValue).bytes(.fastjson))
        case .getBrokerRuntimeInfo:
            return .response(.success, body: KeyValueTable(["putTps": "1.5 2.5 3.5", "brokerVersion": "409", "commitLogDiskRatio": "0.25"]).body)
        case .getTopicStatsInfo:
            var stats = TopicStatsTable()
            stats.queues[MessageQueue(topic: "T", brokerName: address, queueId: 0)] = .init { $0.maxOffset = 7 }
            return .response(.success, body: stats.body)
        case .getConsumeStats:
            var stats = ConsumeStats()
            stats.queues[MessageQueue(topic: "T", brokerName: address, queueId: 0)] = .init { $0.brokerOffset = 4 }
            return .response(.success, body: stats.body)
        case .getConsumerConnectionList:
            guard command.fields?["consumerGroup"] == "g" else { return .response(.consumerNotOnline, remark: "not online") }
            let members = ConsumerConnection { $0.connections = [ClientConnection { $0.version = 409 }] }
            return .response(.success, body: members.body)
        default: return Golden.answer(command, address)
        }
    }

    private func json(_ words: String...) async throws -> JSONValue {
        let run = try await Run(words + ["--json"], servers: Self.servers)
        #expect(run.errors.isEmpty && run.output.split(separator: "\n").count == 1)
        return try JSONValue(parsing: run.output)
    }

    @Test func topicsAsJSON() async throws {
        #expect(try await json("topicList") == ["T", "%RETRY%g", "%RETRY%away"])
        #expect(try await json("topicList", "-c") == [["clusterName": "GoldenCluster", "topic": "T", "consumerGroups": ["g"]]])
        let route = try await json("topicRoute", "-t", "T", "-l")
        #expect(route["queueDatas"]?.asArray?.map { $0["readQueueNums"] } == [4, 4])
        #expect(route["brokerDatas"]?.asArray?.first?["brokerAddrs"]?["0"] == "127.0.0.1:30911")
        let status = try #require(try await json("topicStatus", "-t", "T").asArray)
        #expect(status.map { $0["maxOffset"] } == [7, 7])
        #expect(status.allSatisfy { $0["lastUpdateTimestamp"]?.asInt64 == nil }, "nothing was ever stored")
    }

    @Test func brokersAsJSON() async throws {
        let one = try await json("brokerStatus", "-b", "127.0.0.1:30911")
        #expect(one["brokerAddr"] == "127.0.0.1:30911")
        #expect(one["values"]?["brokerVersion"] == 409)
        #expect(one["values"]?["commitLogDiskRatio"] == 0.25)
        #expect(one["values"]?["putTps"] == "1.5 2.5 3.5")
        #expect(try await json("brokerStatus", "-c", "GoldenCluster").asArray?.count == 2)
        let brokers = try #require(try await json("clusterList").asArray)
        #expect(brokers.map { $0["brokerName"] } == ["golden-a", "golden-b"])
        #expect(brokers[0]["brokerId"] == 0)
    }

    @Test func groupsAsJSON() async throws {
        let group = try await json("consumerProgress", "-g", "g")
        #expect(group["diffTotal"] == 8)
        #expect(group["queues"]?.asArray?.map { $0["brokerName"] } == ["127.0.0.1:30911", "127.0.0.1:31911"])
        let groups = try #require(try await json("consumerProgress").asArray)
        #expect(groups.map { $0["consumerGroup"] } == ["g", "away"])
        #expect(groups.map { $0["version"]?.asString } == ["V4_9_8", nil], "nobody is connected")
    }

    @Test(arguments: ["007", "-", "1e5", "nan", "infinity", "4.9.8", "127.0.0.1", "", "1.0 2.0", "9223372036854775808", "1.10", "1.", ".5", "-0", "1e400"])
    func whatIsNoNumberInJSONStaysText(_ text: String) throws {
        #expect(JSONValue.numberOrText(text) == .string(text))
    }

    @Test func unreachableBrokerStaysInTheTable() async throws {
        let servers = Servers { command, address in
            command.requestCode == .getBrokerRuntimeInfo ? nil : Golden.answer(command, address)
        }
        let run = try await Run(["clusterList"], servers: servers)
        #expect(run.output.split(separator: "\n").count == 3)
        #expect(run.output.contains("golden-a                0     127.0.0.1:30911                                   0.00(,ms)           0.00(,ms)             0.00 0.0000\n"))
        #expect(run.errors == "connect to 127.0.0.1:30911 failed\nconnect to 127.0.0.1:31911 failed\n")
    }
}

/// The form that commands read of the form that they print.
func moment(_ date: String, _ time: String) -> String {
    date + "#" + String(time.map { $0 == "," ? ":" : $0 }) + (time.contains(",") ? "" : ":000")
}
