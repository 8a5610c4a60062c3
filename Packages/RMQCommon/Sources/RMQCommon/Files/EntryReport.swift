/// What was wrong with single entries of a file that is used all the same: such an entry is left out or corrected, and the log
/// says so with the file, the entry and its value, for the next change writes the file without it.
public struct EntryReport: Sendable {
    /// Entries that are described; more are only counted. A file of a million bad entries must not fill the disk with a log.
    public static let describedLimit = 100
    /// Bytes of a value that are shown.
    private static let shownBytes = 200

    /// One sentence for each of the first entries.
    public private(set) var lines: [String] = []
    /// Entries that were left out or corrected, those without a line included.
    public private(set) var count = 0

    public init() {}

    /// The entry is not used.
    public mutating func leaveOut(_ entry: String, _ value: JSONValue, because reason: String) {
        add("entry \(Self.shown(.string(entry))) is left out: \(reason), its value is \(Self.shown(value))")
    }

    /// The entry is used with another value than the file's.
    public mutating func correct(_ entry: String, _ value: JSONValue, to corrected: JSONValue, because reason: String) {
        add("entry \(Self.shown(.string(entry))) is corrected from \(Self.shown(value)) to \(Self.shown(corrected)): \(reason)")
    }

    /// Reads an entry, or leaves it out when `read` cannot.
    public mutating func read<Value>(
        _ entry: String, _ value: JSONValue, _ read: (JSONValue) throws(JSONError) -> Value
    ) -> Value? {
        do {
            return try read(value)
        } catch {
            leaveOut(entry, value, because: "\(error)")
            return nil
        }
    }

    /// Writes what there is to say about the file at `path`.
    public func log(_ path: String, to logger: Logger) {
        for line in lines { logger.warning("\(path): \(line)") }
        if count > lines.count { logger.warning("\(path): \(count - lines.count) more entries are left out or corrected") }
    }

    private mutating func add(_ line: String) {
        count += 1
        if lines.count < Self.describedLimit { lines.append(line) }
    }

    /// JSON has no control characters, so that a value cannot forge lines of the log.
    private static func shown(_ value: JSONValue) -> String {
        let bytes = value.bytes(.fastjson)
        return String(decoding: bytes.prefix(shownBytes), as: UTF8.self) + (bytes.count > shownBytes ? "…" : "")
    }
}
