import RMQCommon
import Synchronization

/// The configuration as it is now, and its file: some keys may be changed while the server runs.
///
/// Changes are for the thread that changes files, one at a time; the lock, a leaf, is not held while one is written.
final class LiveConfiguration: Sendable {
    private let state: Mutex<NameServerConfiguration>
    private let logger: Logger

    init(_ configuration: NameServerConfiguration, logger: Logger) {
        state = Mutex(configuration)
        self.logger = logger
    }

    var current: NameServerConfiguration { state.withLock { $0 } }

    /// Applies the items of an update command, all or none, and writes the whole configuration to its file.
    func update(_ items: [(key: String, value: String)]) throws {
        let before = current
        var changed = before
        try changed.update(items)
        try SmallFile.replace(changed.configStorePath, with: Array(changed.text.utf8))
        state.withLock { $0 = changed }
        for item in ConfigurationItem.all where item.hasOtherText(in: before, than: changed) {
            logger.info("Replace, key: \(item.name), value: \(item.text(before) ?? "null") -> \(item.text(changed) ?? "null")")
        }
    }
}
