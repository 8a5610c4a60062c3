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
    /// Takes over the items of a `-c` file; of equal keys the last counts. Keys that nothing here knows are kept in
    /// ``unknownItems``.
    /// - Returns: a warning for each value that cannot be read and is replaced.
    /// - Throws: for the first value that cannot be read and must not be replaced.
    public mutating func apply(_ items: [(key: String, value: String)]) throws(ConfigurationError) -> [String] {
        var warnings: [String] = []
        for (key, value) in Configuration(items).pairs {
            guard let item = ConfigurationItem.byName[key] else {
                unknownItems[key] = value
                continue
            }
            do {
                try item.apply(&self, value)
            } catch {
                guard let fallback = item.fallback else { throw error }
                try item.apply(&self, fallback)
                warnings.append("\(error); \(fallback) is used")
            }
        }
        return warnings
    }

    /// Takes over what the update command sends: all of it, or nothing when an item is refused.
    ///
    /// Only keys on the allow-list of ``ConfigurationItem`` change, less those of ``configBlackList``. A key that is
    /// neither known nor in the `-c` file is dropped without complaint, as at the reference.
    mutating func update(_ items: [(key: String, value: String)]) throws(ConfigurationUpdateError) {
        let refused = configBlackList.split(ascii: ";").map { Configuration.trimmed($0) }
        for (key, _) in items {
            let isAllowed = ConfigurationItem.byName[key].map { $0.change != .never } ?? (unknownItems[key] == nil)
            guard isAllowed, !refused.containsExactly(key) else { throw .notChangeable(key: key) }
        }
        var changed = self
        do throws(ConfigurationError) {
            for (key, value) in items { try ConfigurationItem.byName[key]?.apply(&changed, value) }
        } catch {
            throw .badValue(error)
        }
        self = changed
    }

    /// Every item that has a value: the known keys in the reference's order, then the unknown ones.
    var items: [(key: String, value: String)] {
        let known = ConfigurationItem.all.compactMap { item in item.text(self).map { (key: item.name, value: $0) } }
        return known + unknownItems.sorted { $0.key < $1.key }.map { (key: $0.key.text, value: $0.value) }
    }

    /// The keys that somebody set to something else than their default although they do nothing here.
    var itemsWithoutEffect: [String] {
        let defaults = NameServerConfiguration(userHome: "")
        return ConfigurationItem.all.filter { ConfigurationItem.withoutEffect.contains($0.name) && $0.hasOtherText(in: self, than: defaults) }.map(\.name)
    }

    /// `key=value` lines, unescaped: what the configuration request answers and the file on disk holds.
    var text: String { PropertiesText.format(items) }

    /// The network part, as the listener takes it.
    var server: ServerConfiguration {
        ServerConfiguration(
            listenAddress: bindAddress, port: listenPort, idleTimeout: .seconds(Int64(serverChannelMaxIdleTimeSeconds)))
    }
}
