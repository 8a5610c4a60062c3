@testable import RMQBroker
import Foundation
import RMQCommon
import RMQRemoting
import RMQStore
import RMQTestSupport
import Testing

/// A master and its slaves, as clients and operators see them.
@Suite(.takesTurns) struct ReplicaSetTests {
    @Test func aSlaveHasWhatItsMasterHas() async throws {
        try await withReplicaSet { set in
            let master = try set.start(.asyncMaster)
            try await master.send("T", 0..<50)
            let slave = try set.start(.slave, id: 1)
            try await slave.follows(master)
            try await master.send("T", 50..<80)
            try await slave.follows(master)
            #expect(try slave.storedTexts("T") == (0..<80).map { "\($0)" })
            try await eventually("the slave knows the topic") { slave.broker.state.topics["T"] != nil }
            let pulled = try await slave.pull("T", from: 60)
            #expect(try pulled.messages.map(\.text) == (60..<80).map { "\($0)" })
            #expect(set.nameServer.registrations.contains { $0.header.brokerId == 1 })
            // Byte for byte.
            let end = master.store.maxPhysicalOffset
            let bytes = try [master, slave].map { try Array(#require($0.store.bytes(from: 0, maxBytes: Int(end))).bytes) }
            #expect(bytes[0] == bytes[1])
        }
    }

    @Test func aSlaveServesReadersAndRefusesProducers() async throws {
        try await withReplicaSet { set in
            let master = try set.start(.asyncMaster)
            try await master.send("T", 0..<3)
            let slave = try set.start(.slave, id: 2)
            try await slave.follows(master)
            try await eventually("the slave knows the topic") { slave.broker.state.topics["T"] != nil }
            for topic in ["T", "Unknown"] {
                let refused = try await slave.send(topic, "x")
                #expect(refused.responseCode == .serviceNotAvailable)
                #expect(refused.remark?.contains("master") == true, "\(refused.remark ?? "")")
            }
            #expect(slave.broker.state.topics["Unknown"] == nil)
            // An offset that comes with a pull is for the master; one that is sent by itself counts here.
            let queue = ["consumerGroup": "g", "topic": "T", "queueId": "0"]
            let pulled = try await slave.pull("T", from: 0, changing: ["sysFlag": "5", "commitOffset": "2"])
            #expect(try pulled.messages.count == 3)
            #expect(slave.broker.state.offsets.existing(group: "g", topic: "T") == nil)
            let committed = try await slave.ask(.updateConsumerOffset, queue.merging(["commitOffset": "1"]) { $1 })
            #expect(committed.responseCode == .success)
            #expect(slave.broker.state.offsets.existing(group: "g", topic: "T")?[0] == 1)
            // A pull that is held is woken by what the master sends.
            async let held = slave.pull("T", from: 3, holdingMilliseconds: 600_000)
            try await eventually("the pull is held") { try await slave.heldPulls() == 1 }
            try await master.send("T", 3..<4)
            #expect(try await held.messages.map(\.text) == ["3"])
            // Beyond the queue: it may only be late.
            let beyond = try await slave.pull("T", from: 100)
            #expect(beyond.responseCode == .pullRetryImmediately)
            #expect(beyond.fields?["nextBeginOffset"] == "100")
            let ended = try await slave.ask(
                .endTransaction, ["producerGroup": "p", "tranStateTableOffset": "0", "commitLogOffset": "0", "commitOrRollback": "8", "fromTransactionCheck": "false", "msgId": ""])
            #expect(ended.responseCode == .slaveNotAvailable)
        }
    }

    @Test func aSlaveThatCorrectsOffsetsSaysWhereTheQueueEnds() async throws {
        try await withReplicaSet { set in
            let master = try set.start(.asyncMaster)
            try await master.send("T", 0..<3)
            let slave = try set.start(.slave, id: 1) { $0.replication.checksOffsetsOnSlave = true }
            try await slave.follows(master)
            try await eventually("the slave knows the topic") { slave.broker.state.topics["T"] != nil }
            let beyond = try await slave.pull("T", from: 100)
            #expect(beyond.responseCode == .pullOffsetMoved)
            #expect(beyond.fields?["nextBeginOffset"] == "3")
        }
    }

    // MARK: Synchronous

    @Test func aSynchronousMasterWaitsForASlave() async throws {
        try await withReplicaSet { set in
            let master = try set.start(.syncMaster)
            let alone = try await master.send("T", "0")
            #expect(alone.responseCode == .slaveNotAvailable)
            #expect(try await master.send("T", "1", properties: "WAIT\u{1}false").responseCode == .success)
            // Nobody else has them, so nobody sees them.
            #expect(try await master.pull("T", from: 0).responseCode == .pullNotFound)
            let slave = try set.start(.slave, id: 1)
            try await eventually("the slave has them") { slave.store.maxPhysicalOffset == master.store.maxPhysicalOffset }
            try await eventually("consumers see what the slave has") { try master.storedTexts("T") == ["0", "1"] }
            try await master.send("T", 2..<40)
            #expect(try master.storedTexts("T") == (0..<40).map { "\($0)" })
            #expect(slave.store.maxPhysicalOffset == master.store.maxPhysicalOffset, "it is answered when the slave has it")
            slave.broker.stop()
            try await eventually("the master sees that it left") { master.broker.state.replication.slaves.all.isEmpty }
            #expect(try await master.send("T", "40").responseCode == .slaveNotAvailable)
            try slave.restart()
            try await slave.follows(master)
            try await eventually("its report has come") { try await master.send("T", "41").responseCode == .success }
        }
    }

    @Test func aSlaveThatSaysNothingIsNotWaitedForLongerThanConfigured() async throws {
        try await withReplicaSet { set in
            let master = try set.start(.syncMaster) { $0.store.replicaTimeout = .milliseconds(200) }
            let slave = try RawSlave(master)
            defer { slave.stop() }
            slave.report(0)
            try await eventually("the master has heard it") { !master.broker.state.replication.slaves.all.isEmpty }
            #expect(try await master.send("T", "0").responseCode == .flushSlaveTimeout)
            slave.report(master.store.maxPhysicalOffset)
            try await eventually("it is shown once the slave says that it has it") { try master.storedTexts("T") == ["0"] }
        }
    }

    @Test func aSlaveThatIsFarBehindIsNone() async throws {
        try await withReplicaSet { set in
            let master = try set.start(.syncMaster) { $0.store.replicaFallBehindLimit = 2_000 }
            let slave = try RawSlave(master)
            defer { slave.stop() }
            slave.report(0)
            try await eventually("the master has heard it") { !master.broker.state.replication.slaves.all.isEmpty }
            let answer = try await master.send("T", String(repeating: "x", count: 3_000))
            #expect(answer.responseCode == .slaveNotAvailable)
        }
    }

    // MARK: Coming and going

    @Test func aSlaveThatComesLateOrAgainGoesOnWhereItWas() async throws {
        try await withReplicaSet { set in
            let master = try set.start(.asyncMaster)
            try await master.send("T", 0..<20)
            let slave = try set.start(.slave, id: 1)
            try await slave.follows(master)
            slave.broker.stop()
            // More than a segment.
            for number in 20..<40 { _ = try await master.send("T", "\(number) " + String(repeating: "x", count: 60_000)) }
            try slave.restart()
            try await slave.follows(master)
            #expect(try slave.storedTexts("T").map { $0.prefix { $0 != " " } } == (0..<40).map { "\($0)" })
            #expect(try names(slave) == names(master))
        }
    }

    private func names(_ peer: Peer) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: peer.storeRoot + "/commitlog").sorted().prefix(2).map(\.self)
    }

