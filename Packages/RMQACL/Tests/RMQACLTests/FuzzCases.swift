import RMQCommon

/// How often tests damage their input, and how.
enum FuzzCases {
    /// `RMQ_FUZZ_CASES` of the environment; a few seconds' worth without.
    static let count = Environment.value("RMQ_FUZZ_CASES").flatMap { Int($0) } ?? 5_000

    /// `bytes` with one to four damages behind `start`: bits, bytes, pieces that are missing, twice, or of another input.
    static func damaged(_ bytes: [UInt8], from start: Int = 0, others: [[UInt8]], _ random: inout some RandomNumberGenerator) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<[1, 1, 1, 2, 4].randomElement(using: &random)! {
            guard bytes.count > start else { break }
            let place = Int.random(in: start..<bytes.count, using: &random)
            let end = min(bytes.count, place + Int.random(in: 1...16, using: &random))
            switch Int.random(in: 0..<5, using: &random) {
            case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1: bytes[place] = UInt8.random(in: 0...255, using: &random)
            case 2: bytes.removeSubrange(place..<end)
            case 3: bytes.insert(contentsOf: Array(bytes[place..<end]), at: place)
            default:
                let other = others.randomElement(using: &random)!
                guard other.count > start else { continue }
                let from = Int.random(in: start..<other.count, using: &random)
                bytes.replaceSubrange(place..<end, with: other[from..<min(other.count, from + 32)])
            }
        }
        return bytes
    }
}
