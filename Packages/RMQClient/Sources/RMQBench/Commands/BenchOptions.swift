import RMQCommon

/// The words behind a command: `--name value` pairs, `--flag`s, and `--name=value`.
struct BenchOptions {
    private var values: [ByteText: String] = [:]
    private var used: Set<ByteText> = []

    /// - Parameter flags: names that take no value.
    init(_ words: some Sequence<String>, flags: Set<ByteText>) throws(BenchError) {
        var words = Array(words)[...]
        while let word = words.popFirst() {
            guard let option = word.droppingBytePrefix("--") else { throw BenchError(misuse: "'\(word)' is not an option; options begin with --") }
            let parts = option.split(ascii: "=", most: 1)
            guard let name = parts.first else { throw BenchError(misuse: "'\(word)' names no option") }
            if parts.count == 2 {
                values[name] = parts[1]
            } else if flags.contains(name) {
                values[name] = "true"
            } else {
                guard let value = words.popFirst() else { throw BenchError(misuse: "--\(name) needs a value") }
                values[name] = value
            }
        }
    }

    mutating func text(_ name: String) -> String? {
        used.insert(name)
        return values[name]
    }

    mutating func text(_ name: String, default fallback: String) -> String { text(name) ?? fallback }

    mutating func flag(_ name: String) -> Bool { text(name).isExactly("true") }

    mutating func number(_ name: String, in range: ClosedRange<Int>) throws(BenchError) -> Int? {
        guard let text = text(name) else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw BenchError(misuse: "--\(name) is '\(text)', allowed is a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    mutating func number(_ name: String, default fallback: Int, in range: ClosedRange<Int>) throws(BenchError) -> Int {
        try number(name, in: range) ?? fallback
    }

    /// Call it after all others: a misspelt option must not be ignored.
    func checkAllUsed() throws(BenchError) {
        let unknown = values.keys.filter { !used.contains($0) }.sorted()
        guard unknown.isEmpty else { throw BenchError(misuse: "this command has no option --\(unknown[0])") }
    }
}
