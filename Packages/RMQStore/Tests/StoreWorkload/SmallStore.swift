import RMQCommon
import RMQStore

/// A store with files so small that every run rolls through several of each kind.
enum SmallStore {
    static let segmentBytes = 64 << 10

    static func configuration(_ directory: String, isSynchronous: Bool, flushInterval: Duration = .milliseconds(5)) -> StoreConfiguration {
        var configuration = StoreConfiguration(rootDirectory: directory)
        configuration.segmentBytes = segmentBytes
        configuration.consumeQueueFileBytes = 2000
        configuration.indexSlotCount = 100
        configuration.indexEntryCount = 400
        configuration.indexSaveInterval = .milliseconds(20)
        configuration.flush = isSynchronous ? .synchronous : .asynchronous
        configuration.flushInterval = flushInterval
        return configuration
    }
}

/// Numbers that a seed determines (SplitMix64).
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }

    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }
}
