internal import RMQCommon
public import Testing

/// The same numbers for the same seed, everywhere (SplitMix64).
///
///     var random = SeededRandom(seed: 7)        // always these numbers
///     var random = try SeededRandom.replayable(7)   // these, or those of the seed that the environment gives
public struct SeededRandom: RandomNumberGenerator, Sendable {
    /// Gives the tests of ``replayable(_:sourceLocation:)`` another seed: a number, or `random` for a new one in each run.
    public static let variable = "RMQ_TEST_SEED"

    private var state: UInt64

    /// Equal seeds give equal numbers.
    public init(seed: UInt64) { state = seed }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// The numbers of `seed`, or of the seed in `RMQ_TEST_SEED`. What is used is printed, so that a failure can be replayed.
    /// - Throws: a failed expectation when the variable holds neither a number nor `random`.
    public static func replayable(_ seed: UInt64, sourceLocation: SourceLocation = #_sourceLocation) throws -> SeededRandom {
        let used: UInt64
        switch Environment.value(variable) {
        case nil: used = seed
        case "random": used = .random(in: 0 ... .max)
        case let text?: used = try #require(UInt64(text), "\(variable) is neither a number nor `random`", sourceLocation: sourceLocation)
        }
        print("\(sourceLocation): seed \(used); \(variable)=\(used) replays it")
        return SeededRandom(seed: used)
    }
}
