import RMQCommon
import RMQRemoting
import RMQStore
import Synchronization

/// Makes a running broker a master or a slave.
///
///     slave ─► follows no more ─► epoch written down ─► store is a master ─► told to name servers, written to the file
///     master ─► store is a slave: sends are refused, those that wait are told ─► told and written ─► follows
///
/// What it was told before stays true until the store has changed, so a change that fails leaves the broker as it was.
final class RoleSwitch: Sendable {
    private let broker: BrokerState
    /// Of this broker, as it is registered.
    private let address: String
    private let link: LoopBound<ReplicaLink>
    /// Where logs are compared, and perhaps cut.
    private let comparer: WorkerPool
    private let isChanging = Atomic<Bool>(false)

    init(_ broker: BrokerState, address: String, link: LoopBound<ReplicaLink>, comparer: WorkerPool) {
        self.broker = broker
        self.address = address
        self.link = link
        self.comparer = comparer
    }

    /// Blocks; not on a loop.
    func change(_ header: ChangeBrokerRoleHeader) throws(Refusal) {
        guard let role = BrokerRole(exactly: header.role) else {
            throw Refusal(.systemError, "brokerRole=\(header.role.prefix(bytes: 64)) is not allowed; allowed: \(BrokerRole.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        guard isChanging.compareExchange(expected: false, desired: true, ordering: .acquiringAndReleasing).exchanged else {
            throw Refusal(.systemBusy, "another change of the role is under way; try again later")
        }
        defer { isChanging.store(false, ordering: .releasing) }
        switch role {
        case .slave: try becomeSlave(header)
        case .asyncMaster, .syncMaster: try becomeMaster(role, header)
        }
    }

    // MARK: Master

    private func becomeMaster(_ role: BrokerRole, _ header: ChangeBrokerRoleHeader) throws(Refusal) {
        let store = broker.store
        guard store.role == .replica else {
            guard broker.live.current.role == role else {
                throw Refusal(.systemError, "this broker is \(broker.live.current.role.rawValue); brokerRole=\(role.rawValue) in its file counts when it starts next")
            }
            return
        }
        do {
            try stopFollowing()
            try whileNothingIsCompared { [self] in
                // What was asked of the old master and comes later finds a master.
                try broker.replication.whileNoTableIsTaken { () throws in
                    try beginAsMaster(role, leastOffset: header.leastOffset)
                    broker.makeUnknownTopics()
                }
            }
        } catch {
            link.post { $0.start() }
            throw (error as? Refusal) ?? Refusal(.systemError, "the broker stays a slave: \(error)")
        }
        try tell(role, brokerId: 0, masterAddress: "")
    }

    private func beginAsMaster(_ role: BrokerRole, leastOffset: Int64?) throws {
        let (store, table) = (broker.store, broker.replication.epochs)
        let end = store.receivedOffset
        if let leastOffset, end < leastOffset {
            throw Refusal(.systemError, "the log ends at \(end), before the offset \(leastOffset) that was asked for (leastOffset); the broker stays a slave")
        }
        let before = table.all
        try table.begin(address, end: end)
        do {
            try store.becomeMaster(requiredReplicas: role.requiredReplicas)
        } catch {
            try table.replace(with: before)
            throw error
        }
    }

    private func stopFollowing() throws {
        let stopped = Latch()
        link.post { link in
            link.stop()
            stopped.open()
        }
        // It may be in a write to a disk that hangs.
        stopped.wait(for: .seconds(30))
        guard case .none = broker.replication.link else {
            throw Refusal(.systemBusy, "the broker stays a slave: what its master sent is still being written; try again later")
        }
    }

    /// A comparison that was begun before may end with a cut.
    private func whileNothingIsCompared(_ work: @escaping @Sendable () throws -> Void) throws {
        let turn = Turn()
        let isTaken = comparer.run { turn.take(work) }
        guard isTaken else { throw Refusal(.systemBusy, "the broker stays a slave: other work on its log waits, or the broker stops; try again later") }
        try turn.wait(for: .seconds(60))
    }

    /// A turn of the comparer, which whoever waits for it gives up unless it has begun.
    private final class Turn: Sendable {
        private enum Phase { case waiting, begun, ended((any Error)?), givenUp }
        private let phase = Mutex(Phase.waiting)
        private let ended = Latch()

        func take(_ work: () throws -> Void) {
            let begins = phase.withLock { phase in
                guard case .waiting = phase else { return false }
                phase = .begun
                return true
            }
            guard begins else { return }
            var failure: (any Error)?
            do { try work() } catch { failure = error }
            phase.withLock { [failure] in $0 = .ended(failure) }
            ended.open()
        }

        func wait(for limit: Duration) throws {
            ended.wait(for: limit)
            let isBegun = phase.withLock { phase in
                if case .begun = phase { return true }
                if case .waiting = phase { phase = .givenUp }
                return false
            }
            // It ends.
            if isBegun { ended.wait() }
            switch phase.withLock({ $0 }) {
            case .ended(let error?): throw error
            case .ended(nil): return
            case .waiting, .begun, .givenUp: throw Refusal(.systemBusy, "the broker stays a slave: its log is still compared with its master's; try again later")
            }
        }
    }

    // MARK: Slave

    private func becomeSlave(_ header: ChangeBrokerRoleHeader) throws(Refusal) {
        let configuration = broker.live.current
        let brokerId = header.brokerId ?? (configuration.brokerId > 0 ? configuration.brokerId : 1)
        guard brokerId > 0 else { throw Refusal(.systemError, "brokerId=\(brokerId) is not allowed; allowed: greater than 0 for a slave") }
        var masterAddress = ""
        if let given = header.masterAddress, !given.utf8.isEmpty {
            guard let place = HostPort(given), place.port > 0, place.port < .max else {
                throw Refusal(.systemError, "masterAddr=\(given.prefix(bytes: 128)) is not allowed; allowed: a host and a port, such as 10.0.0.1:10911")
            }
            guard !given.isExactly(address) else { throw Refusal(.systemError, "masterAddr=\(given) is this broker itself") }
            // Replication is one above the main port.
            masterAddress = HostPort(place.host, place.port + 1).description
        }
        do {
            try broker.store.becomeReplica()
        } catch {
            throw Refusal(.systemError, "the broker stays a master: \(error)")
        }
        // What name servers said was of another master, this one perhaps.
        broker.replication.forgetMaster()
        defer {
            link.post { link in
                link.start()
                link.masterMayHaveChanged()
            }
        }
        try tell(.slave, brokerId: brokerId, masterAddress: masterAddress)
    }

    /// What is true now becomes known, and stays true when the broker starts again.
    private func tell(_ role: BrokerRole, brokerId: Int64, masterAddress: String) throws(Refusal) {
        let values = broker.live.setRole(role, brokerId: brokerId, masterAddress: masterAddress)
        let text = values.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
        broker.logger.warning("the role was changed: \(text)")
        broker.topics.touch()
        broker.topicsChanged()
        guard let file = broker.configurationFile else {
            return broker.logger.warning("there is no configuration file, so the broker starts next in the role that it started with")
        }
        do {
            try file.write(values)
        } catch {
            broker.logger.error("\(text) is not in the file: \(error)")
            throw Refusal(.systemError, "\(text) is in force, but only until the broker stops: the file was not changed: \(error)")
        }
    }
}
