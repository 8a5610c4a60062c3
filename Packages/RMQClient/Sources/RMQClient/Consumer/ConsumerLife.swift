import RMQCommon

/// The life of a push consumer.
///
///     idle ──first use──► running ──close──► closing ──all settled──► closed
///      └──────────────────close──────────────▲
///
/// A value: it starts nothing and waits for nothing.
enum ConsumerLife: Sendable {
    case idle
    case running(Running)
    /// Later calls of `close` wait for the task.
    case closing(Task<Void, Never>, Mode?)
    case closed

    /// How messages are taken. One consumer does it in one way.
    enum Mode: Sendable {
        case handlers, ordered, deliveries
    }

    struct Running: Sendable {
        let mode: Mode
        /// Pulls, rebalances and stores offsets.
        let background: Task<Void, Never>
        /// Runs the handlers; nil where a loop takes deliveries.
        var handlers: Handlers?
    }

    struct Handlers: Sendable {
        let task: Task<Void, Never>
        let consumption: any Consumption
    }

    /// Why it does not start.
    enum Refusal: Error {
        case isRunning, isClosed
    }

    /// Whether it is closed or about to be.
    var isClosing: Bool {
        switch self {
        case .closing, .closed: true
        case .idle, .running: false
        }
    }

    var running: Running? {
        if case .running(let running) = self { running } else { nil }
    }

    /// How messages are taken, or were until it was closed.
    var mode: Mode? {
        switch self {
        case .running(let running): running.mode
        case .closing(_, let mode): mode
        case .idle, .closed: nil
        }
    }

    /// Begins to run; deliveries may be begun any number of times, handlers once.
    /// - Parameter begin: makes the tasks; called when nothing runs yet.
    mutating func start(_ mode: Mode, _ begin: () -> Running) throws(Refusal) {
        switch self {
        case .idle: self = .running(begin())
        case .running(let running) where running.mode == .deliveries && mode == .deliveries: break
        case .running: throw .isRunning
        case .closing, .closed: throw .isClosed
        }
    }

    /// Begins to close, the first time.
    /// - Parameter leave: makes the task that closes what runs.
    /// - Returns: what to wait for.
    mutating func close(_ leave: (Running?) -> Task<Void, Never>) -> Task<Void, Never>? {
        switch self {
        case .idle, .running:
            let task = leave(running)
            self = .closing(task, running?.mode)
            return task
        case .closing(let task, _): return task
        case .closed: return nil
        }
    }
}

/// How the messages of a consumer are handled.
protocol Consumption: Sendable {
    /// Runs handlers until there is nothing more to do or the task is cancelled.
    func run() async
    /// The queue is this consumer's from now on.
    func take(_ assigned: AssignedQueue)
    /// Handles one message out of turn. Nothing is cached, settled or sent back.
    /// - Returns: what the handler decided, in the reference's words.
    func handleDirectly(_ message: StoredMessage) async throws -> String
}
