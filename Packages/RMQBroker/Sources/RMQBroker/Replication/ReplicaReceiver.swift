import RMQCommon
import RMQRemoting
import RMQStore

/// Why a slave's connection to its master ended.
enum ReplicaEnd {
    /// The network, or the master.
    case lost(reason: String)
    /// What came was no frame, or no record: spoiled on the way, most likely.
    case garbled(reason: String)
    /// The master's bytes are not those that follow this log.
    case differs(reason: String)
    /// The store does not take what came.
    case store(StoreError)
}

/// A slave's end of the replication stream: appends what comes to the log and reports how far that is. On the replication loop only.
///
///     report ─► frame ─► whole? at the log's end? ─► appendRaw ─► next frame of the same read … ─► one report if the log grew
///
/// What is wrong ends the connection before anything of it is kept: the store checks each record when it is complete.
final class ReplicaReceiver: ChannelProtocol {
    private let channel: Channel
    private let loop: EventLoop
    private let store: MessageStore
    private let settings: ReplicationConfiguration
    /// Told once.
    private let ended: (ReplicaEnd) -> Void
    private let appended: (_ end: Int64) -> Void
    private var end: ReplicaEnd?
    private var reportedEnd: Int64
    private var lastRead: MonotonicInstant
    private var lastWrite: MonotonicInstant
    private lazy var alarm = LoopAlarm(on: loop) { [weak self] in self?.timePassed() }

    /// Reports at once, so that the master begins to send.
    /// - Parameters:
    ///   - appended: called with each growth of the log.
    ///   - ended: called when the channel is closed, with the first thing that went wrong.
    init(
        _ channel: Channel, store: MessageStore, settings: ReplicationConfiguration, appended: @escaping (_ end: Int64) -> Void,
        ended: @escaping (ReplicaEnd) -> Void
    ) {
        self.channel = channel
        self.store = store
        self.settings = settings
        self.appended = appended
        self.ended = ended
        loop = channel.loop
        lastRead = loop.now
        lastWrite = loop.now
        reportedEnd = store.maxPhysicalOffset
        report(reportedEnd)
        setAlarm()
    }

    func receive(_ bytes: UnsafeRawBufferPointer) -> Int {
        lastRead = loop.now
        var used = 0
        while channel.takesMore, let header = ReplicationHeader(UnsafeRawBufferPointer(rebasing: bytes[used...])) {
            if let wrong = check(header) { return stop(wrong, bytes) }
            let whole = ReplicationHeader.byteCount + Int(header.bodyByteCount)
            guard bytes.count - used >= whole else { break }
            let body = UnsafeRawBufferPointer(rebasing: bytes[used + ReplicationHeader.byteCount..<used + whole])
            if let wrong = append(body, at: header.offset) { return stop(wrong, bytes) }
            used += whole
        }
        reportGrowth()
        return used
    }

    /// - Returns: what is wrong with it.
    private func check(_ header: ReplicationHeader) -> ReplicaEnd? {
        guard (0...ReplicationStream.pieceLimit).contains(header.bodyByteCount) else {
            return .garbled(reason: "a frame claims to carry \(header.bodyByteCount) bytes, the limit is \(ReplicationStream.pieceLimit)")
        }
        let end = store.maxPhysicalOffset
        // An empty log may begin wherever the master begins to send.
        guard end == 0 ? header.offset >= 0 : header.offset == end else {
            return .differs(reason: "the master sends from \(header.offset) on, and the log ends at \(end)")
        }
        return nil
    }

    private func append(_ body: UnsafeRawBufferPointer, at offset: Int64) -> ReplicaEnd? {
        guard !body.isEmpty else { return nil }
        do throws(StoreError) {
            try store.appendRaw(body, at: offset)
            return nil
        } catch .malformedRecord(let offset, let reason) {
            return .garbled(reason: "no record can be appended at \(offset): \(reason)")
        } catch {
            return .store(error)
        }
    }

    private func stop(_ wrong: ReplicaEnd, _ bytes: UnsafeRawBufferPointer) -> Int {
        // What came whole before is kept, and the master may know.
        reportGrowth()
        close(wrong)
        return bytes.count
    }

    /// Ends the connection; the owner hears of it at the end of the wake-up.
    func close(_ reason: ReplicaEnd) {
        end = end ?? reason
        channel.close()
    }

    // MARK: Reports

    private func reportGrowth() {
        let end = store.maxPhysicalOffset
        guard end > reportedEnd else { return }
        reportedEnd = end
        report(end)
        appended(end)
    }

    private func report(_ end: Int64) {
        ReplicaReport(end: end).write(to: channel)
        lastWrite = loop.now
    }

    private func setAlarm() { alarm.set(min(lastRead + settings.housekeepingInterval, lastWrite + settings.heartbeatInterval)) }

    private func timePassed() {
        guard channel.isOpen else { return }
        let silence = loop.now - lastRead
        if silence >= settings.housekeepingInterval { return close(.lost(reason: "nothing came from the master for \(silence)")) }
        if loop.now - lastWrite >= settings.heartbeatInterval { report(reportedEnd) }
        setAlarm()
    }

    func channelClosed() { ended(end ?? .lost(reason: "the master closed the connection")) }
}
