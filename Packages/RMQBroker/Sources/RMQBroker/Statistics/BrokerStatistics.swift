import RMQCommon
import RMQStore

/// What is counted of a broker's work over time, from samples.
final class BrokerStatistics: Sendable {
    static let sampleInterval = ConsumeRates.sampleInterval

    let rates = RateSamples()
    let consumeRates = ConsumeRates()
    private let offsets: ConsumerOffsets
    private let store: MessageStore
    private let clocks: Clocks

    init(offsets: ConsumerOffsets, store: MessageStore, clocks: Clocks) {
        self.offsets = offsets
        self.store = store
        self.clocks = clocks
    }

    /// To be called every ``sampleInterval``.
    func takeSample() {
        let now = clocks.monotonic.now()
        consumeRates.add(offsets.all, now: now)
        rates.add(store.statistics, now: now, day: CalendarTime.dayNumber(of: clocks.wall.now()))
    }
}
