@testable import RMQBroker
import RMQCommon
import RMQRemoting
import RMQStore
import RMQTestSupport
import Testing

/// Brokers of one name, which find each other by a name server. All are impatient.
final class ReplicaSet {
    let nameServer: FakeNameServer
    private var members: [Peer] = []

    init() throws { nameServer = try FakeNameServer() }

    /// - Parameter id: 0 for a master.
    func start(_ role: BrokerRole, id: Int64 = 0, logger: Logger = quiet, _ change: (inout BrokerConfiguration) -> Void = { _ in }) throws -> Peer {
        let peer = try Peer(logger: logger) { configuration in
            configuration.role = role
            configuration.brokerId = id
            configuration.nameServers = [nameServer.address]
            configuration.store.segmentBytes = 1 << 20
            configuration.replication.beImpatient()
            change(&configuration)
        }
        members.append(peer)
        return peer
    }

    /// The same, with a replication port one above the main one: of the ports that the system chooses, the next may be anybody's.
    func startBesideItsReplicationPort(_ role: BrokerRole) throws -> Peer {
        var peer = try start(role)
        for _ in 0..<20 where peer.broker.state.replication.listenPort != peer.broker.port + 1 {
            peer.stop()
            members.removeLast()
            peer = try start(role)
        }
        try #require(peer.broker.state.replication.listenPort == peer.broker.port + 1)
        return peer
    }

    func stop() {
        for member in members.reversed() { member.stop() }
        nameServer.stop()
    }
}

func withReplicaSet(_ body: (ReplicaSet) async throws -> Void) async throws {
    let set = try ReplicaSet()
    defer { set.stop() }
    try await body(set)
}

extension ReplicationConfiguration {
    mutating func beImpatient() {
        heartbeatInterval = .milliseconds(100)
        housekeepingInterval = .seconds(10)
        firstPause = .milliseconds(20)
        longestPause = .milliseconds(100)
        pauseOnDifference = .milliseconds(200)
        firstCopyAfter = .milliseconds(50)
        copyInterval = .milliseconds(100)
    }
}

extension Peer {
    var store: MessageStore { broker.state.store }

    /// The texts of all messages of queue 0 of a topic.
    func storedTexts(_ topic: String) throws -> [String] {
        var texts: [String] = []
        while true {
            let result = store.read(topic: topic, queueId: 0, offset: Int64(texts.count), maxCount: 32)
            guard result.status == .found else { return texts }
            for chunk in result.chunks { texts += try MessageRecord.decodeAll([UInt8](chunk.bytes), decompressing: true).map(\.text) }
        }
    }

    func send(_ topic: String, _ numbers: Range<Int>) async throws {
        for number in numbers {
            let answer = try await send(topic, "\(number)")
            #expect(answer.responseCode == .success, "\(answer.remark ?? "")")
        }
    }

    /// Waits until this slave has, and shows, all that its master has.
    func follows(_ master: Peer, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let end = master.store.maxPhysicalOffset
        try await eventually("the slave has the log up to \(end), and not only to \(store.maxPhysicalOffset)", sourceLocation: sourceLocation) {
            store.maxPhysicalOffset >= end && store.dispatchedOffset >= end
        }
    }
}

extension LinkStatus {
    var isUnknownMaster: Bool { if case .unknownMaster = self { true } else { false } }
}
