import RMQCommon
import RMQRemoting
import Synchronization

/// The consumer groups that this broker knows, and how it treats them.
///
/// One lock, never held while another one is taken. Loops keep what they found until ``version`` moves.
final class GroupTable: Sendable {
    private struct Contents {
        var groups: [ByteText: SubscriptionGroupConfig] = [:]
        var dataVersion: DataVersion
    }

    private let contents: Mutex<Contents>
    private let clock: WallClock
    private let changes = Atomic<UInt64>(1)

    init(clock: WallClock) {
        let builtIn = SystemGroup.builtIn.map { (ByteText($0), SubscriptionGroupConfig(groupName: $0)) }
        contents = Mutex(Contents(groups: Dictionary(builtIn) { $1 }, dataVersion: DataVersion(clock: clock)))
        self.clock = clock
    }

    var version: UInt64 { changes.load(ordering: .acquiring) }

    subscript(name: String) -> SubscriptionGroupConfig? { contents.withLock { $0.groups[name] } }

    var names: [String] { contents.withLock { $0.groups.keys.map(\.text) } }

    var table: SubscriptionGroupTable {
        contents.withLock { SubscriptionGroupTable(groups: $0.groups, dataVersion: $0.dataVersion) }
    }

    func load(_ table: SubscriptionGroupTable) {
        contents.withLock { contents in
            contents.groups.merge(table.groups) { $1 }
            contents.dataVersion = table.dataVersion
        }
        changes.wrappingAdd(1, ordering: .acquiringAndReleasing)
    }

    func put(_ config: SubscriptionGroupConfig) {
        change { $0.groups[config.groupName] = config; return true }
    }

    /// - Returns: the group that is there now, and whether it is new.
    func add(_ config: SubscriptionGroupConfig) -> (config: SubscriptionGroupConfig, isNew: Bool) {
        var found = config
        let isNew = change { contents in
            if let existing = contents.groups[config.groupName] {
                found = existing
                return false
            }
            contents.groups[config.groupName] = config
            return true
        }
        return (found, isNew)
    }

    @discardableResult
    func remove(_ name: String) -> Bool {
        change { $0.groups.removeValue(forKey: name) != nil }
    }

    @discardableResult
    private func change(_ body: (inout Contents) -> Bool) -> Bool {
        let now = clock.now()
        let changed = contents.withLock { contents in
            guard body(&contents) else { return false }
            contents.dataVersion.advance(now: now)
            return true
        }
        if changed { changes.wrappingAdd(1, ordering: .acquiringAndReleasing) }
        return changed
    }
}
