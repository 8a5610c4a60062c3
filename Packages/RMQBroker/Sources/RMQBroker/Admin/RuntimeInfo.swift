import Glibc
import RMQCommon
import RMQRemoting
import RMQStore
import Synchronization

/// The answer to code 28: the reference's keys, as far as this broker has what they tell of.
///
/// There are no thread pools here, so their queues are always empty and have the reference's default sizes.
enum RuntimeInfo {
    static func table(_ broker: BrokerState) -> [String: String] {
        let now = broker.clock.now()
        let statistics = broker.store.statistics
        let rates = broker.rates.rates(statistics, now: now)
        let configuration = broker.live.current
        let version = ProtocolVersion.current
        var table: [String: String] = [
            "brokerVersionDesc": version.description,
            "brokerVersion": String(version.ordinal),
            "bootTimestamp": String(broker.startedAt),
            "runtime": duration(milliseconds: now - broker.startedAt),
            "startAcceptSendRequestTimeStamp": String(configuration.startAcceptSendTimestamp),
            "msgPutTotalYesterdayMorning": "0",
            "msgPutTotalTodayMorning": "0",
            "msgPutTotalTodayNow": String(statistics.appendedMessages),
            "msgGetTotalYesterdayMorning": "0",
            "msgGetTotalTodayMorning": "0",
            "msgGetTotalTodayNow": String(statistics.readMessages),
            "putMessageTimesTotal": String(max(statistics.appendedMessages, 1)),
            "putMessageFailedTimes": String(statistics.failedAppends),
            "putMessageSizeTotal": String(statistics.appendedBytes),
            "putMessageAverageSize": "\(Double(statistics.appendedBytes) / Double(max(statistics.appendedMessages, 1)))",
            "putTps": rates.put,
            "getFoundTps": rates.found,
            "getMissTps": rates.miss,
            "getTotalTps": rates.total,
            "getTransferedTps": rates.transferred,
            "dispatchMaxBuffer": "0",
            "dispatchBehindBytes": "0",
            "pageCacheLockTimeMills": "0",
            "remainTransientStoreBufferNumbs": "2147483647",
            "commitLogMinOffset": String(broker.store.minPhysicalOffset),
            "commitLogMaxOffset": String(broker.store.maxPhysicalOffset),
            "earliestMessageTimeStamp": String(broker.store.earliestStoreTimestamp ?? -1),
        ]
        for (pool, capacity) in [("send", 10_000), ("pull", 100_000), ("query", 20_000)] {
            table[pool + "ThreadPoolQueueSize"] = "0"
            table[pool + "ThreadPoolQueueCapacity"] = String(capacity)
            table[pool + "ThreadPoolQueueHeadWaitTimeMills"] = "0"
        }
        table["EndTransactionQueueSize"] = "0"
        table["EndTransactionThreadPoolQueueCapacity"] = "100000"
        for (level, offset) in broker.store.delayOffsets.offsets {
            let end = broker.store.maxOffset(topic: SystemTopic.schedule, queueId: Int32(level - 1))
            table["scheduleMessageOffset_\(level)"] = "\(offset),\(end)"
        }
        addDisk(&table, broker.store.configuration)
        return table
    }

    private static func addDisk(_ table: inout [String: String], _ store: StoreConfiguration) {
        let logRatio = diskRatio(store.commitLogDirectory)
        table["commitLogDiskRatio"] = logRatio
        table["commitLogDiskRatio_\(store.commitLogDirectory)"] = logRatio
        table["consumeQueueDiskRatio"] = diskRatio(store.rootDirectory)
        if let (total, free) = space(store.rootDirectory) {
            table["commitLogDirCapacity"] = "Total : \(readable(total)), Free : \(readable(free))."
        }
    }

    /// Total and free bytes of the file system that a path is on.
    private static func space(_ path: String) -> (total: UInt64, free: UInt64)? {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { return nil }
        return (UInt64(status.f_blocks) &* UInt64(status.f_frsize), UInt64(status.f_bavail) &* UInt64(status.f_frsize))
    }

    private static func diskRatio(_ path: String) -> String {
        guard let (total, free) = space(path), total > 0 else { return "-1" }
        return Decimal.text(1 - Double(free) / Double(total), places: 2)
    }

    /// `368 B`, `1.5 KiB`
    static func readable(_ bytes: UInt64) -> String {
        guard bytes >= 1_024 else { return "\(bytes) B" }
        var value = Double(bytes) / 1_024
        var units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"][...]
        while value >= 1_024, units.count > 1 {
            value /= 1_024
            units.removeFirst()
        }
        return Decimal.text(value, places: 1) + " " + units.first!
    }

    /// `[ 0 days, 0 hours, 2 minutes, 43 seconds ]`
    static func duration(milliseconds: Int64) -> String {
        let seconds = max(milliseconds, 0) / 1_000
        return "[ \(seconds / 86_400) days, \(seconds / 3_600 % 24) hours, \(seconds / 60 % 60) minutes, \(seconds % 60) seconds ]"
    }
}

/// What the store had done at some moments of the last ten minutes, from which rates are computed.
final class RateSamples: Sendable {
    private struct Sample {
        let time: Int64
        let statistics: StoreStatistics
    }

    /// Ten minutes of samples taken every 10 s.
    private static let limit = 61
    private let samples = Mutex<[Sample]>([])

    func add(_ statistics: StoreStatistics, now: Int64) {
        samples.withLock { samples in
            samples.append(Sample(time: now, statistics: statistics))
            if samples.count > Self.limit { samples.removeFirst() }
        }
    }

    struct Rates {
        var put, found, miss, total, transferred: String
    }

    /// Per second over the last 10, 60 and 600 s, each as three numbers between blanks.
    func rates(_ statistics: StoreStatistics, now: Int64) -> Rates {
        let samples = samples.withLock { $0 }
        func rate(_ value: (StoreStatistics) -> Int, seconds: Int64) -> String {
            // The youngest sample that is old enough, else the oldest there is.
            let limit: Int64 = now - seconds * 1_000
            guard let from = samples.last(where: { $0.time <= limit }) ?? samples.first, now > from.time else { return "0.0" }
            let count = Double(value(statistics) - value(from.statistics))
            let elapsed = Double(now - from.time)
            return String(count * 1_000 / elapsed)
        }
        func text(_ value: (StoreStatistics) -> Int) -> String {
            rate(value, seconds: 10) + " " + rate(value, seconds: 60) + " " + rate(value, seconds: 600)
        }
        return Rates(
            put: text(\.appendedMessages), found: text(\.foundReads), miss: text(\.missedReads),
            total: text { $0.foundReads + $0.missedReads }, transferred: text(\.readMessages))
    }
}
