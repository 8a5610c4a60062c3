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

    /// The same with the time of another zone than the process's own, or in another layout.
    public func line(in zone: Zone, _ layout: LogLayout = .full) -> String {
        let safe = message.unicodeScalars.contains(where: Self.isControl)
            ? String(String.UnicodeScalarView(message.unicodeScalars.map { Self.isControl($0) ? " " : $0 })) : message
        let time = CalendarTime(milliseconds: time, zone: zone).textToTheSecond
        return switch layout {
        case .full: "\(time) \(level.text) \(category) - \(safe)"
        case .withoutCategory: "\(time) \(level.text) - \(safe)"
        case .messageAlone: "\(time) - \(safe)"
        }
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

/// What stands before the message in a line of a log file; files that tools read have less.
public enum LogLayout: Sendable {
    /// `2023-11-14 22:13:20 INFO store - message`
    case full
    /// `2023-11-14 22:13:20 INFO - message`
    case withoutCategory
    /// `2023-11-14 22:13:20 - message`
    case messageAlone
}
