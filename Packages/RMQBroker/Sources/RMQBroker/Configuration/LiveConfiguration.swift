import RMQCommon
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

    enum UpdateError: Error {
        /// Keys that may not be changed over the wire, or that do not exist.
        case notAllowed(keys: [String])
        case badValue(BrokerConfigurationError)
    }

    /// Applies all of `properties` or, when one of them is refused, none.
    /// - Returns: the values that are in force now, as the configuration shows them.
    func update(_ properties: [(key: String, value: String)]) throws(UpdateError) -> [(key: String, value: String)] {
        let refused = properties.map(\.key).filter { BrokerSetting.named($0)?.isLive != true }
        guard refused.isEmpty else { throw .notAllowed(keys: refused) }
        let now = clock.now()
        let values = try contents.withLock { (contents) throws(UpdateError) in
            var changed = contents.configuration
            do throws(BrokerConfigurationError) {
                for (key, value) in properties { try BrokerSetting.named(key)?.write(&changed, value) }
            } catch {
                throw .badValue(error)
            }
            contents.configuration = changed
            contents.dataVersion.advance(now: now)
            return properties.map { (key: $0.key, value: BrokerSetting.named($0.key)?.read(changed) ?? $0.value) }
        }
        changes.wrappingAdd(1, ordering: .acquiringAndReleasing)
        return values
    }
}
