import RMQCommon

/// The words behind a command: one directory, `--name value` or `--name=value`, and `--flag`s.
struct Options {
    let directory: String
    private var values: [ByteText: String] = [:]
    private var used: Set<ByteText> = []

    /// Of all commands; which of them a command takes, ``checkAllUsed()`` tells.
    private static let flags: Set<ByteText> = ["json", "body", "queues", "index", "all", "keep", "quiet"]
    private static let named: Set<ByteText> = [
        "commit-log", "limit", "index-slots", "index-entries", "delay-levels", "offset", "topic", "queue", "from", "key", "count",
    ]

    init(_ words: some Sequence<String>) throws(ToolError) {
        var words = Array(words)[...]
        var directories: [String] = []
        while let word = words.popFirst() {
            guard let option = word.droppingBytePrefix("--") else {
                directories.append(word)
                continue
            }
            let parts = option.split(ascii: "=", most: 1, keepingEmpty: true)
            if Self.flags.contains(parts[0]) {
                guard parts.count == 1 else { throw .usage("--\(parts[0]) takes no value") }
                values[parts[0]] = "true"
            } else if !Self.named.contains(parts[0]) {
                throw .usage("there is no option --\(parts[0])")
            } else if parts.count == 2 {
                values[parts[0]] = parts[1]
            } else {
                guard let value = words.popFirst() else { throw .usage("--\(parts[0]) needs a value") }
                values[parts[0]] = value
            }
        }
        guard directories.count == 1 else {
            throw .usage(directories.isEmpty ? "name the store's directory" : "one directory at a time: \(directories.joined(separator: ", "))")
        }
        directory = directories[0].isExactly("/") ? "/" : directories[0].droppingByteSuffix("/") ?? directories[0]
    }

    mutating func text(_ name: String) -> String? {
        used.insert(name)
        return values[name]
    }

    mutating func flag(_ name: String) -> Bool { text(name).isExactly("true") }

    mutating func number(_ name: String, in range: ClosedRange<Int64>) throws(ToolError) -> Int64? {
        guard let text = text(name) else { return nil }
        guard let number = Int64(text), range.contains(number) else {
            throw .usage("--\(name) is '\(text)', allowed is a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// Call it after all others: an option that another command has must not be ignored.
    func checkAllUsed() throws(ToolError) {
        let unknown = values.keys.filter { !used.contains($0) }.sorted()
        guard unknown.isEmpty else { throw .usage("this command has no option --\(unknown[0])") }
    }
}
