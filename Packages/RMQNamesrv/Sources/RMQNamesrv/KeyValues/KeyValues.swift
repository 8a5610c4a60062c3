import RMQCommon
import Synchronization

/// The ``KeyValueTable`` of a running server, and its file.
///
/// Readers see a change once it is on disk. Changes are for the thread that changes files, one at a time; the lock, a leaf, is not
/// held while one is written.
final class KeyValues: Sendable {
    private let state = Mutex(KeyValueTable())
    private let path: String
    private let logger: Logger

    init(path: String, logger: Logger) {
        self.path = path
        self.logger = logger
    }

    /// A snapshot; it does not change under the reader.
    var table: KeyValueTable { state.withLock { $0 } }

    /// Reads the file.
    func load() {
        let table = KeyValueFile.load(path, logger: logger)
        state.withLock { $0 = table }
    }

    /// - Parameter value: nil: the key is absent afterwards.
    func put(namespace: String, key: String, value: String?) throws {
        var table = table
        let isNew = table.namespaces[namespace] == nil
        let old = table.put(namespace: namespace, key: key, value: value)
        guard table.byteCount <= KeyValueTable.byteLimit else {
            throw KeyValueError.tooLarge(bytes: table.byteCount, limit: KeyValueTable.byteLimit)
        }
        try replace(with: table)
        let action = old == nil ? "create new config item" : "update config item"
        logger.info(
            "putKVConfig \(isNew ? "create new Namespace and " : "")\(action), Namespace: \(namespace) Key: \(key) Value: \(value ?? "null")")
    }

    /// Writes the file also when there is nothing to remove, as the reference does.
    func remove(namespace: String, key: String) throws {
        var table = table
        let old = table.remove(namespace: namespace, key: key)
        try replace(with: table)
        if let old { logger.info("deleteKVConfig delete a config item, Namespace: \(namespace) Key: \(key) Value: \(old)") }
    }

    private func replace(with table: KeyValueTable) throws {
        try SmallFile.replace(path, with: table.json.bytes(.fastjson))
        state.withLock { $0 = table }
    }

    /// Writes the whole table to the log.
    func writeToLog() {
        for line in table.logLines { logger.info(line) }
    }
}
