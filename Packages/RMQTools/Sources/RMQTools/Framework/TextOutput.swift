import Glibc
import Synchronization

/// Where a command prints to.
public protocol TextOutput: Sendable {
    func write(_ text: String)
    func writeError(_ text: String)
}

/// Standard output and standard error.
public struct ConsoleOutput: TextOutput {
    public init() {}

    public func write(_ text: String) { writeAll(text, to: STDOUT_FILENO) }
    public func writeError(_ text: String) { writeAll(text, to: STDERR_FILENO) }

    private func writeAll(_ text: String, to descriptor: Int32) {
        var text = text
        text.withUTF8 { bytes in
            var rest = UnsafeRawBufferPointer(bytes)
            while !rest.isEmpty {
                let written = Glibc.write(descriptor, rest.baseAddress, rest.count)
                if written < 0 && errno == EINTR { continue }
                // Nobody reads any more (a closed pipe): there is no one left to tell.
                guard written > 0 else { return }
                rest = UnsafeRawBufferPointer(rebasing: rest[written...])
            }
        }
    }
}

/// Keeps what is printed, for tests and for programs that use the commands as a library.
public final class CapturedOutput: TextOutput {
    private let texts = Mutex<(output: String, errors: String)>(("", ""))

    public init() {}

    public func write(_ text: String) { texts.withLock { $0.output += text } }
    public func writeError(_ text: String) { texts.withLock { $0.errors += text } }

    public var output: String { texts.withLock { $0.output } }
    public var errors: String { texts.withLock { $0.errors } }
}