    @Test func aMasterThatStopsAndComesAgainIsFoundAgain() async throws {
        try await withReplicaSet { set in
            let master = try set.start(.asyncMaster)
            try await master.send("T", 0..<20)
            let slave = try set.start(.slave, id: 1)
            try await slave.follows(master)
            try await eventually("the slave knows the topic") { slave.broker.state.topics["T"] != nil }
            master.broker.stop()
            try await eventually("consumers read from the slave") { try await slave.pull("T", from: 0).messages.count == 20 }
            // Another port, which the slave hears of when it registers again.
            try master.restart()
            slave.broker.state.registration?.registerSoon()
            try await master.send("T", 20..<30)
            try await slave.follows(master)
            #expect(try slave.storedTexts("T") == (0..<30).map { "\($0)" })
        }
    }

    @Test func aSlaveMayBeTheFirstToStart() async throws {
        try await withReplicaSet { set in
            let slave = try set.start(.slave, id: 1)
            #expect(slave.broker.state.replication.link.isUnknownMaster)
            let master = try set.start(.asyncMaster)
            try await master.send("T", 0..<5)
            try await slave.follows(master)
            #expect(try slave.storedTexts("T") == (0..<5).map { "\($0)" })
        }
    }

    @Test func theMasterMayStandInTheConfiguration() async throws {
        try await withReplicaSet { set in
            let master = try set.startBesideItsReplicationPort(.asyncMaster)
            try await master.send("T", 0..<5)
            let slave = try set.start(.slave, id: 1) {
                $0.nameServers = []
                $0.replication.masterAddress = "127.0.0.1:\(master.broker.state.replication.listenPort)"
            }
            try await slave.follows(master)
            #expect(try slave.storedTexts("T") == (0..<5).map { "\($0)" })
        }
    }

