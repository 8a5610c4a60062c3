import RMQCommon

/// Makes commit log files before they are needed, and has what is written to them go to the disk early, on a thread of its own.
///
///     current segment                            next segment
///     ████████████|░░░░░|                        |      |
///      on its way ^     ^ written                made when the current one is half full
///      to the disk
///
/// Files get their disk blocks when they are made: a write then needs none, and a full disk is an error here. Write-back is
/// started for each MiB, so that the next sync finds little left and the kernel's limits for unwritten pages are not reached.
/// The thread sleeps until the writer has moved on; nothing here polls.
///
/// With a warm-up (`warmMapedFileEnable`) it also faults in the pages of a segment ahead of the writer and locks them in memory.
final class SegmentAllocator: Sendable {
    private struct State {
        var current: SegmentWriter?
        /// The writer's position in `current`.
        var position = 0
        /// Write-back was started up to here.
        var writeBackEnd = 0
        /// With a warm-up: pages are there up to here, and all of them are locked in memory once it is the file's end.
        var populatedEnd = 0
        /// The base offset of the file to make.
        var wanted: Int64?
        var ready: SegmentWriter?
        var failure: StoreError?
        /// When `failure` happened; for a while it is the answer to whoever wants the same file.
        var failedAt = MonotonicInstant(nanoseconds: 0)
        /// Full, and still locked in memory.
        var locked: SegmentWriter?
        var stopping = false
        /// Something above changed since the thread looked.
        var hasWork = false
    }

    private let roots: LogRoots
    private let segmentBytes: Int
    private let logger: Logger
    private let monitor = Monitor(State())
    private let disk: DiskCalls
    private let retryPause: Duration
    /// Says whether there is a warm-up, and how much is faulted in at a time.
    private let settings: LiveStoreSettings
    /// Under synchronous flush every append's own sync does it.
    private let startsWriteBack: Bool

    init(settings: LiveStoreSettings, roots: LogRoots, logger: Logger, disk: DiskCalls) {
        let configuration = settings.current
        self.settings = settings
        self.disk = disk
        retryPause = configuration.segmentRetryPause
        self.roots = roots
        segmentBytes = configuration.segmentBytes
        startsWriteBack = configuration.flush != .synchronous
        self.logger = logger
    }

    /// How far the writer may go on before it reports again.
    var reportStep: Int { min(1 << 20, max(MappedFile.pageBytes, segmentBytes / 16)) }

    func start() throws(StoreError) -> SystemThread {
        try SystemThread.starting("store-allocate") { self.run() }
    }

    /// Tells where the writer is, and that the file at `next` will be wanted once `current` is half full: once per
    /// ``reportStep`` bytes.
    func report(current: SegmentWriter?, position: Int, next: Int64, _ held: borrowing AppendState) {
        monitor.change { state in
            if state.current !== current {
                if state.populatedEnd == segmentBytes { state.locked = state.current }
                state.current = current
                state.writeBackEnd = 0
                state.populatedEnd = position
            }
            state.position = position
            if position >= segmentBytes / 2, state.ready?.baseOffset != next { want(next, &state) }
            state.hasWork = true
        }
    }

    /// Has the file at `next` made if it is not there.
    func prepare(_ next: Int64) {
        monitor.change { state in
            if state.ready?.baseOffset != next { want(next, &state) }
        }
    }

    /// Has a file made, unless that failed just now: a full disk stays full for more than a moment.
    private func want(_ baseOffset: Int64, _ state: inout State) {
        if state.failure != nil, MonotonicInstant.now < state.failedAt + retryPause { return }
        state.wanted = baseOffset
        state.failure = nil
        state.hasWork = true
    }

    /// The file at `baseOffset`, made now if it is not there yet.
    /// - Throws: `segmentUnavailable` after `timeout`, or with what went wrong as soon as it did.
    func take(_ baseOffset: Int64, timeout: Duration, _ held: borrowing AppendState) throws(StoreError) -> SegmentWriter {
        monitor.change { state in
            if state.ready?.baseOffset != baseOffset { want(baseOffset, &state) }
        }
        let outcome: Result<SegmentWriter, StoreError>? = monitor.wait(timeout: timeout) { state in
            if let ready = state.ready, ready.baseOffset == baseOffset {
                state.ready = nil
                return .success(ready)
            }
            return state.failure.map { .failure($0) }
        }
        switch outcome {
        case .success(let file): return file
        case .failure(let cause): throw .segmentUnavailable(baseOffset: baseOffset, waited: .zero, cause: "\(cause)")
        case nil: throw .segmentUnavailable(baseOffset: baseOffset, waited: timeout, cause: "it is still being made")
        }
    }

