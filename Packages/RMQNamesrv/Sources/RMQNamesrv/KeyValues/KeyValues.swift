import RMQCommon

/// The ``NamespaceTable`` of a running server, and its file.
final class KeyValues: Sendable {
    private let committed: GroupCommit<NamespaceTable>
    private let path: String
    private let logger: Logger

    /// - Parameter files: the thread that changes files.
    init(path: String, files: WorkerPool, logger: Logger) {
        committed = GroupCommit(NamespaceTable(), path: path, files: files, logger: logger)
        self.path = path
        self.logger = logger
    }

    /// A snapshot, of what is on disk; it does not change under the reader.
    var table: NamespaceTable { committed.current }

    /// Reads the file.
    func load() { committed.load(KeyValueFile.load(path, logger: logger)) }

    /// Has `change` made together with all others that wait; see ``GroupCommit``.
    func submit(_ change: KeyValueChange, holding byteCount: Int, completion: @escaping GroupCommit<NamespaceTable>.Completion) {
        committed.submit(change, holding: byteCount, completion: completion)
    }

    /// Writes the whole table to the log.
    func writeToLog() {
        for line in table.logLines { logger.info(line) }
    }
}
