import RMQCommon
import RMQStore

/// Who takes messages from producers in a broker set: `brokerRole`.
public enum BrokerRole: String, CaseIterable, Sendable {
    /// This broker, which answers a send before a slave has the message.
    case asyncMaster = "ASYNC_MASTER"
    /// This broker, which answers a send once a slave has the message.
    case syncMaster = "SYNC_MASTER"
    /// Another one, whose log this broker copies.
    case slave = "SLAVE"

    /// How many replicas a message waits for.
    var requiredReplicas: Int { self == .syncMaster ? 1 : 0 }
}

/// How a log is copied from a master to its slaves: the properties, and below them the row of each key.
///
/// What the store needs to know of it has its rows here too, but its properties in `StoreConfiguration`.
public struct ReplicationConfiguration: Sendable, Equatable {
    /// How long either side is silent at most.
    public var heartbeatInterval: Duration = .seconds(5)
    /// How long either side waits for the other one before it closes the connection.
    public var housekeepingInterval: Duration = .seconds(20)
    /// The most bytes of the log that one frame carries.
    public var batchBytes = 32_768
    /// Where the master replicates from, as `host:port`; shorter than 6 bytes: where the name servers say.
    public var masterAddress = ""
    /// From where slaves may connect; empty: from everywhere.
    public var allowedAddresses = AddressList()
    /// The most bytes a second that one slave is sent; 0: no limit.
    public var bytesPerSecond: Int64 = 0
    /// Whether a slave corrects offsets outside of its queues.
    public var checksOffsetsOnSlave = false

    /// The pause before the second attempt to reach a master; it doubles. Tests are impatient.
    var firstPause: Duration = .seconds(1)
    /// The longest pause between two attempts.
    var longestPause: Duration = .seconds(5)
    /// The pause when the two logs differ: nothing changes that but an operator.
    var pauseOnDifference: Duration = .seconds(60)
    /// When the master's tables are first copied, and how often.
    var firstCopyAfter: Duration = .seconds(3)
    var copyInterval: Duration = .seconds(10)
    /// Between two copies that something asks for: records of a topic that was deleted at the master ask again and again.
    var shortestCopyGap: Duration = .seconds(1)

    /// The reference's defaults.
    public init() {}

    /// ``masterAddress``, if it is one: the reference takes shorter texts for none.
    var fixedMasterAddress: String? { masterAddress.utf8.count >= 6 ? masterAddress : nil }
}

extension ReplicationConfiguration {
    static let settings: [Setting<Self>] = [
        .time(
            "haSendHeartbeatInterval", \.heartbeatInterval, 100...3_600_000, .milliseconds,
            "How long master and slave are silent at most on the replication port."),
        .time(
            "haHousekeepingInterval", \.housekeepingInterval, 200...3_600_000, .milliseconds,
            "A replication connection on which the other side was silent for so long is closed."),
        .number("haTransferBatchSize", \.batchBytes, 1_024...(1 << 20), unit: "bytes", "The most bytes of the log that one frame to a slave carries."),
        .text(
            "haMasterAddress", \.masterAddress, allowed: "a host and a port, such as 10.0.0.1:10912, or nothing",
            "Where a slave's master replicates from; without it, where the name servers say. Its main port is one below, unless a name server knows "
                + "that address: so a proxy in between needs both ports.",
            parse: { text in
                let address = Configuration.trimmed(text)
                return address.utf8.count < 6 || (HostPort(address)?.port ?? 0) > 0 ? address : nil
            }, print: { $0 }),
        .text(
            "haAllowedAddresses", \.allowedAddresses, allowed: "addresses, separated by ;, such as 10.0.0.7 or 10.0.1.* or 10.0.2.1-20",
            "From which addresses slaves may connect to the replication port, which knows no accounts; empty: from all. A key of this project.",
            parse: { AddressList($0) }, print: \.text),
        .number(
            "haMaxBytesPerSecond", \.bytesPerSecond, 0...Int64(1 << 40), unit: "bytes",
            "The most bytes a second that one slave is sent; 0: no limit. With `SYNC_MASTER` sends wait for it, too. A key of this project."),
        .flag(
            "offsetCheckInSlave", \.checksOffsetsOnSlave,
            "Whether a slave sends consumers with an offset outside of a queue to its beginning or end; otherwise they ask again, or the master."),
    ]

    /// Those whose values the store keeps.
    static let storeSettings: [Setting<BrokerConfiguration>] = [
        .number(
            "haSlaveFallbehindMax", \.store.replicaFallBehindLimit, 0...Int64.max, unit: "bytes",
            "`SYNC_MASTER` waits for no slave that is so far behind, and says that there is none."),
        .time("slaveTimeout", \.store.replicaTimeout, 1...3_600_000, .milliseconds, "How long a send waits for a slave under `SYNC_MASTER`."),
    ]
}

extension BrokerConfiguration {
    /// With what the role decides: the store's role, and 0 for the number of a master.
    /// - Throws: for a slave without a number of its own.
    func settled() throws(BrokerError) -> BrokerConfiguration {
        var settled = self
        switch role {
        case .slave:
            guard brokerId > 0 else {
                throw .contradiction(reason: "brokerRole=SLAVE needs a brokerId greater than 0, not \(brokerId): each slave of \(brokerName) has its own, the master has 0")
            }
            settled.store.role = .replica
        case .asyncMaster, .syncMaster:
            settled.brokerId = 0
            settled.store.requiredReplicas = role.requiredReplicas
        }
        return settled
    }
}
