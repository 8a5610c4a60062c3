/// Why a run could not be made or not be finished, in words for the person at the keyboard.
struct BenchError: Error, CustomStringConvertible {
    let description: String
    /// Whether the words behind the program's name are at fault.
    let isMisuse: Bool

    init(_ description: String) {
        self.description = description
        isMisuse = false
    }

    init(misuse description: String) {
        self.description = description
        isMisuse = true
    }
}
