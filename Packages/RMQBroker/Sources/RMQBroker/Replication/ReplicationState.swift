import RMQCommon
import RMQRemoting
import Synchronization

/// Where a slave finds its master.
struct MasterPlace: Sendable {
    /// For requests; nil when nobody said.
    var address: String?
    /// Of its replication port.
    var replicationAddress: String
}

/// What a slave does about its master now, for whoever asks.
enum LinkStatus: Sendable {
    /// This broker is a master.
    case none
    /// Nobody has said where the master is.
    case unknownMaster
    case connecting(to: String)
    case following(String)
    /// The next attempt comes by itself.
    case pausing(reason: String)
    /// The logs differ in a way that only an operator can judge.
    case stopped(reason: String)
}

/// What a broker's replication is doing, shared by all that works on it or asks for it.
///
/// Each lock is a leaf but that of ``whileNoTableIsTaken(_:)``.
final class ReplicationState: Sendable {
    private struct Contents {
        var registered: (address: String, replicationAddress: String)?
        var link = LinkStatus.none
        var listenPort: UInt16 = 0
        /// What the slave last had of the log when it got bytes, and when.
        var received: (end: Int64, at: MonotonicInstant)?
        var masterChanged: (@Sendable () -> Void)?
        var tablesChanged: (@Sendable () -> Void)?
        var unknownTopics = UnknownTopics()
        /// When all tables were copied last; nil when they have to be.
        var copiedAll: MonotonicInstant?
        var roleSwitch: RoleSwitch?
    }

    let slaves = SlaveBoard()
    let epochs: EpochTable
    private let live: LiveConfiguration
    private let contents = Mutex(Contents())
    private let tables = Mutex(())

    init(_ live: LiveConfiguration, epochs: EpochTable) {
        self.live = live
        self.epochs = epochs
    }

    /// The replication port; 0 while there is none.
    var listenPort: UInt16 {
        get { contents.withLock { $0.listenPort } }
        set { contents.withLock { $0.listenPort = newValue } }
    }

    var link: LinkStatus {
        get { contents.withLock { $0.link } }
        set { contents.withLock { $0.link = newValue } }
    }

    /// The log's end when bytes of the master came last, and when that was.
    var received: (end: Int64, at: MonotonicInstant)? { contents.withLock { $0.received } }

    func received(to end: Int64, at moment: MonotonicInstant) { contents.withLock { $0.received = (end, moment) } }

    /// Where the master is: where the configuration says, else where the name servers do; nil when neither knows.
    var master: MasterPlace? {
        let configured = live.current.replication.fixedMasterAddress
        let registered = contents.withLock { $0.registered }
        guard let configured else {
            return registered.map { MasterPlace(address: $0.address, replicationAddress: $0.replicationAddress) }
        }
        // The broker whose log is compared has to be the one that sends: name servers may know another master.
        let own = registered.flatMap { $0.replicationAddress.isExactly(configured) ? $0.address : nil }
        // Replication is one above the main port, at this broker and at the reference.
        let derived = HostPort(configured).flatMap { $0.port > 1 ? HostPort($0.host, $0.port - 1).description : nil }
        return MasterPlace(address: own ?? derived, replicationAddress: configured)
    }

    /// A name server says who the master of this broker's set is.
    func register(masterAddress: String, replicationAddress: String) {
        let changed = contents.withLock { contents in
            let isSame = contents.registered.map {
                $0.address.isExactly(masterAddress) && $0.replicationAddress.isExactly(replicationAddress)
            } ?? false
            contents.registered = (masterAddress, replicationAddress)
            return isSame ? nil : contents.masterChanged
        }
        changed?()
    }

    /// What was said of the master before is over, since the roles changed.
    func forgetMaster() { contents.withLock { $0.registered = nil } }

    /// Sets who hears when ``master`` may have changed.
    func setMasterListener(_ listener: (@Sendable () -> Void)?) { contents.withLock { $0.masterChanged = listener } }

    /// The master's tables may be others than those that were copied.
    func tablesMayHaveChanged() {
        let listener = contents.withLock { contents in
            contents.copiedAll = nil
            return contents.tablesChanged
        }
        listener?()
    }

    /// A message came that is in no queue that this slave knows of: the master may have made the topic, or more queues of it.
    func sawUnknown(topic: String, queueId: Int32) {
        let listener = contents.withLock { contents in contents.unknownTopics.add(topic, queueId: queueId) ? contents.tablesChanged : nil }
        listener?()
    }

    /// Whether it is time to copy all tables, and not topics alone, for which a new one may ask every second.
    func beginsCopyOfAll(now: MonotonicInstant, every interval: Duration) -> Bool {
        contents.withLock { contents in
            if let last = contents.copiedAll, now - last < interval { return false }
            contents.copiedAll = now
            return true
        }
    }

    /// Takes over one of the master's tables, or makes this broker a master: neither while the other is done. It may wait for the disk; the
    /// locks of tables and of their files are taken meanwhile.
    func whileNoTableIsTaken(_ work: () throws -> Void) throws { try tables.withLock { _ in try work() } }

    var unknownTopics: UnknownTopics { contents.withLock { $0.unknownTopics } }

    /// A table of topics was copied that was asked for when these were known.
    func forget(_ asked: UnknownTopics, in table: TopicConfigTable) { contents.withLock { $0.unknownTopics.remove(asked, in: table) } }

    /// Sets who copies them.
    func setTablesListener(_ listener: (@Sendable () -> Void)?) { contents.withLock { $0.tablesChanged = listener } }

    /// Nil while the broker does not run.
    var roleSwitch: RoleSwitch? {
        get { contents.withLock { $0.roleSwitch } }
        set { contents.withLock { $0.roleSwitch = newValue } }
    }
}
