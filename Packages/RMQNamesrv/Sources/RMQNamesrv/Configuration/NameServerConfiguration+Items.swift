public import RMQCommon
import RMQRemoting

/// Why an update command changed nothing.
enum ConfigurationUpdateError: Error, Equatable, CustomStringConvertible {
    /// The key must not change by command.
    case notChangeable(key: String)
    case badValue(ConfigurationError)

    var isRefusal: Bool {
        if case .notChangeable = self { true } else { false }
    }

    var description: String {
        switch self {
        case .notChangeable: "Can not update config in black list."
        case .badValue(let error): "\(error)"
        }
    }
}

extension NameServerConfiguration {
    /// Takes over the items of a `-c` file. Keys that nothing here knows are kept in ``unknownItems``.
    public mutating func apply(_ items: [(key: String, value: String)]) throws(ConfigurationError) {
        for (key, value) in items {
            if let item = ConfigurationItem.byName[key] {
                try item.apply(&self, value.trimmed)
            } else {
                unknownItems[key] = value
            }
        }
    }

    /// Takes over what the update command sends: all of it, or nothing when an item is refused.
    ///
    /// Only keys on the allow-list of ``ConfigurationItem`` change, less those of ``configBlackList``. A key that is
    /// neither known nor in the `-c` file is dropped without complaint, as at the reference.
    mutating func update(_ items: [(key: String, value: String)]) throws(ConfigurationUpdateError) {
        let refused = configBlackList.split(separator: ";").map(String.init)
        for (key, _) in items {
            let isAllowed = ConfigurationItem.byName[key].map { $0.change != .never } ?? (unknownItems[key] == nil)
            guard isAllowed, !refused.contains(key) else { throw .notChangeable(key: key) }
        }
        var changed = self
        do throws(ConfigurationError) {
            for (key, value) in items { try ConfigurationItem.byName[key]?.apply(&changed, value.trimmed) }
        } catch {
            throw .badValue(error)
        }
        self = changed
    }

    /// Every item that has a value: the known keys in the reference's order, then the unknown ones.
    var items: [(key: String, value: String)] {
        let known = ConfigurationItem.all.compactMap { item in item.text(self).map { (key: item.name, value: $0) } }
        return known + unknownItems.sorted { $0.key < $1.key }.map { (key: $0.key, value: $0.value) }
    }

    /// The keys that somebody set to something else than their default although they do nothing here.
    var itemsWithoutEffect: [String] {
        let defaults = NameServerConfiguration(userHome: "")
        return ConfigurationItem.all.filter { ConfigurationItem.withoutEffect.contains($0.name) && $0.text(self) != $0.text(defaults) }.map(\.name)
    }

    /// `key=value` lines, unescaped: what the configuration request answers and the file on disk holds.
    var text: String { PropertiesText.format(items) }

    /// The network part, as the listener takes it.
    var server: ServerConfiguration {
        ServerConfiguration(
            listenAddress: bindAddress, port: listenPort, idleTimeout: .seconds(Int64(serverChannelMaxIdleTimeSeconds)))
    }
}

extension String {
    /// Without the blanks at both ends that an editor leaves.
    fileprivate var trimmed: String {
        let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        guard let first = firstIndex(where: { !isBlank($0) }), let last = lastIndex(where: { !isBlank($0) }) else { return "" }
        return String(self[first...last])
    }
}
