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