    /// The reference sends an empty slave the last file only; what came before is not copied.
    @Test func anEmptySlaveBeginsWithTheLastSegment() async throws {
        try await withReplicaSet { set in
            let master = try set.start(.asyncMaster)
            for number in 0..<40 { _ = try await master.send("T", "\(number) " + String(repeating: "x", count: 60_000)) }
            let slave = try set.start(.slave, id: 1)
            try await slave.follows(master)
            #expect(slave.store.minPhysicalOffset == master.store.maxPhysicalOffset / (1 << 20) * (1 << 20))
            #expect(slave.store.minPhysicalOffset > 0)
            let queue = try #require(slave.store.queue(topic: "T", queueId: 0))
            #expect(queue.maxOffset == 40)
        }
    }

    @Test func aSlaveThatIsStartedAsMasterGoesOn() async throws {
        try await withReplicaSet { set in
            let master = try set.start(.asyncMaster)
            try await master.send("T", 0..<10)
            let slave = try set.start(.slave, id: 1)
            try await slave.follows(master)
            try await eventually("the slave knows the topic") { slave.broker.state.topics["T"] != nil }
            master.broker.stop()
            try slave.restart {
                $0.role = .asyncMaster
                $0.brokerId = 0
            }
            try await slave.send("T", 10..<20)
            #expect(try slave.storedTexts("T") == (0..<20).map { "\($0)" })
        }
    }

    @Test func delayedMessagesAreDeliveredByTheNextMaster() async throws {
        try await withReplicaSet { set in
            let change: (inout BrokerConfiguration) -> Void = {
                $0.store.delayLevelMilliseconds = [1, 3_600_000]
                $0.store.delayOffsetInterval = .milliseconds(100)
            }
            let master = try set.start(.asyncMaster, change)
            for number in 0..<5 { _ = try await master.send("T", "\(number)", properties: "DELAY\u{1}1") }
            try await eventually("they are delivered") { try master.storedTexts("T").count == 5 }
            let slave = try set.start(.slave, id: 1, change)
            try await slave.follows(master)
            #expect(try slave.storedTexts("T").count == 5, "the slave delivers nothing by itself")
            try await eventually("the slave knows how far they are") { FileManager.default.fileExists(atPath: slave.configDirectory + "/delayOffset.json") }
            master.broker.stop()
            try slave.restart {
                $0.role = .asyncMaster
                $0.brokerId = 0
            }
            _ = try await slave.send("T", "5", properties: "DELAY\u{1}1")
            try await eventually("the next one is delivered") { try slave.storedTexts("T").count >= 6 }
            #expect(try slave.storedTexts("T") == (0..<6).map { "\($0)" }, "and none twice")
        }
    }

