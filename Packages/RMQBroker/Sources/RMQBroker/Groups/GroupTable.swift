import RMQCommon
import RMQRemoting

/// The consumer groups that this broker knows, and how it treats them.
final class GroupTable: Sendable {
    private let groups: VersionedTable<[ByteText: SubscriptionGroupConfig]>

    init(clock: WallClock) {
        let builtIn = SystemGroup.builtIn.map { (ByteText($0), SubscriptionGroupConfig(groupName: $0)) }
        groups = VersionedTable(Dictionary(builtIn) { $1 }, clock: clock)
    }

    var version: UInt64 { groups.version }

    subscript(name: String) -> SubscriptionGroupConfig? { groups.withLock { groups, _ in groups[name] } }

    var names: [String] { groups.withLock { groups, _ in groups.keys.map(\.text) } }

    var table: SubscriptionGroupTable { groups.withLock { SubscriptionGroupTable(groups: $0, dataVersion: $1) } }

    func load(_ table: SubscriptionGroupTable) {
        groups.load(table.dataVersion) { $0.merge(table.groups) { $1 } }
    }

    /// Takes over a master's table, but for the groups that every broker has by itself.
    /// - Returns: false when this table has that version already.
    func replace(with table: SubscriptionGroupTable) -> Bool {
        guard groups.withLock({ $1 }) != table.dataVersion else { return false }
        groups.load(table.dataVersion) { groups in
            let builtIn = SystemGroup.builtIn.compactMap { groups[$0] }
            groups = table.groups
            for group in builtIn where groups[group.groupName] == nil { groups[group.groupName] = group }
        }
        return true
    }

    func put(_ config: SubscriptionGroupConfig) {
        groups.change { groups in
            groups[config.groupName] = config
            return true
        }
    }

    /// Adds a group unless one of that name exists.
    /// - Parameter limit: most groups.
    /// - Returns: the group that is there now, and whether it is new; nil when there are too many.
    func add(_ config: SubscriptionGroupConfig, limit: Int) -> (config: SubscriptionGroupConfig, isNew: Bool)? {
        var found: SubscriptionGroupConfig?
        let version = groups.change { groups in
            found = groups[config.groupName]
            guard found == nil, groups.count < limit else { return false }
            groups[config.groupName] = config
            return true
        }
        return (found ?? (version == nil ? nil : config)).map { ($0, version != nil) }
    }

    /// Lets a group consume no more.
    /// - Returns: false when there is no such group, or it may not consume already.
    func disable(_ name: String) -> Bool {
        groups.change { groups in
            guard groups[name]?.consumeEnabled == true else { return false }
            groups[name]?.consumeEnabled = false
            return true
        } != nil
    }

    @discardableResult
    func remove(_ name: String) -> Bool {
        groups.change { $0.removeValue(forKey: name) != nil } != nil
    }
}
