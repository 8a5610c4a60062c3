/// How much a line matters.
public enum LogLevel: Int, Sendable, Comparable, CaseIterable {
    case debug, info, warning, error, off

    public static func < (left: LogLevel, right: LogLevel) -> Bool { left.rawValue < right.rawValue }

    /// As log files show it: `WARN`.
    public var text: String {
        switch self {
        case .debug: "DEBUG"
        case .info: "INFO"
        case .warning: "WARN"
        case .error: "ERROR"
        case .off: "OFF"
        }
    }

    /// Reads the names of both worlds, in any case.
    public init?(_ name: String) {
        switch ByteText(name.asciiLowercased) {
        case "debug", "trace": self = .debug
        case "info": self = .info
        case "warn", "warning": self = .warning
        case "error": self = .error
        case "off": self = .off
        default: return nil
        }
    }
}

/// One line of a log.
public struct LogRecord: Sendable {
    /// Milliseconds since 1970.
    public var time: Int64
    /// How grave it is; never `off`.
    public var level: LogLevel
    /// Who speaks: `store`, `remoting`. Sinks may send categories to files of their own.
    public var category: String
    /// What happened, in words; may have several lines.
    public var message: String

    public init(time: Int64, level: LogLevel, category: String, message: String) {
        self.time = time
        self.level = level
        self.category = category
        self.message = message
    }

    /// `2023-11-14 22:13:20 INFO store - message`. What the message says can neither forge a second line nor move the cursor
    /// of a terminal: names of groups may hold any character.
    public var line: String { line(in: .system) }

    /// The same with the time of another zone than the process's own.
    public func line(in zone: Zone) -> String {
        let safe = message.unicodeScalars.contains(where: Self.isControl)
            ? String(String.UnicodeScalarView(message.unicodeScalars.map { Self.isControl($0) ? " " : $0 })) : message
        return "\(CalendarTime(milliseconds: time, zone: zone).textToTheSecond) \(level.text) \(category) - \(safe)"
    }

    /// The control characters of both sets but the tab, and Unicode's own line and paragraph separators.
    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x09: false
        case 0x00...0x1F, 0x7F...0x9F, 0x2028, 0x2029: true
        default: false
        }
    }
}

/// Where log lines go. Called from any thread, so it must not wait for long.
public protocol LogSink: Sendable {
    /// Takes one record. Called by any thread, and must not wait long.
    func write(_ record: LogRecord)
}

/// Writes lines of one category to a sink. The message is not formatted when its level is off.
public struct Logger: Sendable {
    /// What the program's logging configuration and the line's first column go by.
    public let category: String
    /// Records below this are not made.
    public var level: LogLevel
    private let sink: any LogSink
    private let clock: WallClock

    public init(category: String, level: LogLevel = .info, sink: any LogSink, clock: WallClock = .system) {
        self.category = category
        self.level = level
        self.sink = sink
        self.clock = clock
    }

    /// A logger that says nothing.
    public static let silent = Logger(category: "", level: .off, sink: DiscardSink())

    /// The same sink and level under another name.
    public func with(category: String) -> Logger { Logger(category: category, level: level, sink: sink, clock: clock) }

    /// Whether a record of this level would be written.
    public func isEnabled(_ level: LogLevel) -> Bool { level >= self.level && self.level != .off }

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
