internal import CRMQSystem
internal import Glibc
internal import Synchronization

/// Drops every line.
public struct DiscardSink: LogSink {
    public init() {}
    public func write(_ record: LogRecord) {}
}

/// Writes lines to standard error, or to standard output.
///
/// Where they are not taken (a terminal stopped with Ctrl-S, a pipe whose reader hangs) one line waits a moment, and those after
/// it are dropped until there is room: a console must not stop the program.
public struct ConsoleSink: LogSink {
    private static let isStalled = Atomic<Bool>(false)
    private static let patienceMilliseconds: Int32 = 100

    private let descriptor: Int32

    /// - Parameter toStandardOutput: false writes to standard error.
    public init(toStandardOutput: Bool = false) { descriptor = toStandardOutput ? 1 : 2 }

    public func write(_ record: LogRecord) {
        var room = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        let hasRoom = poll(&room, 1, Self.isStalled.load(ordering: .relaxed) ? 0 : Self.patienceMilliseconds) != 0
        Self.isStalled.store(!hasRoom, ordering: .relaxed)
        guard hasRoom else { return }
        let bytes = [UInt8]((record.line + "\n").utf8)
        // One call, so that lines of several threads do not mix; a console that is gone is nothing to report to.
        _ = bytes.withUnsafeBytes { crmq_write(descriptor, $0.baseAddress, $0.count) }
    }
}

/// Keeps lines in memory: what a test looks at.
public final class MemorySink: LogSink {
    private let kept = Mutex<[LogRecord]>([])

    public init() {}

    public func write(_ record: LogRecord) { kept.withLock { $0.append(record) } }

    /// Everything so far, in the order in which it was written.
    public var records: [LogRecord] { kept.withLock { $0 } }
    /// The texts alone.
    public var messages: [String] { records.map(\.message) }
}

/// Sends each category to its own sink, and those without one to another.
public struct RoutingSink: LogSink {
    private let sinks: [ByteText: any LogSink]
    private let fallback: any LogSink

    /// - Parameters:
    ///   - sinks: by category.
    ///   - fallback: takes the records of every other category.
    public init(_ sinks: [ByteText: any LogSink], fallback: any LogSink) {
        self.sinks = sinks
        self.fallback = fallback
    }

    public func write(_ record: LogRecord) { (sinks[record.category] ?? fallback).write(record) }
}

/// Writes every line to two sinks.
public struct TeeSink: LogSink {
    private let first: any LogSink
    private let second: any LogSink

    /// Each record goes to `first`, then to `second`.
    public init(_ first: any LogSink, _ second: any LogSink) {
        self.first = first
        self.second = second
    }

    public func write(_ record: LogRecord) {
        first.write(record)
        second.write(record)
    }
}

/// Passes on the lines that matter at least as much as a level.
public struct LevelSink: LogSink {
    private let least: LogLevel
    private let sink: any LogSink

    /// Lets records pass to `sink` that are at least as grave as `least`.
    public init(_ least: LogLevel, _ sink: any LogSink) {
        self.least = least
        self.sink = sink
    }

    public func write(_ record: LogRecord) {
        if record.level >= least { sink.write(record) }
    }
}
