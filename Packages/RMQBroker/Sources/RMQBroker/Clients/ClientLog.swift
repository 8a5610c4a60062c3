import RMQCommon
import Synchronization

/// Log lines that clients cause. At most so many are written a second; the next one then says how many were left out.
final class ClientLog: Sendable {
    /// Enough for the members of a group that all come and go at once; a client that does so for ever fills no disk.
    static let linesPerSecond = 200

    private struct State {
        var began = MonotonicInstant(nanoseconds: 0)
        var count = 0
        var leftOut = 0
    }

    private let logger: Logger
    private let clock: MonotonicClock
    private let state = Mutex(State())

    init(_ logger: Logger, clock: MonotonicClock) {
        self.logger = logger
        self.clock = clock
    }

    func info(_ line: @autoclosure () -> String) { write(.info, line) }
    func warning(_ line: @autoclosure () -> String) { write(.warning, line) }

    private func write(_ level: LogLevel, _ line: () -> String) {
        guard logger.isEnabled(level), let leftOut = take() else { return }
        logger.log(level, leftOut > 0 ? "\(line()) (and \(leftOut) lines before it that are left out)" : line())
    }

    /// - Returns: how many lines were left out before this one; nil when it is left out itself.
    private func take() -> Int? {
        let now = clock.now()
        return state.withLock { state in
            if now - state.began >= .seconds(1) {
                state.began = now
                state.count = 0
            }
            guard state.count < Self.linesPerSecond else {
                state.leftOut += 1
                return nil
            }
            state.count += 1
            defer { state.leftOut = 0 }
            return state.leftOut
        }
    }
}
