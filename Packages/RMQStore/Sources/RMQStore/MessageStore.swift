import Glibc
public import RMQCommon
import Synchronization

/// Keeps messages: appends them to one log and hands them out by queue and offset.
///
///     encoder.encode(…) ─► append ──► commit log ──► consume queue ──► arrival listener
///                            │ one lock: offsets, store time, write     │ after the lock
///     read(queue, offset) ◄──┴── no lock: only what is published ◄──────┘
///
/// Opening locks the directory and recovers it; ``start()`` begins accepting; ``close()`` flushes and leaves a clean
/// directory. Everything may be called from any thread. What an append returned survives the death of the process at once;
/// a power failure after the flush interval, or, under synchronous flush, as soon as ``confirmedOffset`` covers it.
public final class MessageStore: Sendable {
    /// As the store was opened. Some of it may change since: ``currentConfiguration``.
    public let configuration: StoreConfiguration
    let settings: LiveStoreSettings
    let log: CommitLog
    let queues: QueueTable
    let roots: LogRoots
    let allocator: SegmentAllocator
    let flusher: Flusher
    let schedule: DelaySchedule
    let retention: Retention
    let diskUsage: DiskUsage
    let commit: LogCommit
    /// How far replicas have acknowledged the log.
    public let replicas: ReplicaProgress
    /// What keeps the store from taking messages.
    public let flags: RunningFlags
    let disk: DiskCalls
    let index: IndexBuilder
    let logger: Logger
    let clocks: Clocks
    /// What waits for a time, or expires, goes by this.
    let steadyClock: SteadyClock
    let appendLock = AppendLock()
    let dispatcher: Dispatcher
    let readCounters = ReadCounters()
    let failedSearches = FailedSearches()
    let progress: LogProgress
    let growth: LogGrowth
    /// See ``epoch``. Raised under the append lock.
    let epochs = Atomic<Int64>(0)
    /// When the thread in the append lock took it, in milliseconds since 1970; 0 while no thread has it.
    let lockedSince = Atomic<Int64>(0)
    let flushesSynchronously: Bool
    /// Where the log ended when the store was opened: what lies below comes from the disk.
    let inheritedEnd: Int64
    private let lifecycle: Mutex<Lifecycle>
    private let abortPath: String

    private enum Lifecycle {
        case opened(StoreLock)
        case running(StoreLock, Threads)
        case closed
    }

    private struct Threads {
        var allocator: SystemThread
        var flusher: SystemThread
        var commit: SystemThread?
    }

    /// Locks, loads and recovers the directory; makes it where there is none.
    /// - Parameters:
    ///   - diskUsage: tells how full the disks are.
    ///   - filterBitmap: computes what extension units say about filters, when they are written at all.
    public convenience init(
        _ configuration: StoreConfiguration, logger: Logger, clocks: Clocks = .system, diskUsage: DiskUsage = .system,
        filterBitmap: FilterBitmap? = nil
    ) throws(StoreError) {
        try self.init(configuration, logger: logger, clocks: clocks, diskUsage: diskUsage, disk: .system, filterBitmap: filterBitmap)
    }

    init(
        _ given: StoreConfiguration, logger: Logger, clocks: Clocks, diskUsage: DiskUsage, disk: DiskCalls,
        filterBitmap: FilterBitmap? = nil
    ) throws(StoreError) {
        let directory = try OpenedDirectory(given, filterBitmap, appendLock, disk, logger)
        let configuration = directory.configuration
        roots = directory.roots
        log = directory.log
        retention = directory.retention
        queues = directory.queues
        self.configuration = configuration
        settings = LiveStoreSettings(configuration)
        self.logger = logger
        self.clocks = clocks
        steadyClock = SteadyClock(clocks)
        self.diskUsage = diskUsage
        self.disk = disk
        inheritedEnd = log.maxOffset
        flushesSynchronously = configuration.flush == .synchronous
        flags = RunningFlags(configuration.role == .replica ? [.notRunning, .replica] : .notRunning)
        replicas = ReplicaProgress(
            required: configuration.requiredReplicas, fallBehindLimit: configuration.replicaFallBehindLimit, end: log.maxOffset)
        commit = LogCommit(flushedOffset: log.maxOffset)
        allocator = SegmentAllocator(settings: settings, roots: roots, logger: logger, disk: disk)
        dispatcher = Dispatcher(
            builder: QueueBuilder(FollowingPlacing(logger: logger), queues: queues, configuration: configuration, logger: logger), end: log.maxOffset)
        progress = LogProgress(
            log: log, commit: commit, dispatcher: dispatcher, replicas: replicas, flushesSynchronously: flushesSynchronously,
            publishesAtAppend: configuration.role == .master && configuration.mastersPublishAtAppend(requiredReplicas: configuration.requiredReplicas))
        growth = LogGrowth(progress)
        flusher = Flusher(
            path: directory.checkpointPath, checkpoint: directory.currentCheckpoint,
            mustFlushAllQueues: !directory.wasClean || directory.summary.hasWritten, disk: disk)
        schedule = DelaySchedule(path: configuration.delayOffsetPath)
        index = try IndexBuilder(
            configuration: configuration, checkpoint: directory.checkpoint, wasClean: directory.wasClean, logEnd: log.maxOffset, disk: disk, logger: logger)
        abortPath = directory.abortPath
        lifecycle = Mutex(.opened(directory.lock))
        try placeWriter()
    }

