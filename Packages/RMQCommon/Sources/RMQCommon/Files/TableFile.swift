/// The tables that programs keep as JSON: one object in a file, its entries read one by one.
///
/// A file that says nothing (blanks, `null`, an empty list) counts as one that is not there.
public enum TableFile {
    /// Reads the file at `path`, or its backup; see ``SmallFile/loadWithBackup(_:logger:parse:)``.
    ///
    /// - Parameters:
    ///   - logger: hears of each entry that `read` left out or corrected.
    ///   - read: makes a value of the file's object. It throws only when nothing can be made of the whole.
    /// - Returns: nil when neither file says anything.
    public static func load<Value>(
        _ path: String, logger: Logger = .silent, read: (JSONObject, inout EntryReport) throws -> Value
    ) throws -> Value? {
        var report = EntryReport()
        let value = try SmallFile.loadWithBackup(path, logger: logger) { bytes -> Value? in
            report = EntryReport()
            guard bytes.contains(where: { $0 > 0x20 || $0 == 0 }) else { return nil }
            let json = try JSONValue(parsing: bytes)
            if json.isNull || json.asArray?.isEmpty == true { return nil }
            return try read(json.requireObject("the file"), &report)
        }
        report.log(path, to: logger)
        return value
    }
}
