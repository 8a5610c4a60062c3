import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

@testable import RMQNamesrv

/// Registrations and routes over the wire.
@Suite(.takesTurns) struct RouteRequestTests {
    /// Sends the recorded registration of broker-a and registers its slave.
    private func registerGolden(_ bench: Bench) async throws -> RemotingCommand {
        let response = try await bench.ask(frame(Golden.registerBroker))
        try await bench.register("broker-a", id: 1, address: "192.168.0.2:10911", cluster: "DefaultCluster", topics: [])
        return response
    }

    @Test func theReferencesRegistrationGivesTheReferencesRoute() async throws {
        try await Bench.run { bench in
            let registered = try await registerGolden(bench)
            #expect(registered.responseCode == .success)
            #expect(registered.body.isEmpty)
            #expect(registered.fields.map(\.isEmpty) ?? true)

            var request = try frame(Golden.routeRequest)
            #expect(try await bench.ask(request).text == Golden.standardRoute)
            request.version = ProtocolVersion.v4_9_4.ordinal
            #expect(try await bench.ask(request).text == Golden.standardRoute)
            request.version = ProtocolVersion.v4_9_4.ordinal - 1
            #expect(try await bench.ask(request).text == Golden.legacyRoute)
            request.fields = ["topic": "TopicTest", "acceptStandardJsonOnly": "true"]
            #expect(try await bench.ask(request).text == Golden.standardRoute)

            request.serialization = .rocketmq
            #expect(try await bench.ask(request).serialization == .rocketmq)
            #expect(try await bench.ask(.getBrokerClusterInfo).text == Golden.clusterInfo)
        }
    }

    @Test func aCompressedRegistrationMeansTheSame() async throws {
        try await Bench.run { bench in
            var request = try frame(Golden.registerBroker)
            let body = try bytes(Golden.compressedRegistration)
            request.body = body
            request.fields?["compressed"] = "true"
            request.fields?["bodyCrc32"] = "\(CRC32.rocketMQ(body))"
            #expect(try await bench.ask(request).responseCode == .success)
            #expect(try await bench.route("TopicTest")?.queues.first?.readQueueCount == 4)
        }
    }

    @Test func aSlaveLearnsWhereItsMasterIs() async throws {
        try await Bench.run { bench in
            try await bench.register("a", address: "h:1")
            let response = try await bench.register("a", id: 2, address: "h:2")
            let header = try response.header(RegisterBrokerResponseHeader.self)
            #expect(header == RegisterBrokerResponseHeader(haServerAddress: "ha-of-h:1", masterAddress: "h:1"))
        }
    }

    @Test func aDamagedBodyChangesNothing() async throws {
        try await Bench.run { bench in
            var request = try frame(Golden.registerBroker)
            request.body[10] ^= 1
            let response = try await bench.ask(request)
            #expect(response.responseCode == .systemError)
            #expect(response.remark == "crc32 not match")
            request.fields?["bodyCrc32"] = "0"
            request.body = Array("{not json".utf8)
            #expect(try await bench.ask(request).responseCode == .systemError)
            request.fields?["compressed"] = "true"
            #expect(try await bench.ask(request).responseCode == .systemError)
            request.fields?["brokerName"] = nil
            #expect(try await bench.ask(request).remark?.contains("brokerName") == true)
            #expect(try await bench.ask(.getAllTopicListFromNameserver).text == #"{"topicList":[]}"#)
        }
    }

    @Test func anEmptyBodyRegistersABrokerWithoutTopics() async throws {
        try await Bench.run { bench in
            var request = try frame(Golden.registerBroker)
            request.body = []
            request.fields?["bodyCrc32"] = nil
            #expect(try await bench.ask(request).responseCode == .success)
            #expect(try await bench.ask(.getBrokerClusterInfo).text.contains("192.168.0.1:10911"))
        }
    }

