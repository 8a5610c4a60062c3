/// The words behind a command: one directory, `--name value` or `--name=value`, and `--flag`s.
struct Options {
    let directory: String
    private var values: [String: String] = [:]
    private var used: Set<String> = []

    /// - Parameter flags: names that take no value.
    init(_ words: some Sequence<String>, flags: Set<String>) throws(ToolError) {
        var words = Array(words)[...]
        var directories: [String] = []
        while let word = words.popFirst() {
            guard word.hasPrefix("--") else {
                directories.append(word)
                continue
            }
            let parts = word.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            if parts.count == 2 {
                values[parts[0]] = parts[1]
            } else if flags.contains(parts[0]) {
                values[parts[0]] = "true"
            } else {
                guard let value = words.popFirst() else { throw .usage("--\(parts[0]) needs a value") }
                values[parts[0]] = value
            }
        }
        guard directories.count == 1 else {
            throw .usage(directories.isEmpty ? "name the store's directory" : "one directory at a time: \(directories.joined(separator: ", "))")
        }
        directory = directories[0].count > 1 && directories[0].hasSuffix("/") ? String(directories[0].dropLast()) : directories[0]
    }

    mutating func text(_ name: String) -> String? {
        used.insert(name)
        return values[name]
    }

    mutating func flag(_ name: String) -> Bool { text(name) == "true" }

    mutating func number(_ name: String, in range: ClosedRange<Int64>) throws(ToolError) -> Int64? {
        guard let text = text(name) else { return nil }
        guard let number = Int64(text), range.contains(number) else {
            throw .usage("--\(name) is '\(text)', allowed is a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// Call it after all others: a misspelt option must not be ignored.
    func checkAllUsed() throws(ToolError) {
        let unknown = values.keys.filter { !used.contains($0) }.sorted()
        guard unknown.isEmpty else { throw .usage("this command has no option --\(unknown[0])") }
    }
}
