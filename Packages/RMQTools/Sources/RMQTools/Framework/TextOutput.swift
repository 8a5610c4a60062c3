import RMQCommon
import Synchronization

/// Where a command prints to.
public protocol TextOutput: Sendable {
    /// What a command prints; has its own line feeds.
    func write(_ text: String)
    /// What went wrong; has its own line feeds.
    func writeError(_ text: String)
}

/// Standard output and standard error.
public struct ConsoleOutput: TextOutput {
    public init() {}

    public func write(_ text: String) { Console.write(text) }
    public func writeError(_ text: String) { Console.writeError(text) }
}

/// Keeps what is printed, for tests and for programs that use the commands as a library.
public final class CapturedOutput: TextOutput {
    private let texts = Mutex<(output: String, errors: String)>(("", ""))

    public init() {}

    public func write(_ text: String) { texts.withLock { $0.output += text } }
    public func writeError(_ text: String) { texts.withLock { $0.errors += text } }

    /// All that was printed so far.
    public var output: String { texts.withLock { $0.output } }
    /// All that was printed as an error so far.
    public var errors: String { texts.withLock { $0.errors } }
}