    @Test func anUnknownTopicIsSaidSoInTheReferencesWords() async throws {
        try await Bench.run { bench in
            let response = try await bench.ask(RemotingCommand(.getRouteinfoByTopic, header: RouteHeader(topic: "Nix")))
            #expect(response.responseCode == .topicNotExist)
            #expect(
                response.remark
                    == "No topic route info in name server for the topic: Nix\nSee http://rocketmq.apache.org/docs/faq/ for further details.")
        }
    }

    @Test func routesFollowEveryChange() async throws {
        try await Bench.run { bench in
            try await bench.register("a", address: "h:1")
            #expect(try await bench.route("T")?.brokers.count == 1)
            try await bench.register("b", address: "h:2")
            #expect(try await bench.route("T")?.brokers.count == 2)
            let leave = UnregisterBrokerHeader(brokerName: "a", brokerAddress: "h:1", clusterName: "C1", brokerId: 0)
            #expect(try await bench.ask(RemotingCommand(.unregisterBroker, header: leave)).responseCode == .success)
            #expect(try await bench.route("T")?.brokers.map(\.brokerName) == ["b"])

            let wiped = try await bench.ask(.wipeWritePermOfBroker, fields: ["brokerName": "b"])
            #expect(wiped.fields?["wipeTopicCount"] == "1")
            #expect(try await bench.route("T")?.queues.first?.permission == .read)
            let added = try await bench.ask(.addWritePermOfBroker, fields: ["brokerName": "b"])
            #expect(added.fields?["addTopicCount"] == "1")
            #expect(try await bench.route("T")?.queues.first?.permission == .readWrite)

            #expect(try await bench.ask(.deleteTopicInNamesrv, fields: ["topic": "T", "clusterName": "C1"]).responseCode == .success)
            #expect(try await bench.route("T") == nil)
        }
    }

    @Test func topicLists() async throws {
        try await Bench.run { bench in
            try await bench.register("a", address: "h:1", topics: [TopicConfig(topicName: "T"), TopicConfig(topicName: "U", systemFlag: 2)])
            #expect(try await bench.ask(.getAllTopicListFromNameserver).text == #"{"topicList":["T","U"]}"#)
            #expect(try await bench.ask(.getTopicsByCluster, fields: ["cluster": "C1"]).text == #"{"topicList":["T","U"]}"#)
            #expect(try await bench.ask(.getTopicsByCluster, fields: ["cluster": "no"]).text == #"{"topicList":[]}"#)
            #expect(try await bench.ask(.getSystemTopicListFromNs).text == #"{"brokerAddr":"h:1","topicList":["C1","a"]}"#)
            #expect(try await bench.ask(.getUnitTopicList).text == #"{"topicList":[]}"#)
            #expect(try await bench.ask(.getHasUnitSubTopicList).text == #"{"topicList":["U"]}"#)
            #expect(try await bench.ask(.getHasUnitSubUnunitTopicList).text == #"{"topicList":["U"]}"#)
        }
    }

    @Test func anUnchangedDataVersionIsASignOfLife() async throws {
        try await Bench.run { bench in
            try await bench.register("a", address: "h:1", version: 7)
            let header = QueryDataVersionHeader(brokerName: "a", brokerAddress: "h:1", clusterName: "C1", brokerId: 0)
            func ask(_ version: Int64) async throws -> RemotingCommand {
                try await bench.ask(RemotingCommand(.queryDataVersion, header: header, body: DataVersion(timestamp: version).body))
            }
            bench.clock.advance(.seconds(100))
            let same = try await ask(7)
            #expect(same.fields?["changed"] == "false" && same.text == #"{"counter":0,"timestamp":7}"#)
            bench.clock.advance(.seconds(100))
            bench.server.expireBrokers()
            #expect(try await bench.route("T") != nil)
            #expect(try await ask(8).fields?["changed"] == "true")
            let bare = try await bench.ask(RemotingCommand(.queryDataVersion, header: header))
            #expect(bare.responseCode == .systemError)
            bench.clock.advance(.seconds(121))
            bench.server.expireBrokers()
            // The connection is being closed: a request that goes out over it before that fails.
            try await eventually("no topic is left") { (try? await bench.ask(.getAllTopicListFromNameserver))?.text == #"{"topicList":[]}"# }
        }
    }

    @Test("Case 4.2: a broker stays registered for two minutes, however the clock is set", arguments: [-3600, 3600] as [Int64])
    func aSetClockForgetsNobody(step: Int64) async throws {
        try await Bench.run { bench in
            try await bench.register("a", address: "h:1", version: 7)
            bench.clock.step(.seconds(step))
            bench.clock.advance(.seconds(119))
            bench.server.expireBrokers()
            #expect(try await bench.route("T") != nil)
            bench.clock.advance(.seconds(2))
            bench.server.expireBrokers()
            try await eventually("the broker is forgotten") { (try? await bench.ask(.getAllTopicListFromNameserver))?.text == #"{"topicList":[]}"# }
        }
    }

    @Test func aBrokersConnectionTakesItsRoutesAlong() async throws {
        try await Bench.run { bench in
            let loops = EventLoopGroup(count: 1, name: "other")
            let broker = RemotingClient(loops: loops, logger: .silent)
            try await bench.register("a", address: "h:1", through: broker)
            #expect(try await bench.route("T") != nil)
            broker.close()
            try await eventually("the route is gone") { try await bench.route("T") == nil }
            loops.stop()
        }
    }

    /// A registration is seen as a whole or not at all, however many ask while brokers come and go.
    @Test func routesAreWholeWhileBrokersComeAndGo() async throws {
        try await Bench.run { bench in
            let topics = (0..<20).map { TopicConfig(topicName: "T\($0)") }
            try await bench.register("stays", address: "h:0", topics: topics)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 1...3 {
                    group.addTask {
                        let leave = UnregisterBrokerHeader(brokerName: "b\(number)", brokerAddress: "h:\(number)", clusterName: "C1", brokerId: 0)
                        for version in 1...40 {
                            try await bench.register("b\(number)", address: "h:\(number)", topics: topics, version: Int64(version))
                            _ = try await bench.ask(RemotingCommand(.unregisterBroker, header: leave))
                        }
                    }
                }
                for number in 0..<4 {
                    group.addTask {
                        for round in 0..<150 {
                            let route = try #require(try await bench.route("T\((round + number) % 20)"))
                            let names = Set(route.queues.map(\.brokerName))
                            #expect(names.contains("stays"))
                            #expect(names == Set(route.brokers.map(\.brokerName)))
                            #expect(route.brokers.allSatisfy { $0.addresses.count == 1 })
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await bench.route("T7")?.brokers.map(\.brokerName) == ["stays"])
        }
    }

    @Test func anUnknownCodeGetsNoAnswer() async throws {
        try await Bench.run { bench in
            let probe = Task {
                try await bench.client.request(RemotingCommand(code: 28), to: bench.address, timeout: .milliseconds(200))
            }
            await #expect(throws: RemotingError.self) { try await probe.value }
            let next = try await bench.ask(.getAllTopicListFromNameserver)
            #expect(next.responseCode == .success)
        }
    }
}
