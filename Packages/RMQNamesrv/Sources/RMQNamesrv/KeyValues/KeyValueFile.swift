import RMQCommon

/// The file that keeps the ``NamespaceTable``.
enum KeyValueFile {
    /// The table of `path`. A missing file is an empty table, as at the reference; a damaged one falls back to its `.bak`, and
    /// when that is no better, the server starts with an empty table. The damaged file stays beside it as `.damaged`.
    static func load(_ path: String, logger: Logger) -> NamespaceTable {
        guard FileSystem.exists(path) else { return NamespaceTable() }
        do {
            let table = try TableFile.load(path, logger: logger) { try NamespaceTable($0, &$1) }
            logger.info("load KV config table OK")
            return table ?? NamespaceTable()
        } catch {
            logger.error("starting without KV config: neither \(path) nor its .bak can be read: \(error)")
        }
        do {
            try FileSystem.rename(path, to: path + ".damaged")
            logger.error("the damaged file is kept as \(path).damaged")
        } catch {
            logger.error("the damaged file stays where it is and the next change replaces it: \(error)")
        }
        return NamespaceTable()
    }
}
