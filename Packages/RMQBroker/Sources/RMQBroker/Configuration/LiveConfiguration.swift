import RMQCommon
import RMQStore
import Synchronization

/// The configuration as it is now: some settings may be changed while the broker runs.
///
/// One lock, a leaf. Loops take a copy when ``version`` moves.
final class LiveConfiguration: Sendable {
    private struct Contents {
        var configuration: BrokerConfiguration
        var dataVersion: DataVersion
    }
    private let contents: Mutex<Contents>
    private let changes = Atomic<UInt64>(1)
    private let clock: WallClock

    init(_ configuration: BrokerConfiguration, clock: WallClock) {
        contents = Mutex(Contents(configuration: configuration, dataVersion: DataVersion(timestamp: clock.now())))
        self.clock = clock
    }

    var version: UInt64 { changes.load(ordering: .acquiring) }
    var current: BrokerConfiguration { contents.withLock { $0.configuration } }
    var dataVersion: DataVersion { contents.withLock { $0.dataVersion } }

    /// What a change of the role changes.
    /// - Parameter masterAddress: of replication, for a slave that is told its master; empty for none.
    /// - Returns: the keys with their new values.
    func setRole(_ role: BrokerRole, brokerId: Int64, masterAddress: String) -> [(key: String, value: String)] {
        let now = clock.now()
        contents.withLock { contents in
            contents.configuration.role = role
            contents.configuration.brokerId = brokerId
            contents.configuration.replication.masterAddress = masterAddress
            contents.dataVersion.advance(now: now)
        }
        changes.wrappingAdd(1, ordering: .acquiringAndReleasing)
        return [("brokerRole", role.rawValue), ("brokerId", "\(brokerId)"), ("haMasterAddress", masterAddress)]
    }

    enum UpdateError: Error {
        /// Keys that may not be changed over the wire, or that do not exist.
        case notAllowed(keys: [String])
        case badValue(ConfigurationError)
    }

    /// Applies all of `properties` or, when one of them is refused, none.
    /// - Returns: the values that are in force now, as the configuration shows them.
    func update(_ properties: [(key: String, value: String)]) throws(UpdateError) -> [(key: String, value: String)] {
        let table = BrokerConfiguration.settings
        var changes: [(setting: Setting<BrokerConfiguration>, value: String)] = []
        var refused: [String] = []
        for (key, value) in properties {
            if let setting = table[key], setting.takesEffect == .atOnce { changes.append((setting, value)) } else { refused.append(key) }
        }
        guard refused.isEmpty else { throw .notAllowed(keys: refused) }
        let now = clock.now()
        let values = try contents.withLock { (contents) throws(UpdateError) in
            var changed = contents.configuration
            do throws(ConfigurationError) {
                for (setting, value) in changes { try table.set(setting, value, in: &changed) }
            } catch {
                throw .badValue(error)
            }
            contents.configuration = changed
            contents.dataVersion.advance(now: now)
            return changes.map { (key: $0.setting.key, value: $0.setting.text(in: changed) ?? "") }
        }
        self.changes.wrappingAdd(1, ordering: .acquiringAndReleasing)
        return values
    }
}
