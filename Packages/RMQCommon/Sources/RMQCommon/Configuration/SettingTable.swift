/// All rows of a program's configuration, and what is done with all of them: reading a file, showing, changing.
public struct SettingTable<Root: Sendable>: Sendable {
    /// Rows that the manual shows together.
    public struct Section: Sendable {
        /// The heading above them.
        public let title: String
        /// In the order in which they are shown.
        public let settings: [Setting<Root>]

        /// Rows under a heading.
        public init(_ title: String, _ settings: [Setting<Root>]) {
            self.title = title
            self.settings = settings
        }
    }

    /// What the program is called in messages: "this broker".
    public let program: String
    /// The rows as the manual shows them.
    public let sections: [Section]
    /// Every row, in the order in which it is shown.
    public let all: [Setting<Root>]
    /// With the value of every key as it is when nobody sets it.
    public let defaults: Root
    private let indexes: [ByteText: Int]

    /// A table of all rows; no key may stand in two of them.
    public init(program: String, defaults: Root, _ sections: [Section]) {
        self.program = program
        self.defaults = defaults
        self.sections = sections
        all = sections.flatMap(\.settings)
        var indexes: [ByteText: Int] = [:]
        for (index, setting) in all.enumerated() {
            for key in [setting.key, setting.oldName].compactMap(\.self) {
                precondition(indexes.updateValue(index, forKey: ByteText(key)) == nil, "the key \(key) has two rows")
            }
        }
        self.indexes = indexes
    }

    /// The row of a key, by its name of today or its old one.
    public subscript(key: String) -> Setting<Root>? { indexes[key].map { all[$0] } }

    /// Every key that has a value, in the order of the rows.
    /// - Parameters:
    ///   - onlyImportant: those that `-m` shows.
    ///   - withSecrets: for the program's own file.
    public func pairs(of configuration: Root, onlyImportant: Bool = false, withSecrets: Bool = false) -> [(key: String, value: String)] {
        all.compactMap { setting in
            guard setting.isImportant || !onlyImportant, withSecrets || !setting.isSecret, let value = setting.read(configuration) else { return nil }
            return (setting.key, value)
        }
    }

    /// The same as `key=value` lines.
    public func text(of configuration: Root, onlyImportant: Bool = false) -> String {
        pairs(of: configuration, onlyImportant: onlyImportant).map { "\($0.key)=\($0.value)\n" }.joined()
    }
}

// MARK: - The start

/// What came of the pairs of a file.
public struct SettingReport: Sendable {
    /// One for each key that is unknown, without effect or called otherwise today, and each value that was replaced.
    public fileprivate(set) var warnings: [String] = []
    /// What no row knows.
    public fileprivate(set) var unknown: [(key: String, value: String)] = []
}

extension SettingTable {
    /// Takes over what a file says. Of equal keys the last counts, and the name that a key has today counts before its old one.
    /// - Throws: for the first value that is not allowed and stops the start.
    public func apply(_ pairs: some Sequence<(key: String, value: String)>, to configuration: inout Root) throws(ConfigurationError) -> SettingReport {
        var report = SettingReport()
        let given = Configuration(pairs)
        for (key, value) in given.pairs {
            guard let setting = self[key] else {
                report.unknown.append((key, value))
                report.warnings.append("configuration: unknown key \(key)")
                continue
            }
            if !setting.key.isExactly(key) {
                report.warnings.append("configuration: \(key) is called \(setting.key) since release 4.5.2")
                if given[setting.key] != nil { continue }
            }
            if let warning = try apply(setting, value, to: &configuration) { report.warnings.append(warning) }
        }
        return report
    }

    private func apply(_ setting: Setting<Root>, _ value: String, to configuration: inout Root) throws(ConfigurationError) -> String? {
        let only = setting.read(defaults)
        switch setting.status {
        case .refused:
            guard let only, Configuration.trimmed(value).isExactlyIgnoringCase(only) else { throw setting.badValue(value) }
            return nil
        case .honoured, .withoutEffect:
            guard setting.write(&configuration, value) else { return try replace(setting, value, in: &configuration) }
        }
        guard case .withoutEffect(_, isTold: true) = setting.status else { return nil }
        if let only, Configuration.trimmed(value).isExactlyIgnoringCase(only) { return nil }
        return "configuration: \(setting.key) has no effect in this \(program)"
    }

    private func replace(_ setting: Setting<Root>, _ value: String, in configuration: inout Root) throws(ConfigurationError) -> String {
        let error = setting.badValue(value)
        guard setting.onBadValue == .isReplaced else { throw error }
        if setting.replacement(value).map({ setting.write(&configuration, $0) }) != true { setting.copy(defaults, &configuration) }
        return "\(error); \(setting.read(configuration) ?? "") is used"
    }
}

// MARK: - While the program runs

extension SettingTable {
    /// Writes one value.
    /// - Throws: when it is not allowed; the configuration is then as it was.
    public func set(_ setting: Setting<Root>, _ value: String, in configuration: inout Root) throws(ConfigurationError) {
        guard setting.write(&configuration, value) else { throw setting.badValue(value) }
    }

    /// Takes over from `changed` what can take effect while the program runs, and nothing else.
    public func adopt(_ changed: Root, in configuration: inout Root) {
        for setting in all where setting.takesEffect == .atOnce { setting.copy(changed, &configuration) }
    }
}

extension Setting {
    fileprivate func badValue(_ value: String) -> ConfigurationError { .badValue(key: key, value: value, allowed: allowed) }
}
