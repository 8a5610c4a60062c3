/// Where log lines go. Called from any thread, so it must not wait for long.
public protocol LogSink: Sendable {
    /// Takes one record. Called by any thread, and must not wait long.
    func write(_ record: LogRecord)
}

/// Writes lines of one category to a sink. The message is not formatted when its level is off.
public struct Logger: Sendable {
    /// What the program's logging configuration and the line's first column go by.
    public let category: String
    private let thresholds: LogThresholds
    private let threshold: LogThresholds.Threshold
    private let sink: any LogSink
    private let clock: WallClock

    /// - Parameter level: records below it are not made, until ``setVerbosity(_:)`` says otherwise.
    public init(category: String, level: LogLevel = .info, sink: any LogSink, clock: WallClock = .system) {
        self.init(category: category, thresholds: LogThresholds(LogVerbosity(level)), sink: sink, clock: clock)
    }

    private init(category: String, thresholds: LogThresholds, sink: any LogSink, clock: WallClock) {
        self.category = category
        self.thresholds = thresholds
        threshold = thresholds.threshold(of: category)
        self.sink = sink
        self.clock = clock
    }

    /// A logger that says nothing.
    public static let silent = Logger(category: "", level: .off, sink: DiscardSink())

    /// The same sink and levels under another name.
    public func with(category: String) -> Logger { Logger(category: category, thresholds: thresholds, sink: sink, clock: clock) }

    /// From which level on records are made: by this logger, and by all that were made from it or that it was made from.
    public func setVerbosity(_ verbosity: LogVerbosity) { thresholds.set(verbosity) }

    /// Whether a record of this level would be written. Costs a load.
    public func isEnabled(_ level: LogLevel) -> Bool {
        let least = threshold.current
        return level >= least && least != .off
    }

    /// Writes a record, if its level is enabled; else the text is not even made.
    public func log(_ level: LogLevel, _ message: @autoclosure () -> String) {
        guard isEnabled(level) else { return }
        sink.write(LogRecord(time: clock.now(), level: level, category: category, message: message()))
    }

    /// For whoever looks for the cause of something.
    public func debug(_ message: @autoclosure () -> String) { log(.debug, message()) }
    /// What happens in the ordinary course.
    public func info(_ message: @autoclosure () -> String) { log(.info, message()) }
    /// Something is wrong, and the program goes on by itself.
    public func warning(_ message: @autoclosure () -> String) { log(.warning, message()) }
    /// Something failed that somebody asked for or relies on.
    public func error(_ message: @autoclosure () -> String) { log(.error, message()) }
}
