import Glibc
import RMQCommon
import Synchronization

/// What a store has done since it was opened.
public struct StoreStatistics: Sendable, Equatable {
    /// Messages that were stored; those of a batch count one by one.
    public var appendedMessages = 0
    /// The size of their records.
    public var appendedBytes = 0
    /// Appends that stored nothing; a batch counts once.
    public var failedAppends = 0
    /// Reads that returned something.
    public var foundReads = 0
    /// Reads that returned nothing.
    public var missedReads = 0
    /// Messages that reads returned.
    public var readMessages = 0
    /// The size of their records.
    public var readBytes = 0
    /// Records that were damaged and therefore not handed out; one that is asked for twice counts twice.
    public var damagedReads = 0
    /// Queue entries that were damaged and have been written again.
    public var mendedEntries = 0
    /// The longest append, in milliseconds; as exact as the coarse clock, a few of them.
    public var slowestAppendMilliseconds: Int64 = 0
    /// The longest read, in milliseconds; as exact as the coarse clock, a few of them.
    public var slowestReadMilliseconds: Int64 = 0
    /// What appends took in the last whole minute; nil during the first.
    public var appendTimes: LatencyDistribution?
    /// How long the append that is under way has held the log; 0 when none is.
    public var appendLockMilliseconds: Int64 = 0
    /// Bytes of the log that a power failure would take.
    public var unflushedBytes: Int64 = 0
    /// Bytes of the log whose messages cannot be read yet.
    public var undispatchedBytes: Int64 = 0

    public init() {}
}

/// Under the append lock.
struct AppendCounters {
    var messages = 0
    var bytes = 0
    var failures = 0
    var times = PutTimes()
}

/// Counted by any reader.
final class ReadCounters: Sendable {
    private let found = Atomic<Int>(0)
    private let missed = Atomic<Int>(0)
    private let messages = Atomic<Int>(0)
    private let bytes = Atomic<Int>(0)
    private let damaged = Atomic<Int>(0)
    private let mended = Atomic<Int>(0)
    private let slowest = Atomic<Int64>(0)

    func count(_ result: ReadResult, milliseconds: Int64) {
        if milliseconds > 0 { slowest.max(milliseconds, ordering: .relaxed) }
        guard result.messageCount > 0 else {
            missed.add(1, ordering: .relaxed)
            return
        }
        found.add(1, ordering: .relaxed)
        messages.add(result.messageCount, ordering: .relaxed)
        bytes.add(result.byteCount, ordering: .relaxed)
    }

    /// - Returns: how many there are now.
    func countDamage() -> Int { damaged.add(1, ordering: .relaxed).newValue }
    func countMended() -> Int { mended.add(1, ordering: .relaxed).newValue }

    func fill(_ statistics: inout StoreStatistics) {
        statistics.foundReads = found.load(ordering: .relaxed)
        statistics.missedReads = missed.load(ordering: .relaxed)
        statistics.readMessages = messages.load(ordering: .relaxed)
        statistics.readBytes = bytes.load(ordering: .relaxed)
        statistics.damagedReads = damaged.load(ordering: .relaxed)
        statistics.mendedEntries = mended.load(ordering: .relaxed)
        statistics.slowestReadMilliseconds = slowest.load(ordering: .relaxed)
    }

    /// The machine's memory; 24 GiB when it cannot be told.
    static func physicalMemoryBytes() -> Int64 {
        let pages = sysconf(Int32(_SC_PHYS_PAGES))
        let pageBytes = sysconf(Int32(_SC_PAGESIZE))
        return pages > 0 && pageBytes > 0 ? Int64(pages) * Int64(pageBytes) : 24 << 30
    }
}

extension MessageStore {
    /// Counted from the opening on; a moment's picture whose numbers may be a few appends apart.
    public var statistics: StoreStatistics {
        var statistics = StoreStatistics()
        let lockedSince = lockedSince.load(ordering: .relaxed)
        statistics.appendLockMilliseconds = lockedSince == 0 ? 0 : max(0, CoarseClock.milliseconds() - lockedSince)
        let end = log.maxOffset
        statistics.unflushedBytes = max(0, end - flushedOffset)
        statistics.undispatchedBytes = max(0, end - dispatchedOffset)
        let counters = appendLock.withLock { $0.counters }
        statistics.appendedMessages = counters.messages
        statistics.appendedBytes = counters.bytes
        statistics.failedAppends = counters.failures
        statistics.slowestAppendMilliseconds = counters.times.slowest
        statistics.appendTimes = counters.times.lastMinute
        readCounters.fill(&statistics)
        return statistics
    }

    /// Begins a new minute of append times once the last one is over. Retention thread.
    func rotateDistribution(now: MonotonicInstant, _ progress: inout Retention.Progress) {
        guard now - progress.minuteStart >= .seconds(60) else { return }
        progress.minuteStart = now
        appendLock.withLock { $0.counters.times.beginMinute() }
    }
}
