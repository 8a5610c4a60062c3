import RMQCommon
import RMQRemoting
import Synchronization

/// The ``RouteTable`` of a running server, and the connections over which its brokers registered: what expiry closes.
///
/// One lock, a leaf. What happens to the table goes to the log.
final class Routes: Sendable {
    private struct State: Sendable {
        var table = RouteTable()
        var connections: [RouteTable.ConnectionID: ConnectionHandle] = [:]
    }

    private let state = Mutex(State())
    private let clock: MonotonicClock
    private let logger: Logger

    init(clock: MonotonicClock, logger: Logger) {
        self.clock = clock
        self.logger = logger
    }

    /// A snapshot; it does not change under the reader.
    var table: RouteTable { state.withLock { $0.table } }

    var generation: UInt64 { state.withLock { $0.table.generation } }

    func register(_ broker: Registration, from connection: ConnectionHandle) throws(RouteError) -> RouteTable.Registered {
        let now = clock.now()
        let registered = try state.withLock { (state) throws(RouteError) in
            let registered = try state.table.register(broker, connection: connection.id, now: now)
            state.connections[connection.id] = connection
            return registered
        }
        log(registered.notes)
        return registered
    }

    func compareVersion(of address: String, with version: DataVersion) -> (changed: Bool, stored: DataVersion?) {
        let now = clock.now()
        return state.withLock { $0.table.compareVersion(of: address, with: version, now: now) }
    }

    func change(_ change: (inout RouteTable) -> [RouteNote]) {
        log(state.withLock { change(&$0.table) })
    }

    func setPermission(of brokerName: String, _ change: (Permission) -> Permission) -> Int32 {
        state.withLock { $0.table.setPermission(of: brokerName, change) }
    }

    func connectionClosed(_ connection: ConnectionHandle) {
        let (address, notes) = state.withLock { state in
            state.connections[connection.id] = nil
            return state.table.connectionClosed(connection.id, remote: connection.remote.description)
        }
        if let address { logger.info("the broker's channel destroyed, \(address), clean it's data structure at once") }
        log(notes)
    }

    /// Forgets the brokers that fell silent and closes their connections.
    func expire() {
        let now = clock.now()
        let (closing, notes) = state.withLock { state in
            let (expired, notes) = state.table.expire(now: now)
            return (expired.compactMap { state.connections.removeValue(forKey: $0.connection) }, notes)
        }
        log(notes)
        for connection in closing { connection.close() }
    }

    private func log(_ notes: [RouteNote]) {
        for note in notes {
            if note.isWarning { logger.warning("\(note)") } else { logger.info("\(note)") }
        }
    }
}
