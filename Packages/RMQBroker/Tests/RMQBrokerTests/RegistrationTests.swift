import Foundation
@testable import RMQBroker
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Synchronization
import Testing

/// Codes 103 and 104: what name servers are told, when, and how often.
@Suite(.takesTurns) struct RegistrationTests {
    @Test func everyNameServerLearnsEverythingAndTheLeave() async throws {
        try await withNameServers(2) { servers in
            let peer = try Peer {
                $0.nameServers = servers.map(\.address)
                $0.brokerIP2 = "10.0.0.9"
            }
            defer { peer.stop() }
            // The start waits for the first of them only.
            for server in servers { try await eventually("registered") { !server.registrations.isEmpty } }
            for server in servers {
                let first = try #require(server.registrations.first)
                #expect(first.header.brokerName == "broker-a")
                #expect(first.header.clusterName == "DefaultCluster")
                #expect(first.header.brokerId == 0)
                #expect(first.header.brokerAddress == peer.address)
                #expect(first.header.haServerAddress == "10.0.0.9:\(peer.broker.port + 1)")
                #expect(first.header.bodyCRC32 == CRC32.rocketMQ(first.bytes))
                #expect(!first.header.isCompressed)
                #expect(first.body.topicConfigTable.topics["TBW102"]?.permission.rawValue == 7)
                #expect(server.leaves == 0)
            }
            peer.broker.stop()
            for server in servers { #expect(server.leaves == 1) }
            for server in servers { #expect(server.codes.last == .unregisterBroker) }
        }
    }

    /// The silent one would take as long as it is given.
    @Test func aSilentNameServerDoesNotHoldUpTheStart() async throws {
        try await withNameServers(2) { servers in
            servers[0].isSilent = true
            let began = ContinuousClock.now
            let peer = try Peer {
                $0.nameServers = servers.map(\.address)
                $0.registerTimeoutMilliseconds = 60_000
            }
            defer { peer.stop() }
            #expect(ContinuousClock.now - began < .seconds(30))
            _ = try await peer.send("New", "x")
            try await eventually("the other learns of the topic") { servers[1].topics["New"] != nil }
        }
    }

    /// Topics are made while a name server hangs: nobody else has to wait for it.
    @Test func aSilentNameServerDoesNotHoldUpOtherAdministrators() async throws {
        try await withNameServers(1) { servers in
            let peer = try Peer {
                $0.nameServers = servers.map(\.address)
                $0.registerTimeoutMilliseconds = 60_000
            }
            defer { peer.stop() }
            servers[0].isSilent = true
            // More than there are threads for administration.
            let made = (0..<10).map { number in Task { try? await peer.createTopic("Made\(number)") } }
            try await eventually("all are in the table") { (0..<10).allSatisfy { peer.broker.state.topics["Made\($0)"] != nil } }
            let answer = try await peer.ask(.getBrokerConfig)
            #expect(answer.code == 0)
            for task in made { task.cancel() }
        }
    }

    @Test func aTopicThatIsInForceButNotWrittenIsRegisteredAllTheSame() async throws {
        try await withNameServers(1) { servers in
            let peer = try Peer { $0.nameServers = servers.map(\.address) }
            defer { peer.stop() }
            try FileSystem.makeDirectories(peer.configDirectory + "/topics.json.tmp")
            #expect(try await peer.createTopic("Made").responseCode == .systemError)
            try await eventually("the name server learns of it") { servers[0].topics["Made"] != nil }
        }
    }

    @Test func manyNewTopicsTakeFewRegistrations() async throws {
        try await withNameServers(1) { servers in
            let peer = try Peer { $0.nameServers = [servers[0].address] }
            defer { peer.stop() }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<200 { group.addTask { _ = try await peer.send("New\(number)", "x") } }
                try await group.waitForAll()
            }
            try await eventually("all are registered") { servers[0].topics.keys.count { $0.text.hasPrefix("New") } == 200 }
            #expect(servers[0].registrations.count < 150)
            #expect(servers[0].mostAtOnce == 1)
        }
    }

    /// The reference asks so only where it was told to.
    @Test func aNameServerThatKnowsTheVersionIsNotToldAgain() async throws {
        try await withNameServers(2) { servers in
            let peer = try Peer {
                $0.nameServers = servers.map(\.address)
                $0.forcesRegistration = false
            }
            defer { peer.stop() }
            for server in servers { try await eventually("registered") { server.registrations.count == 1 } }
            let registration = try #require(peer.broker.state.registration)
            for server in servers {
                try await eventually("asked") {
                    registration.registerPeriodically()
                    return server.codes.contains(.queryDataVersion)
                }
                #expect(server.registrations.count == 1)
            }
            // One of them forgets the broker.
            try servers[0].restart()
            try await eventually("told again") {
                registration.registerPeriodically()
                return servers[0].registrations.count >= 1
            }
            #expect(servers[1].registrations.count == 1)
            _ = peer.broker.state.topics.add(TopicConfig(topicName: "New"))
            for server in servers {
                try await eventually("told of the new topic") {
                    registration.registerPeriodically()
                    return server.topics["New"] != nil
                }
            }
            #expect(try await peer.ask(.updateBrokerConfig, text: "forceRegister=true\n").code == 0)
            let before = servers[1].registrations.count
            try await eventually("told without a question") {
                registration.registerPeriodically()
                return servers[1].registrations.count > before
            }
        }
    }

    /// A version that was told with one topic says nothing of the others.
    @Test func afterATopicAloneAllAreToldWithoutAQuestion() async throws {
        try await withNameServers(1) { servers in
            let peer = try Peer {
                $0.nameServers = [servers[0].address]
                $0.forcesRegistration = false
            }
            defer { peer.stop() }
            try await eventually("registered") { servers[0].registrations.count == 1 }
            #expect(try await peer.createTopic("Made").code == 0)
            try await eventually("all are told") {
                peer.broker.state.registration?.registerPeriodically()
                return servers[0].registrations.count == 3
            }
            #expect(servers[0].registrations.last?.body.topicConfigTable.topics["TBW102"] != nil)
            #expect(servers[0].codes.prefix(3) == [.registerBroker, .registerBroker, .registerBroker], "none of the three came behind a question")
        }
    }

    @Test func theTemplateOfTopicsHasNoRightsOnceNoneAreMadeAnyMore() async throws {
        try await withNameServers(1) { servers in
            let peer = try Peer { $0.nameServers = [servers[0].address] }
            defer { peer.stop() }
            try await eventually("registered") { servers[0].topics["TBW102"]?.permission.rawValue == 7 }
            for (isOn, permission) in [("false", Int32(0)), ("true", 7)] {
                #expect(try await peer.ask(.updateBrokerConfig, text: "autoCreateTopicEnable=\(isOn)\n").code == 0)
                try await eventually("\(isOn)") { servers[0].topics["TBW102"]?.permission.rawValue == permission }
            }
            #expect(servers[0].topics["SELF_TEST_TOPIC"]?.permission.rawValue == 6)
            // Also a broker that may not be written gives it none.
            #expect(try await peer.ask(.updateBrokerConfig, text: "autoCreateTopicEnable=false\nbrokerPermission=4\n").code == 0)
            try await eventually("the broker's permission is that of topics") { servers[0].topics["SELF_TEST_TOPIC"]?.permission.rawValue == 4 }
            #expect(servers[0].topics["TBW102"]?.permission.rawValue == 0)
        }
    }

    @Test(arguments: [
        ("127.0.0.1", "", "127.0.0.1:9876;localhost:9876", nil), ("127.0.0.1", "", "", nil), ("0.0.0.0", "10.0.0.5", "10.0.0.1:9876", nil),
        ("10.0.0.5", "", "10.0.0.1:9876", nil), ("::", "2001:db8::5", "[2001:db8::1]:9876", nil), ("0.0.0.0", "broker.example", "names.example:9876", nil),
        ("127.0.0.1", "", "127.0.0.1:9876;10.0.0.1:9876", "bindAddress=0.0.0.0, and brokerIP1, as in brokerIP1=10.9.9.9"),
        ("0.0.0.0", "", "names.example:9876", ": set brokerIP1, as in brokerIP1=10.9.9.9"),
        ("0.0.0.0", "localhost", "10.0.0.1:9876", ": set brokerIP1, as in brokerIP1=10.9.9.9"),
        ("::", "", "[2001:db8::1]:9876", ": set brokerIP1, as in brokerIP1=10.9.9.9"), ("0.0.0.0", "0.0.0.0", "", "to which nothing can connect: set brokerIP1, as in brokerIP1=10.9.9.9"),
    ] as [(String, String, String, String?)])
    func anAddressThatClientsCannotUseIsAWarning(bind: String, advertised: String, nameServers: String, warning: String?) throws {
        var configuration = BrokerConfiguration()
        _ = try configuration.apply([("bindAddress", bind), ("brokerIP1", advertised), ("namesrvAddr", nameServers)])
        let told = configuration.addressWarning(ownAddress: "10.9.9.9")
        #expect((told == nil) == (warning == nil))
        if let warning { #expect(told?.hasByteSuffix(warning) == true, "\(told ?? "")") }
    }

    @Test func aNameServerThatComesBackIsToldAgain() async throws {
        try await withNameServers(1) { servers in
            let peer = try Peer { $0.nameServers = [servers[0].address] }
            defer { peer.stop() }
            _ = try await peer.send("Before", "x")
            try await eventually("registered") { servers[0].topics["Before"] != nil }
            try servers[0].restart()
            // Long before the period of 30 s is over.
            try await eventually("registered again") { servers[0].topics["Before"] != nil }
        }
    }

    @Test func aFailedRegistrationIsTriedAgain() async throws {
        try await withNameServers(1) { servers in
            servers[0].refusals = 1
            let peer = try Peer { $0.nameServers = [servers[0].address] }
            defer { peer.stop() }
            try await eventually("registered") { servers[0].topics["TBW102"] != nil }
        }
    }

    @Test func theOrderConfigurationDecidesWhichTopicsAreOrdered() async throws {
        try await withNameServers(2) { servers in
            servers[0].order = ["Ordered": "broker-a:4"]
            // Its own mind: the first of the list decides.
            servers[1].order = ["Other": "broker-a:4"]
            let peer = try Peer { $0.nameServers = servers.map(\.address) }
            defer { peer.stop() }
            for topic in ["Ordered", "Other"] { _ = try await peer.send(topic, "x") }
            try await eventually("the topic is ordered") {
                peer.broker.state.registration?.registerSoon()
                return try await peer.topics["Ordered"]?.isOrdered == true
            }
            try await eventually("the other is not") {
                peer.broker.state.registration?.registerSoon()
                return try await peer.topics["Other"]?.isOrdered == false
            }
            servers[0].order = [:]
            try await eventually("no topic is ordered any more") {
                peer.broker.state.registration?.registerSoon()
                return try await peer.topics.values.allSatisfy { !$0.isOrdered }
            }
        }
    }

    @Test func aBrokerThatMayNotBeWrittenSaysSoForAllTopics() async throws {
        try await withNameServers(1) { servers in
            let peer = try Peer { $0.nameServers = [servers[0].address] }
            defer { peer.stop() }
            _ = try await peer.createTopic("Drained")
            _ = try await peer.ask(.updateBrokerConfig, text: "brokerPermission=4")
            try await eventually("announced") { servers[0].topics["Drained"]?.permission.rawValue == 4 && servers[0].topics["TBW102"]?.permission.rawValue == 4 }
            #expect(try await peer.topics["Drained"]?.permission.rawValue == 6, "the topic itself is as it was")
            _ = try await peer.createTopic("Late")
            #expect(servers[0].topics["Late"]?.permission.rawValue == 4)
            _ = try await peer.ask(.updateBrokerConfig, text: "brokerPermission=6")
            try await eventually("announced") { servers[0].topics["Drained"]?.permission.rawValue == 6 }
        }
    }

    @Test func aRegistrationMayBeCompressed() async throws {
        try await withNameServers(1) { servers in
            let peer = try Peer {
                $0.nameServers = [servers[0].address]
                $0.compressedRegister = true
            }
            defer { peer.stop() }
            try await eventually("registered") { servers[0].topics["TBW102"]?.permission.rawValue == 7 }
            let first = try #require(servers[0].registrations.first)
            #expect(first.header.isCompressed)
            #expect(first.header.bodyCRC32 == CRC32.rocketMQ(first.bytes))
        }
    }

    @Test func aBrokerMayBeReachedByName() async throws {
        try await withNameServers(1) { servers in
            let peer = try Peer {
                $0.nameServers = [servers[0].address]
                $0.brokerIP1 = "localhost"
            }
            defer { peer.stop() }
            try await eventually("registered") { servers[0].registrations.first?.header.brokerAddress == "localhost:\(peer.broker.port)" }
            let sent = try await peer.send("Named", "x")
            let id = try #require(OffsetMessageId(sent.fields?["msgId"] ?? ""))
            #expect(id.storeHost.isLoopback)
            #expect(id.storeHost.port == peer.broker.port)
        }
        #expect(throws: BrokerError.badAddress(key: "brokerIP1", value: "no such host.invalid")) {
            try Peer { $0.brokerIP1 = "no such host.invalid" }.stop()
        }
    }
}
