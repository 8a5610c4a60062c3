import RMQCommon
import RMQRemoting
import Testing

@testable import RMQNamesrv
import RMQTestSupport

/// Every table of the name server, with two keys that are equal as `String` and differ in their bytes.
@Suite(.takesTurns) struct LookAlikeTests {
    static let lookAlikes = [("\u{304C}", "\u{304B}\u{3099}"), ("\u{212A}", "K")]

    @Test("Case 1.3: name server keys", arguments: lookAlikes) func keysAndNamespacesAreApart(_ first: String, _ second: String) async throws {
        let folder = try TemporaryFolder()
        let places = [("N", first, "1"), ("N", second, "2"), (first, "k", "3"), (second, "k", "4")]
        try await Bench.run { $0.kvConfigPath = folder.path + "/kv.json" } _: { bench in
            for (namespace, key, value) in places {
                _ = try await bench.ask(.putKvConfig, fields: ["namespace": namespace, "key": key, "value": value])
            }
            for (namespace, key, value) in places {
                #expect(try await bench.ask(.getKvConfig, fields: ["namespace": namespace, "key": key]).fields?["value"] == value)
            }
            _ = try await bench.ask(.deleteKvConfig, fields: ["namespace": "N", "key": first])
        }
        try await Bench.run { $0.kvConfigPath = folder.path + "/kv.json" } _: { (bench: Bench) async throws in
            #expect(try await bench.ask(.getKvConfig, fields: ["namespace": "N", "key": first]).responseCode == .queryNotFound)
            #expect(try await bench.ask(.getKvConfig, fields: ["namespace": "N", "key": second]).fields?["value"] == "2")
            #expect(try await bench.ask(.getKvConfig, fields: ["namespace": second, "key": "k"]).fields?["value"] == "4")
        }
    }

    @Test("Case 1.3: topics, brokers, clusters and addresses of routes", arguments: lookAlikes)
    func routesAreApart(_ first: String, _ second: String) async throws {
        try await Bench.run { bench in
            for name in [first, second] {
                let topic = TopicConfig(topicName: name, readQueueCount: 1, writeQueueCount: 1)
                try await bench.register(name, address: name + ":1", cluster: name, topics: [topic])
            }
            for name in [first, second] {
                let route = try #require(try await bench.route(name))
                #expect(route.queues.map { ByteText($0.brokerName) } == [ByteText(name)])
                #expect(route.brokers.compactMap { $0.masterAddress.map { ByteText($0) } } == [ByteText(name + ":1")])
            }
            let info = try ClusterInfo(body: try await bench.ask(.getBrokerClusterInfo).body)
            #expect(info.clusters.count == 2)
            #expect(info.brokers.count == 2)
            _ = try await bench.ask(RemotingCommand(.unregisterBroker, header: UnregisterBrokerHeader {
                $0.brokerName = first
                $0.brokerAddress = first + ":1"
                $0.clusterName = first
                $0.brokerId = 0
            }))
            #expect(try await bench.route(first) == nil)
            #expect(try await bench.route(second) != nil)
        }
    }

    @Test("Case 1.3: order configurations in replies that are kept", arguments: lookAlikes)
    func keptRepliesAreApart(_ first: String, _ second: String) {
        let cache = RouteReplyCache()
        let state = RouteReplyCache.State(routes: 1, orderTopics: ["T": ByteText(first)])
        func body(_ topic: String, _ state: RouteReplyCache.State, _ made: UInt8) -> [UInt8]? {
            cache.body(for: RouteReplyCache.Key(topic: topic, isStandardJSON: false), in: state) { [made] }
        }
        #expect(body(first, state, 1) == [1])
        #expect(body(second, state, 2) == [2])
        #expect(body(first, RouteReplyCache.State(routes: 1, orderTopics: ["T": ByteText(second)]), 3) == [3], "another order, another answer")
    }
}
