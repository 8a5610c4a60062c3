import RMQCommon
import RMQRemoting
import RMQStore

/// One slave, as its master sees it: takes its reports, and sends it the log from the first of them on. On the replication loop only.
///
///     connected ──first report──► following: report ─► acknowledged      log grew, or the slave took what was sent ─► next frames
///         └────────── nothing heard for haHousekeepingInterval, a report that cannot be, or another log: closed ──────────┘
///
/// Bytes go from the log's mapping to the socket without a copy, at most ``outputBytes`` of them at a time, so a slave that does not read
/// costs no more memory than that. One that is far behind waits for the disk by itself (``LogReadAhead``).
final class ReplicaSession: ChannelProtocol {
    /// What waits to be written to one slave: the socket takes less at once, so it never waits for the loop.
    static let outputBytes = 1 << 20

    private let channel: Channel
    private let loop: EventLoop
    private let store: MessageStore
    private let settings: ReplicationConfiguration
    private let board: SlaveBoard
    /// Read what is on the disk only.
    private let readers: WorkerPool
    private let logger: Logger
    private let epoch: Int64
    private var follower: LogFollower?
    private var budget: SendBudget
    /// Nil before the first report.
    private var progress: SlaveProgress?
    private var next: Int64 = 0
    private var lastRead: MonotonicInstant
    private var lastWrite: MonotonicInstant
    /// More is there than the slave takes now.
    private var waitsForRoom = false
    private lazy var readAhead = LogReadAhead(store, readers: readers, loop: loop) { [weak self] in self?.send() }
    private lazy var budgetAlarm = LoopAlarm(on: loop) { [weak self] in self?.send() }
    private lazy var alarm = LoopAlarm(on: loop) { [weak self] in self?.timePassed() }

    init(
        _ channel: Channel, store: MessageStore, settings: ReplicationConfiguration, board: SlaveBoard, readers: WorkerPool, logger: Logger
    ) {
        self.readers = readers
        self.channel = channel
        self.store = store
        self.settings = settings
        self.board = board
        self.logger = logger
        loop = channel.loop
        epoch = store.epoch
        budget = SendBudget(bytesPerSecond: settings.bytesPerSecond, now: loop.now)
        lastRead = loop.now
        lastWrite = loop.now
        let bound = LoopBound(WeakSession(self), loop: loop)
        follower = store.follow(.appended) { _ in bound.post { $0.session?.send() } }
        setAlarm()
    }

    /// What other threads hold of it.
    private final class WeakSession {
        weak var session: ReplicaSession?
        init(_ session: ReplicaSession) { self.session = session }
    }

    // MARK: What the slave says

    func receive(_ bytes: UnsafeRawBufferPointer) -> Int {
        lastRead = loop.now
        guard let report = ReplicaReport(lastOf: bytes) else { return 0 }
        if progress == nil { begin(report.end) } else { acknowledge(report.end) }
        send()
        return bytes.count / ReplicaReport.byteCount * ReplicaReport.byteCount
    }

    /// The first report says from where to send. A slave that has nothing begins with the last segment, as at the reference.
    private func begin(_ end: Int64) {
        let logEnd = store.maxPhysicalOffset
        guard (0...logEnd).contains(end) else {
            return close("its log ends at \(end), this one at \(logEnd): it followed another master, or is no slave")
        }
        let segmentBytes = Int64(store.configuration.segmentBytes)
        next = end > 0 ? end : max(logEnd - logEnd % segmentBytes, store.minPhysicalOffset)
        guard next >= store.minPhysicalOffset else {
            return close("its log ends at \(end), but this one begins at \(store.minPhysicalOffset) by now: the slave has to begin with an empty store")
        }
        progress = SlaveProgress(channel.remote, from: end, logEnd: logEnd, now: loop.now)
        logger.info("slave \(channel.remote) follows from \(next) on; the log ends at \(logEnd)")
        writeHeader(ReplicationHeader(offset: next, bodyByteCount: 0))
        acknowledge(end)
    }

