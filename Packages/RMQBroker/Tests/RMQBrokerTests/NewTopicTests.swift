@testable import RMQBroker
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

/// What name servers and the file hear of topics that are made while the broker runs.
@Suite(.takesTurns) struct NewTopicTests {
    @Test func aNewTopicAloneGoesToWhoKnowsTheOthers() async throws {
        try await withNameServers(1) { servers in
            let server = servers[0]
            let peer = try Peer { $0.nameServers = [server.address] }
            defer { peer.stop() }
            try await eventually("registered") { server.registrations.count == 1 }
            #expect(try await peer.createTopic("Made", queues: 3).code == 0)
            // Answered after the name server took it.
            let last = try #require(server.registrations.last)
            #expect(server.registrations.count == 2)
            #expect(last.body.topicConfigTable.topics.keys.sorted() == ["Made"])
            #expect(last.body.topicConfigTable.topics["Made"]?.readQueueCount == 3)
            // What follows has another version, or the name server would not look at it.
            _ = peer.broker.state.topics.add(TopicConfig(topicName: "Auto"))
            // To its end: a topic that is made while a registration is under way goes with all others.
            await withCheckedContinuation { done in peer.broker.state.registration?.registerAll(completion: { done.resume() }) }
            #expect(server.registrations.count == 3)
            let whole = try #require(server.registrations.last)
            #expect(whole.body.topicConfigTable.topics["Made"] != nil)
            #expect(whole.body.topicConfigTable.topics["Auto"] != nil)
            #expect(whole.body.topicConfigTable.dataVersion != last.body.topicConfigTable.dataVersion)
            // The same version as of the partial one: a name server would ignore all others.
            #expect(try await peer.createTopic("Made", queues: 4).code == 0)
            let partial = try #require(server.registrations.last)
            peer.broker.state.registration?.registerSoon()
            try await eventually("registered again") { server.registrations.count == 5 }
            #expect(server.registrations.last?.body.topicConfigTable.dataVersion != partial.body.topicConfigTable.dataVersion)
        }
    }

    /// Each costs what it is, not what all topics are.
    @Test func topicsThatAreMadeTogetherAreToldOnceEach() async throws {
        try await withNameServers(1) { servers in
            let server = servers[0]
            let peer = try Peer { $0.nameServers = [server.address] }
            defer { peer.stop() }
            try await eventually("registered") { server.registrations.count == 1 }
            let names = (0..<300).map { "Made\($0)" }
            try await withThrowingDiscardingTaskGroup { group in
                for name in names { group.addTask { _ = try await peer.send(name, "x") } }
            }
            try await eventually("all are told") { names.allSatisfy { server.topics[$0] != nil } }
            let told = server.registrations.dropFirst()
            #expect(told.reduce(0) { $0 + $1.body.topicConfigTable.topics.count } == names.count)
            // The version that was told last is that of the table, or the next question would find the name server behind.
            #expect(told.last?.body.topicConfigTable.dataVersion == peer.broker.state.topics.dataVersion)
        }
    }

    /// A registration that failed is followed by one of all topics.
    @Test func topicsThatANameServerRefusedAreToldWithAllOthers() async throws {
        try await withNameServers(1) { servers in
            let server = servers[0]
            let peer = try Peer { $0.nameServers = [server.address] }
            defer { peer.stop() }
            try await eventually("registered") { server.registrations.count == 1 }
            server.refusals = 1
            _ = try await peer.send("Refused", "x")
            try await eventually("told again") { server.topics["Refused"] != nil }
            #expect(server.registrations.last?.body.topicConfigTable.topics["TBW102"] != nil)
        }
    }
}
