import RMQCommon
import Synchronization

/// How far a slave is, as its master knows.
struct SlaveStatus: Sendable {
    var address: HostAddress
    /// Up to where it has the log.
    var acknowledgedOffset: Int64
    /// Up to where it was sent.
    var sentOffset: Int64
    /// When it last had all that there was a report before.
    var caughtUpAt: MonotonicInstant
    /// As measured over some seconds.
    var bytesPerSecond: Int64 = 0
}

/// The slaves that are connected: written by the replication loop, read by whoever is asked.
final class SlaveBoard: Sendable {
    private let slaves = Mutex<[UInt64: SlaveStatus]>([:])

    /// In the order in which they came.
    var all: [SlaveStatus] { slaves.withLock { slaves in slaves.sorted { $0.key < $1.key }.map(\.value) } }

    func set(_ status: SlaveStatus, of session: UInt64) { slaves.withLock { $0[session] = status } }

    func remove(_ session: UInt64) { slaves.withLock { _ = $0.removeValue(forKey: session) } }
}

/// Follows what one slave is sent and says of it. A value of its session.
struct SlaveProgress {
    /// Rates are those of so long.
    private static let window: Duration = .seconds(2)

    private(set) var status: SlaveStatus
    private var reportedEnd: (log: Int64, at: MonotonicInstant)
    private var windowStart: (offset: Int64, at: MonotonicInstant)

    init(_ address: HostAddress, from offset: Int64, logEnd: Int64, now: MonotonicInstant) {
        status = SlaveStatus(address: address, acknowledgedOffset: offset, sentOffset: offset, caughtUpAt: now)
        reportedEnd = (logEnd, now)
        windowStart = (offset, now)
    }

    mutating func sent(to offset: Int64) { status.sentOffset = offset }

    /// It has everything below `offset`, while the log ends at `logEnd`.
    mutating func acknowledged(_ offset: Int64, logEnd: Int64, now: MonotonicInstant) {
        status.acknowledgedOffset = max(status.acknowledgedOffset, offset)
        if offset >= logEnd {
            status.caughtUpAt = now
        } else if offset >= reportedEnd.log {
            status.caughtUpAt = max(status.caughtUpAt, reportedEnd.at)
        }
        reportedEnd = (logEnd, now)
        let passed = now - windowStart.at
        guard passed >= Self.window else { return }
        let bytes = Double(status.acknowledgedOffset - windowStart.offset)
        status.bytesPerSecond = Int64(bytes / (Double(passed.nanoseconds) / 1e9))
        windowStart = (status.acknowledgedOffset, now)
    }
}
