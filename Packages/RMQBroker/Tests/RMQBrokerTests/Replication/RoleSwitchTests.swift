@testable import RMQBroker
import Foundation
import RMQCommon
import RMQRemoting
import RMQStore
import RMQTestSupport
import Synchronization
import Testing

/// Brokers that change places while they run, and masters that come back.
@Suite(.takesTurns) struct RoleSwitchTests {
    private func change(_ peer: Peer, to role: BrokerRole, _ fields: [String: String] = [:]) async throws {
        let answer = try await peer.ask(.changeBrokerRole, ["brokerRole": role.rawValue].merging(fields) { $1 })
        #expect(answer.responseCode == .success, "\(answer.remark ?? "")")
    }

    private func waitForTopic(_ topic: String, _ slave: Peer) async throws {
        try await eventually("the slave knows the topic") { slave.broker.state.topics[topic] != nil }
    }

    @Test func masterAndSlaveChangePlaces() async throws {
        try await withReplicaSet { set in
            let first = try set.start(.asyncMaster), second = try set.start(.slave, id: 1)
            try await first.send("T", 0..<10)
            try await second.follows(first)
            try await waitForTopic("T", second)
            var (master, slave) = (first, second)
            for round in 1...4 {
                try await change(master, to: .slave)
                try await slave.follows(master)
                try await change(slave, to: .asyncMaster, ["leastOffset": "\(master.store.maxPhysicalOffset)"])
                (master, slave) = (slave, master)
                try await eventually("the name server knows the new master") {
                    set.nameServer.registrations.last { $0.header.brokerId == 0 }?.header.brokerAddress.isExactly(master.address) == true
                }
                slave.broker.state.registration?.registerSoon()
                try await master.send("T", round * 10..<round * 10 + 10)
                try await slave.follows(master)
            }
            for peer in [first, second] { #expect(try peer.storedTexts("T") == (0..<50).map { "\($0)" }) }
            #expect(master.broker.state.replication.epochs.all.map(\.epoch) == [1, 2, 3, 4, 5])
            try await eventually("both know the masters") { slave.broker.state.replication.epochs.all == master.broker.state.replication.epochs.all }
        }
    }

    @Test func aSlaveBecomesASynchronousMaster() async throws {
        try await withReplicaSet { set in
            let first = try set.start(.syncMaster), second = try set.start(.slave, id: 1)
            try await second.follows(first)
            try await eventually("they are in step") { try await first.send("T", "0").responseCode == .success }
            try await second.follows(first)
            try await waitForTopic("T", second)
            first.broker.stop()
            try await change(second, to: .syncMaster)
            #expect(try await second.send("T", "alone").responseCode == .slaveNotAvailable)
            #expect(try second.storedTexts("T").contains("alone") == false, "nobody else has it")
        }
    }

    /// The master was gone before its table could be copied.
    @Test func aNewMasterHasTheTopicsOfAllMessages() async throws {
        try await withReplicaSet { set in
            let first = try set.start(.asyncMaster)
            _ = try await first.createTopic("Wider")
            let second = try set.start(.slave, id: 1) {
                $0.replication.firstCopyAfter = .seconds(3_600)
                $0.replication.copyInterval = .seconds(3_600)
                $0.replication.shortestCopyGap = .seconds(3_600)
            }
            try await waitForTopic("Wider", second)
            _ = try await first.createTopic("Wider", queues: 5)
            _ = try await first.createTopic("New", queues: 3)
            for topic in ["Wider", "New"] { _ = try await first.send(topic, "last of \(topic)", queue: 2) }
            try await second.follows(first)
            #expect(second.broker.state.topics["New"] == nil)
            first.broker.stop()
            try await change(second, to: .asyncMaster)
            for topic in ["Wider", "New"] {
                let pulled = try await second.pull(topic, from: 0, changing: ["queueId": "2"])
                #expect(try pulled.messages.map(\.text) == ["last of \(topic)"])
                #expect(try await second.send(topic, "next", queue: 2).responseCode == .success)
            }
            try await eventually("it is written down") { (try? second.file("topics.json").containsBytes(of: "New")) == true }
        }
    }

    /// The same, and the slave is started anew in between: in its role, and promoted later, or as the master.
    @Test(arguments: [false, true]) func aNewMasterHasTheTopicsOfAllMessagesAfterARestart(startsAsMaster: Bool) async throws {
        try await withReplicaSet { set in
            let first = try set.start(.asyncMaster)
            for topic in ["Wider", "Narrower", "Deleted"] { _ = try await first.createTopic(topic, queues: topic.isExactly("Wider") ? 1 : 4) }
            for topic in ["Narrower", "Deleted"] { _ = try await first.send(topic, "x", queue: 3) }
            let second = try set.start(.slave, id: 1) {
                $0.replication.firstCopyAfter = .seconds(3_600)
                $0.replication.copyInterval = .seconds(3_600)
                $0.replication.shortestCopyGap = .seconds(3_600)
            }
            try await waitForTopic("Deleted", second)
            // The last table that it gets.
            _ = try await first.createTopic("Narrower", queues: 2)
            _ = try await first.ask(.deleteTopicInBroker, ["topic": "Deleted"])
            try second.restart()
            try await eventually("it has the second table") { second.broker.state.topics["Narrower"]?.config.readQueueCount == 2 }
            #expect(second.broker.state.topics["Deleted"] == nil)
            try await eventually("the copy has ended") { second.broker.state.replication.epochs.topicsOffset == second.store.maxPhysicalOffset }
            _ = try await first.createTopic("Wider", queues: 5)
            _ = try await first.createTopic("New", queues: 3)
            for topic in ["Wider", "New"] { _ = try await first.send(topic, "last of \(topic)", queue: 2) }
            try await second.follows(first)
            #expect(second.broker.state.topics["New"] == nil)
            first.broker.stop()
            try second.restart {
                $0.nameServers = []
                guard startsAsMaster else { return }
                $0.role = .asyncMaster
                $0.brokerId = 0
            }
            if !startsAsMaster { try await change(second, to: .asyncMaster) }
            for topic in ["Wider", "New"] {
                let pulled = try await second.pull(topic, from: 0, changing: ["queueId": "2"])
                #expect(try pulled.messages.map(\.text) == ["last of \(topic)"])
            }
            let state = second.broker.state
            #expect(state.topics["Deleted"] == nil && state.topics["Narrower"]?.queueCount == 2, "what the old master took away stays so")
            #expect(state.topics["New"]?.queueCount == 3 && state.topics["Wider"]?.queueCount == 3)
            #expect(try second.file("topics.json").containsBytes(of: "New"))
            // Its own table counts from here on.
            _ = try await second.ask(.deleteTopicInBroker, ["topic": "New"])
            try second.restart {
                $0.role = .asyncMaster
                $0.brokerId = 0
            }
            #expect(second.broker.state.topics["New"] == nil && second.broker.state.topics["Wider"] != nil)
        }
    }

    /// What the old master answered comes when this broker has become the master.
    @Test func aCopyThatComesLateChangesNothing() async throws {
        final class Handler: RequestHandler {
            private let answer: RemotingCommand
            private let asked: Latch
            init(_ answer: RemotingCommand, _ asked: Latch) { (self.answer, self.asked) = (answer, asked) }

            func receive(_ request: InboundFrame, on connection: Connection) {
                connection.replyHandle(for: request).complete(answer)
                asked.open()
            }

            func connectionClosed(_ connection: Connection) {}
            func wakeUpEnded() {}
        }
        let loops = EventLoopGroup(count: 1, name: "old-master")
        defer { loops.stop() }
        let old = TopicConfigTable(topics: ["Old": TopicConfig(topicName: "Old", readQueueCount: 1, writeQueueCount: 1)], dataVersion: DataVersion(clock: Clocks.system.wall))
        let (answer, asked) = (RemotingCommand.response(.success, body: old.body), Latch())
        let server = RemotingServer(configuration: ServerConfiguration(listenAddress: "127.0.0.1", port: 0), loops: loops, logger: quiet) { _ in Handler(answer, asked) }
        try server.start()
        defer { server.stop() }
        try await withPeer({ configuration in
            configuration.role = .slave
            configuration.brokerId = 1
        }) { slave in
            let state = slave.broker.state
            let copy = MetadataCopy(broker: state, master: "127.0.0.1:\(server.port)", client: slave.anotherClient())
            let (copier, ended) = (WorkerPool(name: "copy", threadLimit: 1, queueLimit: 1), Latch())
            let failures = Mutex<[String]>([])
            defer { copier.stop() }
            let version = state.topics.dataVersion
            try state.replication.whileNoTableIsTaken {
                let isTaken = copier.run {
                    let failed = copy.run(topicsAlone: true)
                    failures.withLock { $0 = failed }
                    ended.open()
                }
                #expect(isTaken)
                asked.wait(for: .generous)
                try state.store.becomeMaster()
            }
            ended.wait(for: .generous)
            #expect(failures.withLock { $0.count } == 1)
            #expect(state.topics["Old"] == nil && state.topics.dataVersion == version)
        }
    }

    @Test func aComparisonThatNobodyWaitsForCutsNothing() async throws {
        try await withReplicaSet { set in
            let old = try set.start(.asyncMaster), new = try set.start(.slave, id: 1)
            try await old.send("T", 0..<3)
            try await new.follows(old)
            try await waitForTopic("T", new)
            try await eventually("it knows its master's epochs") { !new.broker.state.replication.epochs.all.isEmpty }
            try await change(new, to: .asyncMaster)
            try await new.send("T", 3..<4)
            try await old.send("T", 100..<101)
            let end = old.store.maxPhysicalOffset
            let folder = try TemporaryFolder()
            func verdict(own: [BrokerEpoch], isWanted: @escaping @Sendable () -> Bool) throws -> LogVerdict {
                let epochs = EpochTable(path: folder.sub("epochs.json"), logger: quiet)
                try epochs.replace(with: own)
                return LogComparison(
                    store: old.store, epochs: epochs, client: old.client, master: new.address, isWanted: isWanted,
                    keeper: DivergedLog(folder: folder.sub("diverged"), clock: Clocks.system.wall, logger: quiet), logger: quiet
                ).run()
            }
            // How often it looks until all is known: this table forbids the cut.
            let looks = Atomic(0)
            let forbidden = try verdict(own: [BrokerEpoch(epoch: 1, startOffset: 0, brokerAddress: "x:1")]) {
                looks.add(1, ordering: .relaxed)
                return true
            }
            guard case .differs = forbidden else { throw Unexpected(verdict: forbidden) }
            let left = Atomic(looks.load(ordering: .relaxed))
            let own = old.broker.state.replication.epochs.all
            let late = try verdict(own: own) { left.subtract(1, ordering: .relaxed).newValue >= 0 }
            guard case .unknown = late else { throw Unexpected(verdict: late) }
            #expect(old.store.maxPhysicalOffset == end)
            let wanted = try verdict(own: own) { true }
            guard case .agrees = wanted else { throw Unexpected(verdict: wanted) }
            #expect(old.store.maxPhysicalOffset < end)
        }
    }

    private struct Unexpected: Error { let verdict: LogVerdict }

    @Test func aRoleIsKeptInTheFile() async throws {
        try await withPeer(configurationFile: "brokerRole=ASYNC_MASTER\n# mine\nbrokerName=b\n") { peer in
            try await change(peer, to: .slave, ["masterAddr": "10.9.8.7:10911", "brokerId": "2"])
            let file = try peer.configurationFile
            for line in ["brokerRole=SLAVE", "brokerId=2", "haMasterAddress=10.9.8.7:10912", "# mine"] { #expect(file.containsBytes(of: line), "\(file)") }
            try await change(peer, to: .asyncMaster)
            #expect(try peer.configurationFile.containsBytes(of: "brokerRole=ASYNC_MASTER"))
            #expect(try await peer.send("T", "x").responseCode == .success)
        }
    }

    @Test func aSlaveThatLacksSomethingIsNotMadeTheMaster() async throws {
        try await withReplicaSet { set in
            let master = try set.start(.asyncMaster), slave = try set.start(.slave, id: 1)
            try await master.send("T", 0..<3)
            try await slave.follows(master)
            let refused = try await slave.ask(.changeBrokerRole, ["brokerRole": "ASYNC_MASTER", "leastOffset": "\(slave.store.maxPhysicalOffset + 1)"])
            #expect(refused.responseCode == .systemError && refused.remark?.containsBytes(of: "leastOffset") == true)
            #expect(slave.store.role == .replica)
            try await master.send("T", 3..<6)
            try await slave.follows(master)
        }
    }

    // MARK: Logs that part

    /// The master stops, its slave takes over, and the old master comes back with messages that nobody else ever had.
    @Test(arguments: [0, 1, 30]) func aReturnedMasterLeavesWhatNobodyElseHas(count: Int) async throws {
        try await withReplicaSet { set in
            let old = try set.start(.asyncMaster)
            let new = try set.start(.slave, id: 1)
            try await old.send("T", 0..<20)
            try await new.follows(old)
            try await waitForTopic("T", new)
            try await eventually("it knows its master's epochs") { !new.broker.state.replication.epochs.all.isEmpty }
            new.broker.stop()
            try await old.send("T", 1000..<1000 + count)
            old.broker.stop()
            try new.restart {
                $0.role = .asyncMaster
                $0.brokerId = 0
            }
            try await new.send("T", 20..<40)
            try old.restart {
                $0.role = .slave
                $0.brokerId = 2
            }
            try await old.follows(new)
            try await eventually("they are the same") { try old.storedTexts("T") == (0..<40).map { "\($0)" } }
            let kept = (try? FileManager.default.contentsOfDirectory(atPath: old.storeRoot + "/diverged")) ?? []
            #expect(kept.count == (count > 0 ? 1 : 0))
            if let name = kept.first {
                let messages = try MessageRecord.decodeAll([UInt8](Data(contentsOf: URL(fileURLWithPath: old.storeRoot + "/diverged/" + name))), decompressing: true)
                #expect(messages.map(\.text) == (1000..<1000 + count).map { "\($0)" })
            }
            #expect(old.broker.state.replication.epochs.all.map(\.epoch) == [1, 2])
        }
    }

    /// Two that were masters at the same time: nothing is taken off either by itself.
    @Test func aLogThatPartsOtherwiseIsLeftAlone() async throws {
        try await withReplicaSet { set in
            let one = try set.start(.asyncMaster)
            let two = try set.start(.slave, id: 1)
            try await one.send("T", 0..<5)
            try await two.follows(one)
            try await waitForTopic("T", two)
            try await change(two, to: .asyncMaster)
            try await two.send("T", 5..<8)
            try await one.send("T", 100..<104)
            let sink = MemorySink()
            let end = two.store.maxPhysicalOffset
            two.broker.stop()
            one.broker.state.registration?.registerSoon()
            try await eventually("the first one is the master") {
                set.nameServer.registrations.last { $0.header.brokerId == 0 }?.header.brokerAddress.isExactly(one.address) == true
            }
            try two.restart(logger: Logger(category: "test", level: .warning, sink: sink)) {
                $0.role = .slave
                $0.brokerId = 1
            }
            try await eventually("it stops") { if case .stopped = two.broker.state.replication.link { true } else { false } }
            #expect(two.store.maxPhysicalOffset == end)
            #expect(try two.storedTexts("T") == (0..<8).map { "\($0)" })
            #expect(sink.records.contains { $0.level == .error && $0.message.containsBytes(of: "empty store") })
            #expect(!FileManager.default.fileExists(atPath: two.storeRoot + "/diverged"))
        }
    }

    @Test(arguments: [
        // own, master, parting, may be cut
        ([(1, 0, "a")], [(1, 0, "a"), (2, 100, "b")], 100, true), ([(1, 0, "a")], [(1, 0, "a"), (2, 100, "b")], 150, true),
        ([(1, 0, "a")], [(1, 0, "a"), (2, 100, "b")], 99, false), ([(1, 0, "a")], [(1, 0, "a")], 100, false),
        ([(1, 0, "a"), (2, 90, "c")], [(1, 0, "a"), (2, 100, "b")], 100, false), ([], [(1, 0, "a")], 10, false),
        ([], [(1, 0, "a"), (2, 100, "b")], 120, true), ([(1, 0, "x")], [(1, 0, "a"), (2, 100, "b")], 120, false), ([(1, 0, "a")], [], 5, false),
        ([(1, 0, "a")], [(1, 0, "a"), (2, 100, "b"), (3, 200, "a")], 120, true), ([(1, 0, "a"), (2, 5, "b")], [(1, 0, "a")], 100, false),
    ] as [([(Int64, Int64, String)], [(Int64, Int64, String)], Int64, Bool)])
    func onlyWhatAnOldMasterWroteIsCut(own: [(Int64, Int64, String)], master: [(Int64, Int64, String)], parting: Int64, expected: Bool) {
        func epochs(_ list: [(Int64, Int64, String)]) -> [BrokerEpoch] { list.map { BrokerEpoch(epoch: $0.0, startOffset: $0.1, brokerAddress: $0.2) } }
        #expect(EpochTable.mayCut(own: epochs(own), master: epochs(master), at: parting) == expected)
    }

    @Test func aDamagedTableOfMastersStopsTheStart() throws {
        #expect(throws: BrokerError.self) { try Peer(files: ["epochs.json": "{"]) }
    }

    @Test func whoFollowsIsToldOnDemand() async throws {
        try await withReplicaSet { set in
            let master = try set.start(.asyncMaster), slave = try set.start(.slave, id: 1)
            try await master.send("T", 0..<3)
            try await slave.follows(master)
            try await eventually("its report has come") { master.broker.state.replication.slaves.all.first?.acknowledgedOffset == master.store.maxPhysicalOffset }
            let told = try KeyValueTable(body: try await master.ask(.getBrokerRuntimeInfo).body).table
            #expect(told["slaveCount"] == "1" && told["brokerRole"] == "ASYNC_MASTER")
            #expect(told.contains { $0.key.text.hasBytePrefix("slave_127.0.0.1:") && $0.value.containsBytes(of: "behind 0 bytes and 0 ms") })
            let own = try KeyValueTable(body: try await slave.ask(.getBrokerRuntimeInfo).body).table
            #expect(own["masterLink"]?.hasBytePrefix("following 127.0.0.1:") == true)
        }
    }
}