    /// Puts the writer behind the last record. Before ``start()`` only.
    private func placeWriter() throws(StoreError) {
        let end = log.maxOffset
        let last = log.snapshot.last
        let segmentBytes = Int64(configuration.segmentBytes)
        if let last, !last.isWritable, end < last.baseOffset + segmentBytes {
            throw .system(call: "open for writing", path: last.path, code: EROFS)
        }
        appendLock.withLock { placeWriter(&$0) }
    }

    /// Begins accepting messages: starts the store's threads and marks the directory as in use.
    public func start() throws(StoreError) {
        try lifecycle.withLock { (lifecycle) throws(StoreError) in
            guard case .opened(let lock) = lifecycle else { throw .notRunning }
            try flusher.begin(logStart: log.minOffset, logEnd: log.maxOffset)
            try StoreFiles.create(abortPath)
            // Without it, what a power failure leaves would look like a clean stop.
            try disk.synchronizeNames(in: configuration.rootDirectory)
            let threads = Threads(allocator: try allocator.start(), flusher: try startFlusher(), commit: try startCommitThread())
            try startIndexBuilder()
            lifecycle = .running(lock, threads)
            checkSpace()
            let now = clocks.monotonic.now()
            try retention.start { self.runRetention(since: now) }
        }
        appendLock.withLock { state in
            flags.clear(.notRunning)
            requestNextSegment(state)
        }
        guard role == .master, configuration.deliversDelayedMessages else { return }
        do {
            try startDelayedDelivery()
        } catch {
            try? close()
            throw error
        }
    }

    /// Stops accepting, flushes everything and leaves a directory that opens without recovery. The second call does nothing.
    /// - Throws: when something could not be written; the directory then opens like one after a crash.
    public func close() throws(StoreError) {
        stopDelayedDelivery()
        appendLock.withLock { state in
            flags.set(.notRunning)
            state.listener = nil
        }
        // Whatever becomes of it: who follows the log waits for nothing more.
        defer { growth.end() }
        try lifecycle.withLock { (lifecycle) throws(StoreError) in
            let previous = lifecycle
            lifecycle = .closed
            guard case .running(_, let threads) = previous else { return }
            // Somebody may have made this a master since.
            stopDelayedDelivery()
            // However this ends, no thread may go on writing.
            defer { stopIndexBuilder() }
            retention.stop()
            allocator.stop(threads.allocator)
            if let thread = threads.commit { commit.requests.stop(thread) }
            flusher.signals.stop(threads.flusher)
            if let flushFailure { throw flushFailure }
            try syncLog(to: log.maxOffset)
            // The next opening would show what is left anyway: it takes the whole log for valid.
            if !publishesAtAppend { try dispatch(below: log.maxOffset) }
            stopIndexBuilder()
            try flushEverything(leavingClean: true)
            if schedule.hasProgress { try saveDelayOffsets() }
            try StoreFiles.remove(abortPath)
        }
    }

    /// Runs `work` while the store runs: it neither closes meanwhile nor changes its role by anybody else.
    func whileRunning(_ work: () throws(StoreError) -> Void) throws(StoreError) {
        try lifecycle.withLock { (lifecycle) throws(StoreError) in
            guard case .running = lifecycle else { throw .notRunning }
            try work()
        }
    }

    /// Whether an append makes its messages readable itself; otherwise they become so later. Follows the role.
    public var publishesAtAppend: Bool { progress.publishesAtAppend }

    // MARK: Queues

    /// The queue of a topic, to be kept by the caller. One without messages exists in memory only.
    public func queueHandle(topic: String, queueId: Int32) -> QueueHandle {
        queues.findOrAdd(QueueKey(topic: topic, queueId: queueId))
    }

    /// The queue, if it has messages or somebody asked for its handle.
    public func queue(topic: String, queueId: Int32) -> ConsumeQueue? {
        queues.find(QueueKey(topic: topic, queueId: queueId))
    }

    /// The topics that have queues here, in the order of their bytes.
    public var topics: [String] { Set<ByteText>(texts: queues.all.lazy.filter(\.hasFiles).map(\.topic)).sortedTexts }

    /// The ids of a topic's queues that have messages.
    public func queueIds(of topic: String) -> [Int32] {
        queues.queues(of: topic).filter(\.hasFiles).map(\.queueId).sorted()
    }

    /// Tells about every message that became readable: its topic, queue id, the queue's new end, and its tags code.
    ///
    /// Called without the append lock: by the appending thread before `append` returns, so that two threads may call it in
    /// another order than their messages have; or, when messages become readable later than that, in their order by the
    /// thread that made them so. It must return soon and must not wait for the store.
    public typealias ArrivalListener = @Sendable (_ topic: String, _ queueId: Int32, _ newMaxOffset: Int64, _ tagCode: Int64) -> Void

    /// - Parameter hearsAppends: whether it is also told of messages that are readable when their `append` returns; whoever appends
    ///   knows of those.
    public func setArrivalListener(hearsAppends: Bool = true, _ listener: ArrivalListener?) {
        appendLock.withLock { state in
            state.listener = listener
            state.listenerHearsAppends = hearsAppends
        }
    }
}
