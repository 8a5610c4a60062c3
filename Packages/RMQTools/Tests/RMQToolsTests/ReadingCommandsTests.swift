import Foundation
import RMQCommon
import RMQRemoting
import RMQTestSupport
@testable import RMQTools
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

    @Test func topicsAreListedAsTheNameServerSays() async throws {
        let recording = try Recording("topicList")
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

    @Test func tableIsRepeatedUntilTheCommandIsStopped() async throws {
        let servers = Servers { command, address in
            command.requestCode == .getBrokerRuntimeInfo ? .response(.success, body: KeyValueTable([:]).body) : Golden.answer(command, address)
        }
        let command = Task { try await Run(["clusterList", "-i", "1"], servers: servers) }
        try await eventually("the second round") { servers.addresses(asked: .getBrokerClusterInfo).count >= 2 }
        command.cancel()
        #expect(try await command.value.output.components(separatedBy: "#Cluster Name").count >= 3, "a header for each round")
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
