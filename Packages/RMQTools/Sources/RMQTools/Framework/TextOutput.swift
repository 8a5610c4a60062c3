internal import Glibc
import RMQCommon
import Synchronization

/// Where a command prints to.
public protocol TextOutput: Sendable {
    /// What a command prints; has its own line feeds.
    func write(_ text: String)
    /// What went wrong; has its own line feeds.
    func writeError(_ text: String)
    /// Columns of the terminal that standard output is; nil when it is none.
    var width: Int? { get }
    /// Lines of the terminal that standard output is; nil when it is none.
    var height: Int? { get }
    /// Columns of the terminal that standard error is; nil when it is none, and no progress can be shown.
    var progressWidth: Int? { get }
}

extension TextOutput {
    public var width: Int? { nil }
    public var height: Int? { nil }
    public var progressWidth: Int? { nil }
}

/// Standard output and standard error.
public struct ConsoleOutput: TextOutput {
    public init() {}

    public func write(_ text: String) { Console.write(text) }
    public func writeError(_ text: String) { Console.writeError(text) }
    public var width: Int? { Self.size(of: STDOUT_FILENO)?.columns }
    public var height: Int? { Self.size(of: STDOUT_FILENO)?.rows }
    public var progressWidth: Int? { Self.size(of: STDERR_FILENO)?.columns }

    /// A terminal that does not know its size counts as 80 by 24.
    private static func size(of descriptor: Int32) -> (columns: Int, rows: Int)? {
        guard isatty(descriptor) == 1 else { return nil }
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else { return (80, 24) }
        return (Int(size.ws_col), Int(size.ws_row))
    }
}

/// Keeps what is printed, for tests and for programs that use the commands as a library.
public final class CapturedOutput: TextOutput {
    private let texts = Mutex<(output: String, errors: String)>(("", ""))
    public let width: Int?
    public let height: Int?
    public let progressWidth: Int?

    /// Without sizes it is no terminal.
    public init(width: Int? = nil, height: Int? = nil, progressWidth: Int? = nil) {
        self.width = width
        self.height = height
        self.progressWidth = progressWidth
    }

    public func write(_ text: String) { texts.withLock { $0.output += text } }
    public func writeError(_ text: String) { texts.withLock { $0.errors += text } }

    /// All that was printed so far.
    public var output: String { texts.withLock { $0.output } }
    /// All that was printed as an error so far.
    public var errors: String { texts.withLock { $0.errors } }
}
