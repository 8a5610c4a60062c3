public import RMQCommon

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
    /// - Returns: a warning for each key that is unknown or has no effect, and each value that is not allowed and is replaced.
    /// - Throws: for the first value that is not allowed and must not be replaced.
    public mutating func apply(_ items: [(key: String, value: String)]) throws(ConfigurationError) -> [String] {
        let report = try Self.settings.apply(items, to: &self)
        for (key, value) in report.unknown { unknownItems[key] = value }
        return report.warnings
    }

    /// Takes over what the update command sends: all of it, or nothing when an item is refused.
    ///
    /// Only keys whose rows allow it change, less those of ``configBlackList``. A key that is neither known nor in the `-c` file is
    /// dropped without complaint, as at the reference.
    mutating func update(_ items: [(key: String, value: String)]) throws(ConfigurationUpdateError) {
        let refused = configBlackList.split(ascii: ";").map { Configuration.trimmed($0) }
        for (key, _) in items {
            let isAllowed = Self.settings[key].map { $0.takesEffect != .never } ?? (unknownItems[key] == nil)
            guard isAllowed, !refused.containsExactly(key) else { throw .notChangeable(key: key) }
        }
        var changed = self
        do throws(ConfigurationError) {
            for (key, value) in items {
                if let setting = Self.settings[key] { try Self.settings.set(setting, value, in: &changed) }
            }
        } catch {
            throw .badValue(error)
        }
        self = changed
    }

    /// Every item that has a value: the known keys in the reference's order, then the unknown ones.
    var items: [(key: String, value: String)] { items(withSecrets: false) }

    private func items(withSecrets: Bool) -> [(key: String, value: String)] {
        Self.settings.pairs(of: self, withSecrets: withSecrets) + unknownItems.sorted { $0.key < $1.key }.map { (key: $0.key.text, value: $0.value) }
    }

    /// `key=value` lines, unescaped: what the configuration request answers.
    var text: String { PropertiesText.format(items) }

    /// The same with passwords: what the file on disk holds.
    var fileText: String { PropertiesText.format(items(withSecrets: true)) }
}
