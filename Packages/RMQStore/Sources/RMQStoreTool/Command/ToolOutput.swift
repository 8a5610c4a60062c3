import Glibc
import RMQCommon

/// Where a command writes: a console, or whatever a test collects.
public struct ToolOutput: Sendable {
    /// Takes what a command finds; a text has its own line feeds.
    public let write: @Sendable (String) -> Void
    /// Takes what is wrong with the call; a text has its own line feeds.
    public let writeError: @Sendable (String) -> Void
    /// Whether somebody watches who wants to know how far long work is.
    public let showsProgress: Bool

    public init(write: @escaping @Sendable (String) -> Void, writeError: @escaping @Sendable (String) -> Void, showsProgress: Bool) {
        self.write = write
        self.writeError = writeError
        self.showsProgress = showsProgress
    }

    /// Standard output and standard error; progress when standard error is a terminal.
    public static let console = ToolOutput(
        write: { Console.write($0) }, writeError: { Console.writeError($0) }, showsProgress: isatty(STDERR_FILENO) == 1)
}

/// Says once a second how far a walk through the log is.
struct Progress {
    private let output: ToolOutput
    private let what: String
    private let total: Int64
    private var nextReport: MonotonicInstant
    private var hasWritten = false

    init(_ what: String, total: Int64, _ output: ToolOutput) {
        self.output = output
        self.what = what
        self.total = max(1, total)
        nextReport = .now + .seconds(1)
    }

    mutating func report(_ done: Int64) {
        guard output.showsProgress else { return }
        let now = MonotonicInstant.now
        guard now >= nextReport else { return }
        nextReport = now + .seconds(1)
        hasWritten = true
        output.writeError("\r\(what): \(done * 100 / total) % of \(ByteSize.of(total))")
    }

    func end() {
        if hasWritten { output.writeError("\n") }
    }
}

enum ByteSize {
    /// 1536 as `1.5 KiB`.
    static func of(_ bytes: Int64) -> String {
        if bytes < 1024 { return "\(bytes) bytes" }
        var value = Double(bytes)
        for unit in ["KiB", "MiB", "GiB"] {
            value /= 1024
            if value < 1024 { return "\(Decimal.text(value, places: 1)) \(unit)" }
        }
        value /= 1024
        return "\(Decimal.text(value, places: 1)) TiB"
    }
}
