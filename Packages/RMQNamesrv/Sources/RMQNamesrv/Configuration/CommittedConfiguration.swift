import RMQCommon

/// The configuration as it is now, and its file: some keys may be changed while the server runs.
final class CommittedConfiguration: Sendable {
    private let committed: GroupCommit<NameServerConfiguration>

    /// - Parameter files: the thread that changes files.
    init(_ configuration: NameServerConfiguration, files: WorkerPool, logger: Logger) {
        // No command changes the path.
        committed = GroupCommit(configuration, path: configuration.configStorePath, files: files, logger: logger)
    }

    var current: NameServerConfiguration { committed.current }

    /// Has the items of an update command applied, all or none, together with all others that wait; see ``GroupCommit``.
    func submit(_ items: String, holding byteCount: Int, completion: @escaping GroupCommit<NameServerConfiguration>.Completion) {
        committed.submit(items, holding: byteCount, completion: completion)
    }
}

extension NameServerConfiguration: CommittedValue {
    /// - Parameter change: what an update command carries, as properties.
    mutating func apply(change: String) throws(ConfigurationUpdateError) -> [String] {
        let before = self
        try update(PropertiesText.parse(change))
        return Self.settings.all.filter { $0.differs(before, self) }.map {
            "Replace, key: \($0.key), value: \($0.text(in: before) ?? "null") -> \($0.text(in: self) ?? "null")"
        }
    }

    var fileContent: [UInt8] { Array(fileText.utf8) }
}
