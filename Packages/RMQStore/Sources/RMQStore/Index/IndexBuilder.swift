import RMQCommon
import Synchronization

/// The index of messages by key, and what wakes the thread that builds it.
///
/// The thread sleeps until the log has grown (``LogGrowth``), follows the log to its end, naps, and looks again: a busy store
/// signals once, not once per message, and an idle one wakes no thread. What is indexed lags by a nap at most.
final class IndexBuilder: Sendable {
    struct Signals {
        var hasWork = false
        var isStopping = false
        /// A file in which a query found contradictions. Stays until the index has gone back before it.
        var damagedFile: Int64?
        /// The log was cut here. Stays until the index has been cut, too.
        var cutEnd: Int64?
    }

    enum Event {
        case work
        case damage(Int64)
        case cut(Int64)
        case stop
    }

    /// How long appends may come together before the thread looks at the log again.
    static let nap = Duration.milliseconds(5)
    /// After a full disk or the like.
    static let retryDelay = Duration.seconds(5)
    /// How long a stop waits for what is not indexed yet; the rest follows at the next start.
    static let stopLimit = Duration.seconds(5)
    /// Between two looks at the signals while catching up.
    static let batchRecords = 4096

    let files: IndexFiles
    let signals = Monitor(Signals())
    /// What to do first, and where the log ended when that was decided; nil once it is done.
    let plan: Mutex<(IndexPlan, logEnd: Int64)?>
    let thread = Mutex<SystemThread?>(nil)
    /// All messages before this log offset are in the files, but for what ``Signals`` say against it.
    private let followedOffset: Atomic<Int64>

    init(
        configuration: StoreConfiguration, checkpoint: Checkpoint, wasClean: Bool, logEnd: Int64, disk: DiskCalls, logger: Logger
    ) throws(StoreError) {
        let directory = configuration.indexDirectory
        let shape = try IndexFiles.foundShape(
            in: directory, configured: IndexShape(slotCount: configuration.indexSlotCount, entryCount: configuration.indexEntryCount),
            logger: logger)
        let plan = IndexPlan(
            found: try IndexFiles.load(directory: directory, shape: shape, disk: disk, logger: logger), mark: checkpoint.index, wasClean: wasClean,
            flushedTimestamp: checkpoint.indexTimestamp, flushedOffset: checkpoint.own?.safeOffset ?? .max, logEnd: logEnd)
        files = IndexFiles(directory: directory, shape: shape, disk: disk, kept: plan.files)
        // What the plan hopes for is true once it is carried out.
        followedOffset = Atomic((plan.cut == nil && !plan.mayHaveGaps ? plan.indexedOffset : plan.files.last?.endOffset) ?? 0)
        self.plan = Mutex((plan, logEnd))
    }

    /// All messages before this log offset can be found by their keys.
    var indexedOffset: Int64 {
        signals.withLock { signals in
            signals.damagedFile == nil ? min(followedOffset.load(ordering: .acquiring), signals.cutEnd ?? .max) : 0
        }
    }

    /// The files contain what the log has before `offset`. Index thread.
    func hasFollowed(to offset: Int64) {
        followedOffset.store(offset, ordering: .releasing)
    }

    /// The files contain what the log has before `offset`, after `event` made the index go back to there. Index thread.
    func hasGoneBack(to offset: Int64, after event: Event) {
        signals.withLock { signals in
            hasFollowed(to: offset)
            switch event {
            case .cut(let end) where signals.cutEnd == end: signals.cutEnd = nil
            case .damage(let name) where signals.damagedFile == name: signals.damagedFile = nil
            default: break
            }
        }
    }

    /// Wakes the thread, unless it has been told already.
    func announce() {
        let isNews = signals.withLock { signals in
            defer { signals.hasWork = true }
            return !signals.hasWork
        }
        if isNews { signals.change { _ in } }
    }

    /// Whether the log was cut and the index not yet.
    var awaitsCut: Bool { signals.withLock { $0.cutEnd != nil } }

    func report(damaged file: IndexFile) {
        signals.change { $0.damagedFile = min(file.name, $0.damagedFile ?? .max) }
    }

    /// The log ends here now, and may grow again at once.
    func logWasCut(to end: Int64) {
        signals.change { $0.cutEnd = min(end, $0.cutEnd ?? .max) }
    }

    /// The next thing to do; nil when there is nothing within `timeout`.
    func next(timeout: Duration?, ignoringWork: Bool = false) -> Event? {
        signals.wait(timeout: timeout) { signals in
            if let end = signals.cutEnd { return .cut(end) }
            if let name = signals.damagedFile { return .damage(name) }
            if signals.isStopping { return .stop }
            guard signals.hasWork, !ignoringWork else { return nil }
            signals.hasWork = false
            return .work
        }
    }

    /// Sleeps for `timeout` whatever happens meanwhile; true at once when the store stops.
    func isStopping(within timeout: Duration) -> Bool {
        signals.wait(timeout: timeout) { $0.isStopping ? true : nil } ?? false
    }
}
