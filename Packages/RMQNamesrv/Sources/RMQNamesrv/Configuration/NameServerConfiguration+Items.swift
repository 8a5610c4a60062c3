public import RMQRemoting

extension NameServerConfiguration {
    /// Takes over the items of a `-c` file. Keys that nothing here knows are kept in ``unknownItems``.
    public mutating func apply(_ items: [(key: String, value: String)]) throws(ConfigurationError) {
        for (key, value) in items {
            if let item = ConfigurationItem.byName[key] {
                try item.apply(&self, value)
            } else {
                unknownItems[key] = value
            }
        }
    }

    /// Takes over what the update command sends: all of it, or nothing when an item is refused.
    ///
    /// Only keys on the allow-list of ``ConfigurationItem`` change, less those of ``configBlackList``. A key that is
    /// neither known nor in the `-c` file is dropped without complaint, as at the reference.
    mutating func update(_ items: [(key: String, value: String)]) throws(ConfigurationError) {
        let refused = configBlackList.split(separator: ";").map(String.init)
        for (key, _) in items {
            let isAllowed = ConfigurationItem.byName[key].map { $0.change != .never } ?? (unknownItems[key] == nil)
            guard isAllowed, !refused.contains(key) else { throw .notChangeable(key: key) }
        }
        var changed = self
        for (key, value) in items { try ConfigurationItem.byName[key]?.apply(&changed, value) }
        self = changed
    }

    /// Every item that has a value: the known keys in the reference's order, then the unknown ones.
    var items: [(key: String, value: String)] {
        let known = ConfigurationItem.all.compactMap { item in item.text(self).map { (key: item.name, value: $0) } }
        return known + unknownItems.sorted { $0.key < $1.key }.map { (key: $0.key, value: $0.value) }
    }

    /// `key=value` lines, unescaped: what the configuration request answers and the file on disk holds.
    var text: String { items.map { "\($0.key)=\($0.value)\n" }.joined() }

    /// The network part, as the listener takes it.
    var server: ServerConfiguration {
        ServerConfiguration(
            listenAddress: bindAddress, port: listenPort, idleTimeout: .seconds(Int64(serverChannelMaxIdleTimeSeconds)))
    }
}
