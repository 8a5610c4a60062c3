import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

@testable import RMQNamesrv

/// The rules of the tables, without any network.
@Suite(.takesTurns) struct RouteTableTests {
    private var table = RouteTable()

    private mutating func register(
        _ name: String, id: Int64 = 0, _ address: String, cluster: String = "C", version: Int64 = 1, topics: [TopicConfig] = [],
        filters: [String]? = nil, connection: UInt64 = 1, now: MonotonicInstant = .at(0)
    ) throws -> RouteTable.Registered {
        try table.register(
            Registration(
                cluster: cluster, brokerName: name, brokerId: id, address: address, haServerAddress: "ha-" + address,
                dataVersion: DataVersion(timestamp: version), topics: topics, filterServers: filters),
            connection: connection, now: now)
    }

    private func topic(_ name: String, flag: Int32 = 0, queues: Int32 = 4) -> TopicConfig {
        TopicConfig(topicName: name, readQueueCount: queues, writeQueueCount: queues, systemFlag: flag)
    }

    @Test mutating func aMasterBringsItsTopics() throws {
        let registered = try register("a", "h:1", topics: [topic("T")], filters: ["f:1"])
        #expect(registered.masterAddress == nil)
        #expect(registered.notes.contains { "\($0)".hasPrefix("new topic registered, T QueueData [brokerName=a, readQueueNums=4") })
        let route = try #require(table.route(of: "T"))
        #expect(route.queues.map(\.brokerName) == ["a"])
        #expect(route.brokers == [BrokerData(cluster: "C", brokerName: "a", addresses: [0: "h:1"])])
        #expect(route.filterServers == ["h:1": ["f:1"]])
    }

    @Test mutating func aSlaveAloneMakesNoRoute() throws {
        let alone = try register("a", id: 1, "h:2", topics: [topic("T")])
        #expect(alone.masterAddress == nil)
        #expect(table.route(of: "T") == nil)
        _ = try register("a", "h:1", topics: [topic("T")])
        let withMaster = try register("a", id: 1, "h:2")
        #expect(withMaster.masterAddress == "h:1")
        #expect(withMaster.haServerAddress == "ha-h:1")
    }

    @Test mutating func topicsChangeWithTheVersionOnly() throws {
        _ = try register("a", "h:1", topics: [topic("T", queues: 4)])
        _ = try register("a", "h:1", topics: [topic("T", queues: 8)])
        #expect(table.route(of: "T")?.queues.first?.readQueueCount == 4)
        _ = try register("a", "h:1", version: 2, topics: [topic("U")])
        _ = try register("a", "h:1", version: 3, topics: [topic("T", queues: 8)])
        #expect(table.route(of: "T")?.queues.first?.readQueueCount == 8)
        #expect(table.route(of: "U") != nil, "a topic that a registration leaves out stays")
    }

    @Test mutating func signsOfLifeLeaveTheGenerationAlone() throws {
        _ = try register("a", "h:1", topics: [topic("T")])
        let before = table.generation
        _ = try register("a", "h:1", topics: [topic("T")], now: .at(5))
        let (changed, stored) = table.compareVersion(of: "h:1", with: DataVersion(timestamp: 1), now: .at(6))
        #expect(!changed)
        #expect(stored == DataVersion(timestamp: 1))
        #expect(table.generation == before)
        #expect(table.live["h:1"]?.lastSeen == .at(6))
    }

    @Test mutating func anAddressHasOneId() throws {
        _ = try register("a", id: 1, "h:1")
        _ = try register("a", id: 0, "h:1", topics: [topic("T")])
        #expect(table.route(of: "T")?.brokers.first?.addresses == [0: "h:1"])
    }

    @Test mutating func theFirstClusterOfANameStays() throws {
        _ = try register("a", "h:1", cluster: "C1")
        _ = try register("a", "h:1", cluster: "C2")
        #expect(table.brokers["a"]?.cluster == "C1")
        #expect(table.clusterInfo.clusters == ["C1": ["a"], "C2": ["a"]])
    }

    @Test mutating func filterServersAreKeptReplacedOrRemoved() throws {
        _ = try register("a", "h:1", filters: ["f:1"])
        _ = try register("a", "h:1", filters: nil)
        #expect(table.filterServers == ["h:1": ["f:1"]])
        _ = try register("a", "h:1", filters: [])
        #expect(table.filterServers.isEmpty)
    }

    @Test mutating func unregisteringTheLastAddressTakesEverything() throws {
        _ = try register("a", "h:1", topics: [topic("T"), topic("Shared")])
        _ = try register("a", id: 1, "h:2")
        _ = try register("b", "h:3", topics: [topic("Shared")])
        _ = table.unregister(cluster: "C", brokerName: "a", brokerId: 0, address: "h:1")
        #expect(table.route(of: "T")?.brokers.first?.addresses == [1: "h:2"], "a slave keeps the routes")
        _ = table.unregister(cluster: "C", brokerName: "a", brokerId: 1, address: "h:2")
        #expect(table.topicNames == ["Shared"])
        #expect(table.clusterInfo.clusters == ["C": ["b"]])
        _ = table.unregister(cluster: "C", brokerName: "b", brokerId: 0, address: "h:3")
        #expect(table.topics.isEmpty)
        #expect(table.brokers.isEmpty)
        #expect(table.clusters.isEmpty)
        #expect(table.live.isEmpty)
    }