    /// Ends the thread; a file that was made and not used is removed, as the reference does at a clean stop.
    func stop(_ thread: SystemThread) {
        monitor.change { $0.stopping = true }
        thread.join()
        let unused = monitor.withLock { state in
            let ready = state.ready
            state.ready = nil
            state.current = nil
            return ready
        }
        if let unused {
            do { try StoreFiles.remove(unused.file.path) } catch { logger.warning("unused commit log file stays: \(error)") }
        }
    }

    // MARK: The thread

    private enum Work {
        case create(Int64)
        case writeBack(SegmentWriter, from: Int, to: Int)
        case populate(MappedFile, from: Int, to: Int)
        case unlock(MappedFile)
        case stop
    }

    private func run() {
        while true {
            let work: Work? = monitor.wait { state in
                if state.stopping { return .stop }
                guard state.hasWork else { return nil }
                if let work = next(&state) { return work }
                state.hasWork = false
                return nil
            }
            switch work {
            case .stop, nil: return
            case .writeBack(let segment, let start, let end): segment.startWriteBack(from: start, to: end)
            case .populate(let file, let start, let end):
                file.populate(from: start, to: end)
                if end == segmentBytes { lock(file) }
            case .unlock(let file): file.unlockInMemory()
            case .create(let baseOffset): create(baseOffset)
            }
        }
    }

    /// What is most urgent.
    private func next(_ state: inout State) -> Work? {
        if let wanted = state.wanted { return .create(wanted) }
        if let current = state.current {
            // Whole pages: the last one is being written, and would go to the disk twice.
            let writtenEnd = state.position / MappedFile.pageBytes * MappedFile.pageBytes
            if startsWriteBack, state.writeBackEnd < writtenEnd {
                defer { state.writeBackEnd = writtenEnd }
                return .writeBack(current, from: state.writeBackEnd, to: writtenEnd)
            }
            let start = max(state.populatedEnd, state.position)
            if settings.warmsSegments, start < segmentBytes {
                // In steps, so that a wanted file does not wait for a whole segment.
                state.populatedEnd = min(segmentBytes, start + settings.warmUpPages * MappedFile.pageBytes)
                return .populate(current.file, from: start, to: state.populatedEnd)
            }
        }
        return state.locked.take().map { .unlock($0.file) }
    }

    /// Removes a file that was made for a place that the log will not reach soon: it was cut meanwhile.
    private func dropReady() throws(StoreError) {
        let stale = monitor.withLock { state in
            defer { state.ready = nil }
            return state.ready
        }
        if let stale { try StoreFiles.remove(stale.file.path) }
    }

    /// Failing softly: the segment then is as one without warm-up.
    private func lock(_ file: MappedFile) {
        let code = file.lockInMemory()
        if code != 0 { logger.warning("\(file.path) is not locked in memory (errno \(code)); see ulimit -l, or set warmMapedFileEnable=false") }
    }

    private func create(_ baseOffset: Int64) {
        let directory = roots.directory(forSegmentAt: baseOffset, segmentBytes: segmentBytes)
        let path = directory + "/" + SegmentName.text(baseOffset)
        do throws(StoreError) {
            try dropReady()
            let segment: SegmentWriter
            let file = try MappedFile(creating: path, baseOffset: baseOffset, byteCount: segmentBytes, allocating: disk)
            do throws(StoreError) {
                try disk.synchronizeNames(in: directory)
                segment = try SegmentWriter(file, disk)
            } catch {
                try StoreFiles.remove(path)
                throw error
            }
            monitor.change { state in
                // Meanwhile another one may be wanted.
                if state.wanted == baseOffset { state.wanted = nil }
                state.ready = segment
            }
        } catch {
            logger.error("cannot make commit log file \(path): \(error)")
            monitor.change { state in
                guard state.wanted == baseOffset else { return }
                state.wanted = nil
                state.failure = error
                state.failedAt = .now
            }
        }
    }
}