    // MARK: Tables

    @Test func aSlaveHasTheTablesOfItsMaster() async throws {
        try await withReplicaSet { set in
            let master = try set.start(.asyncMaster)
            _ = try await master.createTopic("Made", queues: 7)
            _ = try await master.changeGroup(#"{"groupName":"made","retryMaxTimes":3}"#)
            try await master.send("Made", 0..<1)
            let queue = ["consumerGroup": "made", "topic": "Made", "queueId": "2"]
            _ = try await master.ask(.updateConsumerOffset, queue.merging(["commitOffset": "5"]) { $1 })
            let slave = try set.start(.slave, id: 1)
            let (from, to) = (master.broker.state, slave.broker.state)
            try await eventually("the topics are the same") { to.topics.dataVersion == from.topics.dataVersion }
            try await eventually("the groups are the same") { to.groups.table.dataVersion == from.groups.table.dataVersion }
            try await eventually("the offsets are the same") { to.offsets.existing(group: "made", topic: "Made")?[2] == 5 }
            #expect(to.topics["Made"]?.config.readQueueCount == 7)
            #expect(to.groups["made"]?.retryMaxTimes == 3)
            try await eventually("they are written down") { (try? slave.file("topics.json").containsBytes(of: "Made")) == true }
            // What is deleted there is gone here.
            _ = try await master.ask(.deleteTopicInBroker, ["topic": "Made"])
            _ = try await master.ask(.updateConsumerOffset, queue.merging(["commitOffset": "1"]) { $1 })
            try await eventually("the topic is gone") { to.topics["Made"] == nil }
            try await eventually("the group went back") { to.offsets.existing(group: "made", topic: "Made")?[2] == 1 }
            #expect(to.topics[to.live.current.brokerName] != nil)
        }
    }

    /// Whoever is made the master a moment later has to know them.
    /// What is changed at a slave would be gone with the next copy of its master's tables.
    @Test func aSlaveTakesNoChangesOfTopicsAndGroups() async throws {
        try await withReplicaSet { set in
            let master = try set.start(.asyncMaster), slave = try set.start(.slave, id: 1)
            try await slave.follows(master)
            let group = SubscriptionGroupConfig(groupName: "made").body
            let topic = ["topic": "Made", "readQueueNums": "1", "writeQueueNums": "1", "perm": "6", "topicFilterType": "SINGLE_TAG", "defaultTopic": "TBW102"]
            let asked: [(RequestCode, [String: String], [UInt8])] = [
                (.updateAndCreateTopic, topic, []), (.deleteTopicInBroker, ["topic": "Made"], []),
                (.updateAndCreateSubscriptiongroup, [:], group), (.deleteSubscriptiongroup, ["groupName": "made"], []),
            ]
            for (code, fields, body) in asked {
                let refused = try await slave.ask(code, fields, body: body)
                #expect(refused.responseCode == .systemError)
                #expect(refused.remark?.contains("please execute it from master broker") == true)
                #expect(try await master.ask(code, fields, body: body).responseCode == .success)
            }
        }
    }

    @Test func aSlaveLearnsTheTablesWhenItFollowsAndWhenTopicsAreNew() async throws {
        try await withReplicaSet { set in
            let master = try set.start(.asyncMaster)
            _ = try await master.createTopic("Old")
            _ = try await master.changeGroup(#"{"groupName":"made","retryMaxTimes":3}"#)
            _ = try await master.ask(.updateConsumerOffset, ["consumerGroup": "made", "topic": "Old", "queueId": "0", "commitOffset": "5"])
            let slave = try set.start(.slave, id: 1) {
                $0.replication.firstCopyAfter = .seconds(3_600)
                $0.replication.copyInterval = .seconds(3_600)
                $0.replication.shortestCopyGap = .milliseconds(50)
            }
            let state = slave.broker.state
            try await eventually("it knows what there was") {
                state.topics["Old"] != nil && state.groups["made"]?.retryMaxTimes == 3 && state.offsets.existing(group: "made", topic: "Old")?[0] == 5
            }
            try await master.send("New", 0..<1)
            try await eventually("it knows the topic of a message that came") { state.topics["New"] != nil }
            // More queues than it knows of.
            _ = try await master.createTopic("Old", queues: 12)
            _ = try await master.send("Old", "x", queue: 11)
            try await eventually("it knows all queues") { state.topics["Old"]?.config.writeQueueCount == 12 }
        }
    }

    /// A deleted topic, a light queue: no table has them, however often it is asked for.
    @Test func whatNoTableHasIsAskedForOnce() throws {
        func table(_ queues: [String: Int32]) -> TopicConfigTable {
            var table = TopicConfigTable()
            for (name, count) in queues { table.topics[name] = TopicConfig(topicName: name, readQueueCount: count, writeQueueCount: count) }
            return table
        }
        var unknown = UnknownTopics()
        let first = unknown.add("Deleted", queueId: 1)
        let again = unknown.add("Deleted", queueId: 1)
        #expect(first && again, "it was not asked about yet")
        let asked = unknown
        let meanwhile = unknown.add("New", queueId: 0)
        unknown.remove(asked, in: table(["Other": 4]))
        let inVain = unknown.add("Deleted", queueId: 0), wider = unknown.add("Deleted", queueId: 2), new = unknown.add("New", queueId: 0)
        #expect(meanwhile && !inVain && wider && new)
        // Somebody made it again.
        let all = unknown
        unknown.remove(all, in: table(["Deleted": 4, "New": 1]))
        let afterwards = unknown.add("Deleted", queueId: 1)
        #expect(afterwards && unknown.queueCounts == ["Deleted": 2])
    }

    @Test func aNewTopicAsksForTopicsAlone() async throws {
        try await withReplicaSet { set in
            let master = try set.start(.asyncMaster)
            let slave = try set.start(.slave, id: 1) {
                $0.replication.firstCopyAfter = .seconds(3_600)
                $0.replication.copyInterval = .seconds(3_600)
                $0.replication.shortestCopyGap = .milliseconds(20)
            }
            let state = slave.broker.state
            try await eventually("it has its master's tables") { state.groups.table.dataVersion == master.broker.state.groups.table.dataVersion }
            _ = try await master.changeGroup(#"{"groupName":"made"}"#)
            for number in 0..<3 {
                try await master.send("New\(number)", 0..<1)
                try await eventually("it knows the topic") { state.topics["New\(number)"] != nil }
            }
            #expect(state.groups["made"] == nil)
            state.replication.sawUnknown(topic: "%LMQ%x", queueId: 0)
            #expect(state.replication.unknownTopics.queueCounts["%LMQ%x"] == nil)
        }
    }

    // MARK: Configuration

    @Test func aSlaveNeedsANumberAndAMasterHasNone() throws {
        var configuration = BrokerConfiguration()
        configuration.role = .slave
        #expect(throws: BrokerError.self) { try configuration.settled() }
        configuration.brokerId = 3
        #expect(try configuration.settled().store.role == .replica)
        configuration.role = .syncMaster
        let settled = try configuration.settled()
        #expect(settled.brokerId == 0 && settled.store.role == .master && settled.store.requiredReplicas == 1)
    }

    @Test(arguments: [("brokerRole", "MASTER"), ("brokerId", "-1"), ("haMasterAddress", "somewhere"), ("haAllowedAddresses", "10.0.0.x")])
    func whatIsNoRoleOrAddressStopsTheStart(key: String, value: String) {
        var configuration = BrokerConfiguration()
        #expect(throws: ConfigurationError.self) { try configuration.apply([(key, value)]) }
    }
}