    @Test mutating func theLogSaysItInTheReferencesWords() throws {
        _ = try register("a", "h:1", topics: [topic("T")])
        let queues = "QueueData [brokerName=a, readQueueNums=4, writeQueueNums=4, perm=6, topicSysFlag=0]"
        let left = table.unregister(cluster: "C", brokerName: "a", brokerId: 0, address: "h:1")
        #expect(left.map(\.description) == [
            "unregisterBroker, remove from brokerLiveTable OK, h:1", "unregisterBroker, remove addr from brokerAddrTable OK, h:1",
            "unregisterBroker, remove name from brokerAddrTable OK, a", "unregisterBroker, remove name from clusterAddrTable OK, a",
            "unregisterBroker, remove cluster from clusterAddrTable C", "removeTopicByBrokerName, remove one broker's topic T \(queues)",
            "removeTopicByBrokerName, remove the topic all queue T",
        ])
        _ = try register("a", "h:1", topics: [topic("T")], connection: 7)
        #expect(table.connectionClosed(7, remote: "x:1").notes.map(\.description) == [
            "remove brokerAddr[0, h:1] from brokerAddrTable, because channel destroyed",
            "remove brokerName[a] from brokerAddrTable, because channel destroyed",
            "remove brokerName[a], clusterName[C] from clusterAddrTable, because channel destroyed",
            "remove the clusterName[C] from clusterAddrTable, because channel destroyed and no broker in this cluster",
            "remove topic[T \(queues)], from topicQueueTable, because channel destroyed",
            "remove topic[T] all queue, from topicQueueTable, because channel destroyed",
        ])
    }

    @Test mutating func unregisteringWithTheWrongClusterIsSaidSo() throws {
        _ = try register("a", "h:1", cluster: "C1")
        _ = try register("b", "h:2", cluster: "C2")
        let notes = table.unregister(cluster: "C2", brokerName: "a", brokerId: 0, address: "h:1").map(\.description)
        #expect(notes.contains("unregisterBroker, remove name from clusterAddrTable Failed, a"))
        #expect(table.clusterInfo.clusters == ["C1": ["a"], "C2": ["b"]])
    }

    @Test mutating func silenceExpiresAfterTwoMinutes() throws {
        _ = try register("a", "h:1", topics: [topic("T")], connection: 7, now: .at(1000))
        #expect(table.expire(now: .at(121_000)).expired.isEmpty)
        let (expired, notes) = table.expire(now: .at(121_001))
        #expect(expired.map(\.connection) == [7])
        #expect(notes.first.map { "\($0)" } == "The broker channel expired, h:1 120000ms")
        #expect(notes.first?.isWarning == true)
        #expect(table.topics.isEmpty)
        #expect(table.brokers.isEmpty)
    }

    @Test mutating func aClosedConnectionTakesItsBroker() throws {
        _ = try register("a", "h:1", topics: [topic("T")], connection: 7)
        #expect(table.connectionClosed(8, remote: "client:5").address == nil)
        #expect(table.route(of: "T") != nil)
        _ = try register("a", "h:1", connection: 9)
        #expect(table.connectionClosed(7, remote: "x:1").address == nil, "the broker came back over another connection")
        #expect(table.connectionClosed(9, remote: "x:1").address == "h:1")
        #expect(table.topics.isEmpty)
    }

    @Test mutating func deletingATopicMayBeLimitedToACluster() throws {
        _ = try register("a", "h:1", cluster: "C1", topics: [topic("T")])
        _ = try register("b", "h:2", cluster: "C2", topics: [topic("T")])
        #expect(table.deleteTopic("T", cluster: "nowhere").isEmpty)
        _ = table.deleteTopic("T", cluster: "C1")
        #expect(table.route(of: "T")?.brokers.map(\.brokerName) == ["b"])
        _ = table.deleteTopic("T", cluster: nil)
        #expect(table.topics.isEmpty)
    }

    @Test mutating func writePermissionIsWipedUntilANewVersion() throws {
        _ = try register("a", "h:1", topics: [topic("T"), topic("U")])
        let wiped = table.setPermission(of: "a") { $0.subtracting(.write) }
        #expect(wiped == 2)
        _ = try register("a", "h:1", topics: [topic("T"), topic("U")])
        #expect(table.route(of: "T")?.queues.first?.permission == .read)
        _ = try register("a", "h:1", version: 2, topics: [topic("T")])
        #expect(table.route(of: "T")?.queues.first?.permission == .readWrite)
        let none = table.setPermission(of: "nobody") { $0 }
        #expect(none == 0)
    }

    @Test mutating func lists() throws {
        _ = try register("a", "h:1", cluster: "C1", topics: [topic("N"), topic("Unit", flag: 1), topic("Sub", flag: 2), topic("Both", flag: 3)])
        _ = try register("b", id: 1, "h:2", cluster: "C2")
        #expect(table.topicNames(ofCluster: "C1") == ["Both", "N", "Sub", "Unit"])
        #expect(table.topicNames(ofCluster: "C2").isEmpty)
        #expect(table.topicNames(ofCluster: "C3").isEmpty)
        #expect(table.systemTopicNames == ["C1", "C2", "a", "b"])
        #expect(table.anyAddress == "h:1")
        #expect(table.unitTopicNames == ["Both", "Unit"])
        #expect(table.unitSubscriptionTopicNames == ["Both", "Sub"])
        #expect(table.unitSubscriptionOnlyTopicNames == ["Sub"])
    }
}