    private func acknowledge(_ end: Int64) {
        guard channel.isOpen, store.epoch == epoch else { return }
        guard end <= next else { return close("it says that it has the log up to \(end), and was sent it up to \(next)") }
        do throws(StoreError) {
            // A negative one is garbage; the store would take it for nothing new.
            if end < 0 { throw .notContiguous(offset: end, logEnd: next) }
            try store.acknowledge(replica: channel.id, offset: end)
        } catch {
            return close("\(error)")
        }
        progress?.acknowledged(end, logEnd: store.maxPhysicalOffset, now: loop.now)
        show()
    }

    // MARK: What it is sent

    /// Sends what there is, as far as the slave takes it, and sees to it that it is called again when there is more.
    private func send() {
        guard channel.isOpen, progress != nil else { return }
        while true {
            guard store.epoch == epoch else { return close("the log is another one now: it was cut, or the broker became a slave") }
            guard next >= store.minPhysicalOffset else {
                return close("the log begins at \(store.minPhysicalOffset) by now, and the slave has got to \(next): it has to begin with an empty store")
            }
            guard sendFrames() else { return }
            switch follower?.arm(beyond: next) {
            case .willCall: return
            case .lookAgain: continue
            case .hasEnded, nil: return channel.close()
            }
        }
    }

    /// - Returns: whether all was sent; if not, something else calls.
    private func sendFrames() -> Bool {
        defer {
            progress?.sent(to: next)
            show()
        }
        while channel.waitingBytes < Self.outputBytes {
            let allowed = budget.available(loop.now)
            guard allowed > 0 else {
                budgetAlarm.set(loop.now + budget.pause)
                return false
            }
            let readable = readAhead.available(from: next)
            guard readable > 0 else { return false }
            guard let range = store.bytes(from: next, maxBytes: min(settings.batchBytes, allowed, readable)) else { return true }
            writeHeader(ReplicationHeader(offset: next, bodyByteCount: Int32(range.bytes.count)))
            channel.write(range.bytes, keeping: range.owner)
            guard channel.isOpen else { return false }
            budget.take(range.bytes.count)
            next += Int64(range.bytes.count)
        }
        waitsForRoom = true
        return false
    }

    private func writeHeader(_ header: ReplicationHeader) {
        header.write(to: channel)
        lastWrite = loop.now
    }

    /// The slave took a part of what waits. Not at once: others have their turn first.
    func fillOutput() {
        guard waitsForRoom, channel.waitingBytes <= Self.outputBytes / 2 else { return }
        waitsForRoom = false
        loop.deferToEnd { [weak self] in self?.send() }
    }

    // MARK: Time and end

    private func setAlarm() { alarm.set(min(lastRead + settings.housekeepingInterval, lastWrite + settings.heartbeatInterval)) }

    private func timePassed() {
        guard channel.isOpen else { return }
        let silence = loop.now - lastRead
        if silence >= settings.housekeepingInterval { return close("nothing was heard from it for \(silence)") }
        if loop.now - lastWrite >= settings.heartbeatInterval {
            if progress != nil, channel.waitingBytes == 0 {
                writeHeader(ReplicationHeader(offset: next, bodyByteCount: 0))
            } else {
                // What waits is as good as a heartbeat, and before its report a slave is told nothing.
                lastWrite = loop.now
            }
        }
        setAlarm()
    }

    private func show() {
        if let progress, channel.isOpen { board.set(progress.status, of: channel.id) }
    }

    private func close(_ reason: String) {
        logger.warning("closed the connection of slave \(channel.remote): \(reason)")
        channel.close()
    }

    func channelClosed() {
        follower?.cancel()
        follower = nil
        board.remove(channel.id)
        store.replicaLeft(channel.id)
        if let progress { logger.info("slave \(channel.remote) left; it has the log up to \(progress.status.acknowledgedOffset)") }
    }
}
