import Glibc
import RMQCommon
import RMQRemoting
import RMQStore

/// The answer to code 28: the reference's keys, as far as this broker has what they tell of.
enum RuntimeInfo {
    static func table(_ broker: BrokerState) -> [ByteText: String] {
        let now = broker.clocks.monotonic.now()
        let statistics = broker.store.statistics
        let rates = broker.statistics.rates.rates(statistics, now: now)
        let days = broker.statistics.rates.days
        let configuration = broker.live.current
        let version = ProtocolVersion.current
        var table: [ByteText: String] = [
            "brokerVersionDesc": version.description,
            "brokerVersion": String(version.ordinal),
            "bootTimestamp": String(broker.startedAt),
            "runtime": duration(now - broker.started),
            // Of this project: a tool compares clocks by it.
            "currentTimestamp": String(broker.clocks.wall.now()),
            "startAcceptSendRequestTimeStamp": String(configuration.startAcceptSendTimestamp),
            "msgPutTotalYesterdayMorning": String(days.yesterday.appendedMessages),
            "msgPutTotalTodayMorning": String(days.today.appendedMessages),
            "msgPutTotalTodayNow": String(statistics.appendedMessages),
            "msgGetTotalYesterdayMorning": String(days.yesterday.readMessages),
            "msgGetTotalTodayMorning": String(days.today.readMessages),
            "msgGetTotalTodayNow": String(statistics.readMessages),
            "putMessageTimesTotal": String(max(statistics.appendedMessages, 1)),
            "putMessageEntireTimeMax": String(statistics.slowestAppendMilliseconds),
            "getMessageEntireTimeMax": String(statistics.slowestReadMilliseconds),
            "putMessageDistributeTime": statistics.appendTimes?.text ?? "null",
            "putLatency99": Decimal.text(statistics.appendTimes?.percentile(0.99) ?? 0, places: 2),
            "putLatency999": Decimal.text(statistics.appendTimes?.percentile(0.999) ?? 0, places: 2),
            "putMessageFailedTimes": String(statistics.failedAppends),
            "putMessageSizeTotal": String(statistics.appendedBytes),
            "putMessageAverageSize": "\(Double(statistics.appendedBytes) / Double(max(statistics.appendedMessages, 1)))",
            "putTps": rates.put,
            "getFoundTps": rates.found,
            "getMissTps": rates.miss,
            "getTotalTps": rates.total,
            "getTransferedTps": rates.transferred,
            "dispatchMaxBuffer": "0",
            "dispatchBehindBytes": String(statistics.undispatchedBytes),
            "pageCacheLockTimeMills": String(statistics.appendLockMilliseconds),
            "remainHowManyDataToFlush": readable(UInt64(statistics.unflushedBytes)),
            "remainTransientStoreBufferNumbs": "2147483647",
            "commitLogMinOffset": String(broker.store.minPhysicalOffset),
            "commitLogMaxOffset": String(broker.store.maxPhysicalOffset),
            "earliestMessageTimeStamp": String(broker.store.earliestStoreTimestamp ?? -1),
        ]
        let mark = WaterMark(broker)
        let queues = [
            ("send", mark.sends, DurabilityWaits.limit * configuration.eventLoopCount), ("pull", mark.pulls, Workers.readersLimit),
            ("query", mark.queries, Workers.administratorsLimit),
        ]
        for (name, queue, capacity) in queues {
            table[name + "ThreadPoolQueueSize"] = String(queue.count)
            table[name + "ThreadPoolQueueCapacity"] = String(capacity)
            table[name + "ThreadPoolQueueHeadWaitTimeMills"] = String(queue.headWait.milliseconds)
        }
        table["EndTransactionQueueSize"] = String(mark.transactions.count)
        table["EndTransactionThreadPoolQueueCapacity"] = "100000"
        for (level, offset) in broker.store.delayOffsets.offsets {
            let end = broker.store.maxOffset(topic: SystemTopic.schedule, queueId: Int32(level - 1))
            table["scheduleMessageOffset_\(level)"] = "\(offset),\(end)"
        }
        addDisk(&table, broker.store.configuration)
        addReplication(&table, broker, now)
        return table
    }

    /// Keys of this project: who follows this broker, and whom it follows.
    private static func addReplication(_ table: inout [ByteText: String], _ broker: BrokerState, _ now: MonotonicInstant) {
        let (state, end) = (broker.replication, broker.store.maxPhysicalOffset)
        table["brokerRole"] = broker.live.current.role.rawValue
        let slaves = state.slaves.all
        table["slaveCount"] = String(slaves.count)
        for slave in slaves {
            let behind = max(0, end - slave.acknowledgedOffset)
            let time = behind == 0 ? 0 : (now - slave.caughtUpAt).milliseconds
            table["slave_\(slave.address)"] =
                "acknowledged \(slave.acknowledgedOffset), sent \(slave.sentOffset), behind \(behind) bytes and \(time) ms, \(slave.bytesPerSecond) bytes/s"
        }
        if let epoch = state.epochs.all.last { table["masterEpoch"] = "\(epoch.epoch) from \(epoch.startOffset) on by \(epoch.brokerAddress)" }
        guard broker.store.role == .replica else { return }
        table["masterLink"] = switch state.link {
        case .none: "not following"
        case .unknownMaster: "no name server knows a master of \(broker.live.current.brokerName)"
        case .connecting(let address): "connecting to \(address)"
        case .following(let address): "following \(address)"
        case .pausing(let reason), .stopped(let reason): reason
        }
        if let received = state.received { table["masterReceived"] = "up to \(received.end), \((now - received.at).milliseconds) ms ago" }
    }

    private static func addDisk(_ table: inout [ByteText: String], _ store: StoreConfiguration) {
        var emptiest: Double?
        for root in store.commitLogDirectories {
            let used = DiskUsage.system.usedFraction(root)
            table["commitLogDiskRatio_\(root)"] = text(used)
            if let used { emptiest = min(used, emptiest ?? used) }
        }
        table["commitLogDiskRatio"] = text(emptiest)
        table["consumeQueueDiskRatio"] = text(DiskUsage.system.usedFraction(store.rootDirectory))
        if let (total, free) = space(store.rootDirectory) {
            table["commitLogDirCapacity"] = "Total : \(readable(total)), Free : \(readable(free))."
        }
    }

    private static func text(_ fraction: Double?) -> String { fraction.map { "\($0)" } ?? "-1.0" }

    /// Total and free bytes of the file system that a path is on.
    private static func space(_ path: String) -> (total: UInt64, free: UInt64)? {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { return nil }
        return (UInt64(status.f_blocks) &* UInt64(status.f_frsize), UInt64(status.f_bavail) &* UInt64(status.f_frsize))
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
    static func duration(_ duration: Duration) -> String {
        let seconds = duration.components.seconds
        return "[ \(seconds / 86_400) days, \(seconds / 3_600 % 24) hours, \(seconds / 60 % 60) minutes, \(seconds % 60) seconds ]"
    }
}
