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
    /// The length of the index files as they were; nil when there were none.
    private let indexFileBytes: Int?

    init(_ options: inout Options, _ output: ToolOutput) throws(ToolError) {
        directory = try StoreDirectory(&options)
        self.output = output
        let all = options.flag("all")
        rebuildsQueues = options.flag("queues") || all
        rebuildsIndex = options.flag("index") || all
        keepsBackup = options.flag("keep")
        indexFileBytes = directory.indexFiles.lazy.compactMap { try? Int(MappedFile.length($0)) }.first { $0 > 124 }
        try options.checkAllUsed()
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
    private func queuesInLog() throws(StoreError) -> Set<String> {
        var names: Set<String> = []
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

    private func setQueuesAside(in backup: String, topicsAndQueues names: Set<String>) throws(StoreError) {
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
        try StoreFiles.makeDirectories(target.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/"))
        guard rename(source, target) == 0 else { throw .system(call: "rename", path: source, code: errno) }
    }

    /// Recovery finds what is missing; a clean stop leaves it complete.
    private func reopen() throws(StoreError) {
        var configuration = StoreConfiguration(rootDirectory: directory.root, commitLogDirectories: directory.logDirectories)
        configuration.segmentBytes = Int(directory.segmentBytes)
        if directory.queueFileBytes > 0 { configuration.consumeQueueFileBytes = Int(directory.queueFileBytes) }
        configuration.indexesMessages = rebuildsIndex
        if let bytes = indexFileBytes {
            // The default ratio: four entries for each slot.
            configuration.indexSlotCount = (bytes - 40) / 84
            configuration.indexEntryCount = (bytes - 40 - 4 * configuration.indexSlotCount) / 20
        }
        let store = try MessageStore(configuration, logger: Logger(category: "mqstore", sink: ToolLog(output: output)))
        try store.start()
        while rebuildsIndex, store.indexedOffset < store.maxPhysicalOffset { usleep(20_000) }
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
