import RMQCommon

/// Why a change of the key-value configuration was refused.
enum KeyValueError: Error, Equatable, CustomStringConvertible {
    case tooLarge(bytes: Int, limit: Int)

    var description: String {
        switch self {
        case .tooLarge(let bytes, let limit): "the key-value configuration would have \(bytes) bytes, its limit is \(limit)"
        }
    }
}

/// The file that keeps the ``KeyValueTable``.
enum KeyValueFile {
    /// The table of `path`. A missing file is an empty table; an unreadable one falls back to its `.bak`, and when
    /// that is no better, the server starts with an empty table and leaves the file beside it as `.damaged`.
    static func load(_ path: String, logger: Logger) -> KeyValueTable {
        do {
            guard let bytes = try SmallFile.read(path) else { return KeyValueTable() }
            let table = try KeyValueTable(json: JSONValue(parsing: bytes))
            logger.info("load KV config table OK")
            return table
        } catch {
            logger.warning("cannot load KV config from \(path): \(error)")
        }
        do {
            guard let bytes = try SmallFile.read(path + ".bak") else { throw JSONError.missing(property: "configTable") }
            let table = try KeyValueTable(json: JSONValue(parsing: bytes))
            logger.warning("loaded KV config from \(path).bak, which lacks the last change")
            return table
        } catch {
            logger.error("starting without KV config: \(path).bak is of no use either: \(error)")
        }
        do {
            try FileSystem.rename(path, to: path + ".damaged")
            logger.error("the damaged file is kept as \(path).damaged")
        } catch {
            logger.error("the damaged file stays where it is and the next change replaces it: \(error)")
        }
        return KeyValueTable()
    }
}
