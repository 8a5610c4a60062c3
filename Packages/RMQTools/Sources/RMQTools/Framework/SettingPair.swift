import RMQCommon

/// A key and a value that travel as a line `key=value`, and so must not break it.
struct SettingPair {
    let key: String
    let value: String

    /// Takes them from `-k` and `-v`.
    init(_ options: CommandOptions) throws(CommandFailure) {
        key = options.required("k")
        value = options.required("v")
        let isWord = !key.isEmpty && key.unicodeScalars.allSatisfy { !$0.properties.isWhitespace && !"=:#!\\".unicodeScalars.contains($0) }
        guard isWord else { throw .usage("-k takes the name of one setting, such as fileReservedTime, not \"\(key)\".") }
        guard value.utf8.allSatisfy({ $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }) else {
            throw .usage("-v takes a value on one line; that of \(key) has several.")
        }
    }
}
