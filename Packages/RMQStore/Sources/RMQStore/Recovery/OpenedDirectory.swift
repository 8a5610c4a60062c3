import RMQCommon

/// A store's directory, locked, loaded and recovered, before the store has a thread.
///
///     lock ─► log's files ─► queues, by what the checkpoint vouches for ─► recovery: one consistent state
struct OpenedDirectory {
    /// With the sizes that the files have.
    let configuration: StoreConfiguration
    let lock: StoreLock
    let roots: LogRoots
    let log: CommitLog
    let retention = Retention()
    let queues: QueueTable
    let abortPath: String
    let checkpointPath: String
    /// As it was found.
    let checkpoint: Checkpoint
    /// As the file is now.
    let currentCheckpoint: Checkpoint
    /// Whether the last run closed the store.
    let wasClean: Bool
    let summary: Recovery.Summary

    init(
        _ given: StoreConfiguration, _ filterBitmap: FilterBitmap?, _ appendLock: AppendLock, _ disk: DiskCalls, _ logger: Logger
    ) throws(StoreError) {
        try given.validate()
        var configuration = given
        let claimed = try Self.claim(configuration, logger)
        lock = claimed.lock
        roots = claimed.roots
        abortPath = configuration.rootDirectory + "/abort"
        checkpointPath = configuration.rootDirectory + "/checkpoint"
        checkpoint = try Checkpoint.read(checkpointPath)
        // Either mark of a crash will do: a power failure may take one of them.
        wasClean = !StoreFiles.exists(abortPath) && checkpoint.own?.cleanEnd != -1
        let segments = try MessageStore.loadSegments(&configuration, roots, logger)
        log = CommitLog(segments: segments, segmentBytes: configuration.segmentBytes, disk: disk)
        try MessageStore.useExtensionSizeFound(&configuration, logger)
        let trust = QueueTrust(checkpoint, wasClean: wasClean, log: log)
        queues = try Self.loadQueues(&configuration, trust, retention, filterBitmap, disk, logger)
        MessageStore.report(try queues.settleDeletions(checkpoint, trust, logger), logger)
        var recovery = Recovery(
            configuration: configuration, log: log, queues: queues, checkpointPath: checkpointPath, checkpoint: checkpoint, wasClean: wasClean,
            disk: disk, logger: logger)
        // Recovery writes queues and the log's end before there is a second thread. It is shown the lock all the same: there is no
        // other way to them.
        summary = try appendLock.withLock { (state) throws(StoreError) in try recovery.run(state) }
        currentCheckpoint = recovery.currentCheckpoint
        self.configuration = configuration
        if !segments.isEmpty { report(logger) }
    }

    /// Makes what may be made of the directory, and keeps others out.
    private static func claim(_ configuration: StoreConfiguration, _ logger: Logger) throws(StoreError) -> (lock: StoreLock, roots: LogRoots) {
        try StoreFiles.makeDirectories(configuration.rootDirectory)
        try MessageStore.clearPlaces(configuration, logger)
        let lock = try StoreLock(path: configuration.rootDirectory + "/lock")
        let roots = LogRoots(configuration)
        try roots.prepare(isNew: !StoreFiles.exists(configuration.consumeQueueDirectory))
        try StoreFiles.makeDirectories(configuration.consumeQueueDirectory)
        return (lock, roots)
    }

    /// Loads the queues. The length of their files becomes that of the configuration.
    private static func loadQueues(
        _ configuration: inout StoreConfiguration, _ trust: QueueTrust, _ retention: Retention, _ filterBitmap: FilterBitmap?, _ disk: DiskCalls,
        _ logger: Logger
    ) throws(StoreError) -> QueueTable {
        var queues = QueueTable(configuration: configuration, retention: retention, disk: disk, filterBitmap: filterBitmap)
        if let length = try queues.load(trust) {
            FoundSize.warn(
                logger, "consume queue", found: length, configured: configuration.consumeQueueFileBytes, key: "mappedFileSizeConsumeQueue")
            configuration.consumeQueueFileBytes = length
            queues = QueueTable(configuration: configuration, retention: retention, disk: disk, filterBitmap: filterBitmap)
            _ = try queues.load(trust)
        }
        MessageStore.report(strays: queues.strays, obstacles: queues.obstacles, logger)
        return queues
    }

    private func report(_ logger: Logger) {
        logger.info(
            "opened \(configuration.rootDirectory) after a \(wasClean ? "clean stop" : "crash"): log \(log.minOffset) to \(log.maxOffset), "
                + "walked \(summary.recordsChecked) records from \(summary.startOffset), wrote \(summary.entriesWritten) queue entries"
                + (summary.rebuildReason.isEmpty ? "" : ", all queues checked against the log") + (summary.endReason.isEmpty ? "" : "; the log ends \(summary.endReason)"))
    }
}
