import Glibc
import RMQCommon
import RMQStore

/// `mqstore rebuild`: sets derived files aside and lets the store's own recovery make them anew from the log.
///
/// A queue that has no record in the log any more stays as it is: its offsets, which consumers have reached, are written
/// nowhere else.
struct RebuildCommand {
    private let directory: StoreDirectory
    private let output: ToolOutput
    private let rebuildsQueues: Bool
    private let rebuildsIndex: Bool
    private let keepsBackup: Bool
    /// Of the index files to make: from the options, or else as those that are there; nil: the store's defaults.
    private let indexSlots: Int?
    private let indexEntries: Int?
    private let delayLevels: [Int64]?

    init(_ options: inout Options, _ output: ToolOutput) throws(ToolError) {
        directory = try StoreDirectory(&options)
        self.output = output
        let all = options.flag("all")
        rebuildsQueues = options.flag("queues") || all
        rebuildsIndex = options.flag("index") || all
        keepsBackup = options.flag("keep")
        let slots = try options.number("index-slots", in: 1...500_000_000).map { Int($0) }
        let sample = directory.indexFiles.lazy.compactMap { IndexFileView(path: $0, slotCount: slots) }.first
        indexSlots = slots ?? sample?.slotCount
        indexEntries = try options.number("index-entries", in: 2...100_000_000).map { Int($0) } ?? sample?.entryLimit
        let levels = options.text("delay-levels")
        delayLevels = levels.flatMap { StoreConfiguration.delayLevels(parsing: $0) }
        try options.checkAllUsed()
        if let levels, delayLevels == nil { throw .usage("--delay-levels is '\(levels)', allowed are times like '1s 5s 2m 1h'") }
        guard rebuildsQueues || rebuildsIndex else { throw .usage("say what to rebuild: --queues, --index or --all") }
    }

    func run() throws(ToolError) -> Int32 {
        if directory.isInUse { throw .inUse(directory.lockPath) }
        guard directory.segmentBytes > 0 else { throw .usage("the log is empty: there is nothing to rebuild from") }
        let backup = "\(directory.root)/rebuild-\(CalendarTime(milliseconds: WallClock.nowMilliseconds()).compactText)"
        do throws(StoreError) {
            if rebuildsQueues { try setQueuesAside(in: backup, topicsAndQueues: queuesInLog()) }
            if rebuildsIndex { try setAside("index", in: backup) }
            try reopen()
            if keepsBackup {
                output.write("the old files are in \(backup)\n")
            } else {
                try removeTree(backup)
            }
        } catch {
            throw .rebuildFailed(error, backup: backup)
        }
        output.write("done; mqstore verify checks the result\n")
        return ExitStatus.fine
    }

    /// `topic/queue id` of every record in the log that has a place in a queue.
    private func queuesInLog() throws(StoreError) -> Set<ByteText> {
        var names: Set<ByteText> = []
        var progress = Progress("looking for queues in the log", total: directory.logByteCount, output)
        do throws(ToolError) {
            _ = try LogWalk(files: directory.segments, verifiesBodies: false).run(progress: &progress, visit: { record, _, _ throws(ToolError) in
                for place in record.places { names.insert("\(place.topic)/\(place.queueId)") }
                return true
            }, damage: { output.write("the log is damaged at offset \($0.physicalOffset): \($0.reason)\n") })
        } catch {
            if case .store(let error) = error { throw error }
        }
        progress.end()
        return names
    }

    private func setQueuesAside(in backup: String, topicsAndQueues names: Set<ByteText>) throws(StoreError) {
        var moved = 0
        for queue in directory.queues {
            let name = "\(queue.topic)/\(queue.queueId)"
            guard names.contains(name) else {
                output.write("queue \(queue.queueId) of \(queue.topic) has no record in the log and stays as it is\n")
                continue
            }
            try setAside("consumequeue/\(name)", in: backup)
            try setAside("consumequeue_ext/\(name)", in: backup)
            moved += 1
        }
        output.write("making \(names.count) queues anew from the log (\(moved) were there)\n")
    }

    private func setAside(_ name: String, in backup: String) throws(StoreError) {
        let source = directory.root + "/" + name
        guard StoreFiles.exists(source) else { return }
        let target = backup + "/" + name
        try StoreFiles.makeDirectories(FileSystem.parent(target))
        guard rename(source, target) == 0 else { throw .system(call: "rename", path: source, code: errno) }
    }

    /// Recovery finds what is missing; a clean stop leaves it complete.
    private func reopen() throws(StoreError) {
        var configuration = StoreConfiguration(rootDirectory: directory.root, commitLogDirectories: directory.logDirectories)
        configuration.segmentBytes = Int(directory.segmentBytes)
        if directory.queueFileBytes > 0 { configuration.consumeQueueFileBytes = Int(directory.queueFileBytes) }
        configuration.indexesMessages = rebuildsIndex
        if let indexSlots { configuration.indexSlotCount = indexSlots }
        if let indexEntries { configuration.indexEntryCount = indexEntries }
        if let delayLevels { configuration.delayLevelMilliseconds = delayLevels }
        // This is no time to delete messages, whatever the broker's own settings are.
        configuration.retention.reservedTime = .seconds(1 << 40)
        configuration.retention.deletesForcibly = false
        let store = try MessageStore(configuration, logger: Logger(category: "mqstore", sink: ToolLog(output: output)))
        try store.start()
        var progress = Progress("making the index anew", total: store.maxPhysicalOffset - store.minPhysicalOffset, output)
        while rebuildsIndex, store.indexedOffset < store.maxPhysicalOffset {
            progress.report(max(0, store.indexedOffset - store.minPhysicalOffset))
            usleep(20_000)
        }
        progress.end()
        try store.close()
    }

    private func removeTree(_ path: String) throws(StoreError) {
        guard StoreFiles.isDirectory(path) else { return }
        for name in try StoreFiles.names(in: path) where StoreFiles.isDirectory(path + "/" + name) { try removeTree(path + "/" + name) }
        try StoreFiles.removeDirectory(path)
    }
}

/// What the store logs, as lines of the tool.
private struct ToolLog: LogSink {
    let output: ToolOutput
    func write(_ record: LogRecord) { output.write(record.message + "\n") }
}
