import RMQCommon
import Synchronization

/// Writes the statistics to their log: at each full minute, hour and day what was counted in it, every five minutes how far groups
/// are behind; and to that of the store how fast it is.
final class StatisticsLog: Sendable {
    private static let momentMinutes = 5

    private let statistics: BrokerStatistics
    private let logger: Logger
    private let storeLogger: Logger
    private let clock: WallClock
    private let zone: Zone
    private let state = Mutex<(lastMinute: Int64?, untilMoments: Int)>((nil, 0))

    init(_ statistics: BrokerStatistics, logger: Logger, clock: WallClock, zone: Zone = .system) {
        self.statistics = statistics
        self.logger = logger.with(.statistics)
        storeLogger = logger.with(.store)
        self.clock = clock
        self.zone = zone
    }

    /// How long it is to the next full minute.
    var pause: Duration { .milliseconds(60_000 - clock.now() % 60_000) }

    /// To be called at each full minute. Called in the same one again, it does nothing.
    func write() {
        // A timer may come a moment early.
        let minute = (clock.now() + 1_000) / 60_000
        let writesMoments = state.withLock { state -> Bool? in
            guard minute != state.lastMinute else { return nil }
            state.lastMinute = minute
            defer { state.untilMoments = (state.untilMoments + Self.momentMinutes - 1) % Self.momentMinutes }
            return state.untilMoments == 0
        }
        guard let writesMoments else { return }
        let time = CalendarTime(milliseconds: minute * 60_000, zone: zone)
        write(statistics.lines(.minute))
        if time.minute == 0 { write(statistics.lines(.hour)) }
        if time.minute == 0, time.hour == 0 { write(statistics.lines(.day)) }
        if writesMoments { write(statistics.momentLines) }
        for line in statistics.storeLines { storeLogger.info(line) }
    }

    private func write(_ lines: [String]) {
        for line in lines { logger.info(line) }
    }
}
