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
