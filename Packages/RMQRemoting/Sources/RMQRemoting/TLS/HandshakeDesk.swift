import RMQCommon
import Synchronization

/// Where the handshakes of a server or a client are done, counted and, when they fail, told.
final class HandshakeDesk: Sendable {
    /// Handshakes under way at once, with what they hold some 200 MB at most; one more is refused.
    static let mostAtOnce = 4_096
    /// How long a handshake may take.
    static let timeLimit = Duration.seconds(10)
    /// Two are as many as the processors of the smallest server; a handshake waits for nothing but them.
    private static let threads = 2

    private let workers: WorkerPool
    private let underWay = Atomic<Int>(0)
    private let logger: Logger
    private let lines = LineAllowance()

    init(name: String, logger: Logger) {
        workers = WorkerPool(name: name, threadLimit: Self.threads, queueLimit: Self.mostAtOnce)
        self.logger = logger
    }

    /// False when there are too many.
    func begin() -> Bool {
        if underWay.wrappingAdd(1, ordering: .relaxed).newValue <= Self.mostAtOnce { return true }
        end()
        return false
    }

    func end() { underWay.wrappingSubtract(1, ordering: .relaxed) }

    /// False when it is not done.
    func run(_ step: @escaping @Sendable () -> Void) -> Bool { workers.run(step) }

    /// One line for a connection that ended by TLS; for some of them when they are many.
    func report(_ remote: HostAddress, _ reason: String) {
        guard let leftOut = lines.take(now: .now) else { return }
        logger.warning("closed \(remote): TLS: \(reason)" + (leftOut > 0 ? " (and \(leftOut) such lines were left out)" : ""))
    }

    func stop() { workers.stop() }
}

/// How many lines a log gets of what strangers cause: they must not fill the disk.
final class LineAllowance: Sendable {
    /// Enough to see what is wrong.
    private static let lines = 20
    private static let period = Duration.seconds(10)

    private struct State {
        var end = MonotonicInstant.now
        var left = 0
        var leftOut = 0
    }
    private let state = Mutex(State())

    /// Nil when the line is to be left out; else how many were, since the last one that was not.
    func take(now: MonotonicInstant) -> Int? {
        state.withLock { state in
            if now >= state.end { (state.end, state.left) = (now + Self.period, Self.lines) }
            guard state.left > 0 else {
                state.leftOut += 1
                return nil
            }
            state.left -= 1
            defer { state.leftOut = 0 }
            return state.leftOut
        }
    }
}
