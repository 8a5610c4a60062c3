/// Why a run could not be made or not be finished, in words for the person at the keyboard.
struct BenchError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
