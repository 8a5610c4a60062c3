import RMQCommon
import RMQStore

/// What the store is told of the broker's settings.
extension BrokerConfiguration {
    var store: StoreConfiguration {
        var store = StoreConfiguration(rootDirectory: storeRoot, commitLogDirectories: Self.paths(storeCommitLog))
        store.readOnlyCommitLogDirectories = Self.paths(readOnlyCommitLog)
        store.segmentBytes = commitLogFileBytes
        store.consumeQueueFileBytes = consumeQueueFileBytes
        store.flush = flushDiskType.isExactly("SYNC_FLUSH") ? .synchronous : .asynchronous(every: .milliseconds(flushIntervalMilliseconds))
        store.flushIsTimed = flushTimed
        store.flushLeastPages = flushLeastPages
        store.flushThoroughInterval = .milliseconds(flushThoroughMilliseconds)
        store.syncFlushTimeout = .milliseconds(syncFlushTimeoutMilliseconds)
        store.showsUnconfirmed = showUnconfirmedMessages
        store.pageCacheBusyMilliseconds = pageCacheBusyMilliseconds
        store.verifiesChecksumsOnRecovery = verifyChecksumsOnRecovery
        store.maxMessageBytes = min(max(maxMessageBytes, 10), 1 << 30)
        if let levels = StoreConfiguration.delayLevels(parsing: delayLevels) { store.delayLevelMilliseconds = levels }
        store.delayOffsetInterval = .milliseconds(persistDelayOffsetsMilliseconds)
        store.dispatchesToSeveral = multiDispatch
        store.lightQueues = lightQueues
        store.maxLightQueues = maxLightQueues
        store.writesQueueExtensions = writesQueueExtensions
        store.extensionFileBytes = queueExtensionFileBytes
        store.indexesMessages = indexesMessages
        store.indexSlotCount = indexSlotCount
        store.indexEntryCount = indexEntryCount
        store.maxQueryCount = maxQueryCount
        store.transferLimits.bytesInMemory = transferBytes
        store.transferLimits.countInMemory = Int(transferCount)
        store.transferLimits.bytesOnDisk = transferBytesOnDisk
        store.transferLimits.countOnDisk = transferCountOnDisk
        store.transferLimits.memoryPercent = inMemoryPercent
        store.warmsSegments = warmSegments
        store.warmUpPages = warmUpPages
        store.retention = retention
        return store
    }

    private var retention: RetentionPolicy {
        var policy = RetentionPolicy()
        policy.reservedTime = .seconds(fileReservedHours * 3600)
        policy.deletionHours = Self.hours(parsing: deleteWhen) ?? []
        policy.interval = .milliseconds(cleanIntervalMilliseconds)
        policy.pauseBetweenSegments = .milliseconds(deleteLogFilesPauseMilliseconds)
        policy.pauseBetweenQueues = .milliseconds(deleteQueueFilesPauseMilliseconds)
        policy.holdLimit = .milliseconds(deletedFileHoldMilliseconds)
        policy.retryInterval = .milliseconds(deletionRetryMilliseconds)
        policy.deletesForcibly = cleanForcibly
        policy.maxUsedPercent = diskMaxUsedPercent
        policy.forcedPercent = diskForcedCleanPercent
        policy.refusePercent = diskRefusePercent
        return policy
    }

    /// Paths separated by commas, as the reference has them.
    private static func paths(_ text: String) -> [String] {
        text.split(ascii: ",")
    }
}
