import RMQCommon

/// What a person who misspelt a word may have meant.
enum Suggestion {
    /// The word nearest to `word`: at most a third of its letters, and no more than three, are wrong, missing, too many or swapped.
    static func nearest(to word: String, among words: some Sequence<String>) -> String? {
        let given = folded(word)
        let allowed = max(1, min(3, given.count / 3))
        let measured = words.map { (word: $0, distance: distance(given, folded($0))) }
        return measured.filter { $0.distance <= allowed }.min { $0.distance < $1.distance }?.word
    }

    private static func folded(_ word: String) -> [UInt8] {
        word.utf8.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 + 32 : $0 }
    }

    /// Restricted Damerau-Levenshtein: insertions, deletions, substitutions, and swaps of neighbours.
    static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        // Nothing that long is a misspelt name, and the table grows with the product.
        guard left.count <= 64, right.count <= 64 else { return .max }
        var rows = [Array(0...right.count)]
        for (row, letter) in left.enumerated() {
            var current = [row + 1]
            for (column, other) in right.enumerated() {
                var best = min(rows[row][column] + (letter == other ? 0 : 1), rows[row][column + 1] + 1, current[column] + 1)
                if row > 0, column > 0, letter == right[column - 1], left[row - 1] == other {
                    best = min(best, rows[row - 1][column - 1] + 1)
                }
                current.append(best)
            }
            rows.append(current)
        }
        return rows[left.count][right.count]
    }
}

extension Suggestion {
    /// Why a command line was refused, and what may have been meant; one line.
    static func text(for refusal: CommandOptions.Refusal, command: any AdminCommand) -> String {
        let options = command.options + CommandOption.common
        let hint: String
        switch refusal {
        case .unknownOption(let word) where word.hasBytePrefix("--"):
            let name = word.droppingBytePrefix("--") ?? word
            let own = ToolOptions.names.compactMap { $0.droppingBytePrefix("--") }
            hint = nearest(to: name.cut(atFirst: "=")?.before ?? name, among: options.map(\.long) + own)
                .map { "; did you mean --\($0)?" } ?? ""
        case .missingOption(let short): hint = options.first { $0.short == short }.map { " (--\($0.long): \($0.text))" } ?? ""
        default: hint = ""
        }
        return "\(command.name): \(refusal)\(hint)\n"
    }
}
