internal import Synchronization

/// From which level on records are written: `INFO`, or with exceptions for some categories `INFO;RocketmqStore=DEBUG`.
public struct LogVerbosity: Sendable, Equatable {
    /// Of every category without one of its own.
    public var level: LogLevel
    /// The categories that have one of their own.
    public var exceptions: [ByteText: LogLevel] = [:]

    /// Far more than there are logs.
    private static let exceptionLimit = 64

    public init(_ level: LogLevel = .info) { self.level = level }

    /// Nil for anything else.
    public init?(parsing text: String) {
        let parts = text.split(ascii: ";").map { Configuration.trimmed($0) }
        guard let first = parts.first.flatMap({ LogLevel($0) }), parts.count <= Self.exceptionLimit else { return nil }
        level = first
        for part in parts.dropFirst() {
            let pair = part.split(ascii: "=").map { Configuration.trimmed($0) }
            guard pair.count == 2, let level = LogLevel(pair[1]), pair[0].utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
            exceptions[pair[0]] = level
        }
    }

    /// As it is parsed, the exceptions in the order of their names.
    public var text: String {
        ([level.text] + exceptions.sorted { $0.key < $1.key }.map { "\($0.key.text)=\($0.value.text)" }).joined(separator: ";")
    }

    func level(of category: String) -> LogLevel { exceptions[category] ?? level }
}

/// The levels of all loggers that were made from one; they may change while the program runs.
final class LogThresholds: Sendable {
    /// That of one category: what a logger asks before it makes a record.
    final class Threshold: Sendable {
        private let level: Atomic<Int>

        init(_ level: LogLevel) { self.level = Atomic(level.rawValue) }

        var current: LogLevel { LogLevel(rawValue: level.load(ordering: .relaxed)) ?? .off }
        func set(_ level: LogLevel) { self.level.store(level.rawValue, ordering: .relaxed) }
    }

    private struct State {
        var verbosity: LogVerbosity
        var thresholds: [ByteText: Threshold] = [:]
    }

    private let state: Mutex<State>

    init(_ verbosity: LogVerbosity) { state = Mutex(State(verbosity: verbosity)) }

    func threshold(of category: String) -> Threshold {
        state.withLock { state in
            if let known = state.thresholds[category] { return known }
            let made = Threshold(state.verbosity.level(of: category))
            state.thresholds[category] = made
            return made
        }
    }

    func set(_ verbosity: LogVerbosity) {
        state.withLock { state in
            state.verbosity = verbosity
            for (category, threshold) in state.thresholds { threshold.set(verbosity.level(of: category.text)) }
        }
    }
}
