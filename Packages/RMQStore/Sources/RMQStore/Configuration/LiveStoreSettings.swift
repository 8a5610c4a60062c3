import RMQCommon
import Synchronization

/// The settings of a running store, some of which may change.
///
/// Its threads take a copy when they wake; the lock is a leaf. What is asked for each message or read, or under another lock, is a
/// load: such values stand alone, so a reader may see one of a change before the other.
final class LiveStoreSettings: Sendable {
    private let all: Mutex<StoreConfiguration>
    private let pageCacheBusy: Atomic<Int64>
    private let flushTimeout: Atomic<Int64>
    private let bytesInMemory: Atomic<Int>
    private let countInMemory: Atomic<Int>
    private let bytesOnDisk: Atomic<Int>
    private let countOnDisk: Atomic<Int>
    private let memory: Atomic<Int64>
    private let warmsUp: Atomic<Bool>
    private let warmUp: Atomic<Int>

    init(_ configuration: StoreConfiguration) {
        let limits = configuration.transferLimits
        all = Mutex(configuration)
        pageCacheBusy = Atomic(configuration.pageCacheBusyMilliseconds)
        flushTimeout = Atomic(configuration.syncFlushTimeout.nanoseconds)
        bytesInMemory = Atomic(limits.bytesInMemory)
        countInMemory = Atomic(limits.countInMemory)
        bytesOnDisk = Atomic(limits.bytesOnDisk)
        countOnDisk = Atomic(limits.countOnDisk)
        memory = Atomic(limits.memoryBytes)
        warmsUp = Atomic(configuration.warmsSegments)
        warmUp = Atomic(configuration.warmUpPages)
    }

    var current: StoreConfiguration { all.withLock { $0 } }
    var pageCacheBusyMilliseconds: Int64 { pageCacheBusy.load(ordering: .relaxed) }
    var syncFlushTimeout: Duration { .nanoseconds(flushTimeout.load(ordering: .relaxed)) }
    var warmsSegments: Bool { warmsUp.load(ordering: .relaxed) }
    var warmUpPages: Int { warmUp.load(ordering: .relaxed) }
    /// Bytes of the machine's memory that count as "in memory" for reads.
    var memoryBytes: Int64 { memory.load(ordering: .relaxed) }

    /// Without ``TransferLimits/memoryPercent``, for which ``memoryBytes`` stands.
    var transferLimits: TransferLimits {
        var limits = TransferLimits()
        limits.bytesInMemory = bytesInMemory.load(ordering: .relaxed)
        limits.countInMemory = countInMemory.load(ordering: .relaxed)
        limits.bytesOnDisk = bytesOnDisk.load(ordering: .relaxed)
        limits.countOnDisk = countOnDisk.load(ordering: .relaxed)
        return limits
    }

    /// Takes over what may change while a store runs.
    func adopt(_ changed: StoreConfiguration) {
        all.withLock { configuration in
            StoreConfiguration.settings.adopt(changed, in: &configuration)
            let limits = configuration.transferLimits
            pageCacheBusy.store(configuration.pageCacheBusyMilliseconds, ordering: .relaxed)
            flushTimeout.store(configuration.syncFlushTimeout.nanoseconds, ordering: .relaxed)
            bytesInMemory.store(limits.bytesInMemory, ordering: .relaxed)
            countInMemory.store(limits.countInMemory, ordering: .relaxed)
            bytesOnDisk.store(limits.bytesOnDisk, ordering: .relaxed)
            countOnDisk.store(limits.countOnDisk, ordering: .relaxed)
            memory.store(limits.memoryBytes, ordering: .relaxed)
            warmsUp.store(configuration.warmsSegments, ordering: .relaxed)
            warmUp.store(configuration.warmUpPages, ordering: .relaxed)
        }
    }
}

extension TransferLimits {
    fileprivate var memoryBytes: Int64 { ReadCounters.physicalMemoryBytes() / 100 * Int64(memoryPercent) }
}
