import RMQCommon
import RMQStore

/// `mqstore inspect`: what is in a directory, without reading all of it.
struct InspectCommand {
    private let directory: StoreDirectory
    private let asJSON: Bool
    private let output: ToolOutput

    init(_ options: inout Options, _ output: ToolOutput) throws(ToolError) {
        directory = try StoreDirectory(&options)
        asJSON = options.flag("json")
        self.output = output
        try options.checkAllUsed()
    }

    func run() throws(ToolError) -> Int32 {
        let facts = try collect()
        if asJSON {
            output.write(facts.json.text(.standard) + "\n")
        } else {
            output.write(facts.text)
        }
        return ExitStatus.fine
    }

    private func collect() throws(ToolError) -> StoreFacts {
        var facts = StoreFacts()
        facts.root = directory.root
        facts.isInUse = directory.isInUse
        facts.wasClean = !directory.hasAbortFile
        facts.segments = directory.segments.count
        facts.segmentBytes = directory.segmentBytes
        facts.logStart = directory.logMinimum
        var progress = Progress("inspect", total: directory.segmentBytes * 2, output)
        // The last record is in one of the last files; one may be made ahead and empty.
        let walk = LogWalk(files: Array(directory.segments.suffix(2)), verifiesBodies: false)
        var newest: Int64?
        facts.logEnd = try walk.run(progress: &progress, visit: { record, _, _ throws(ToolError) in
            newest = record.storeTimestamp
            return true
        }, damage: { _ in facts.hasDamage = true }).offset
        progress.end()
        facts.newest = newest
        facts.oldest = try oldestTime()
        facts.topics = Set<ByteText>(texts: directory.queues.map(\.topic)).count
        for queue in directory.queues {
            let files = try QueueFilesView(queue, fileBytes: directory.queueFileBytes)
            facts.queues.append((queue.topic, queue.queueId, files.minOffset, files.end))
        }
        facts.queueFileBytes = directory.queueFileBytes
        facts.indexFiles = directory.indexFiles.count
        do throws(StoreError) {
            facts.checkpoint = try Checkpoint.read(directory.root + "/checkpoint")
        } catch {
            throw .store(error)
        }
        facts.foreignFiles = directory.foreignFiles
        return facts
    }

    private func oldestTime() throws(ToolError) -> Int64? {
        var progress = Progress("inspect", total: 1, output)
        var oldest: Int64?
        _ = try LogWalk(files: Array(directory.segments.prefix(1)), verifiesBodies: false).run(progress: &progress, visit: { record, _, _ throws(ToolError) in
            oldest = record.storeTimestamp
            return false
        }, damage: { _ in })
        return oldest
    }
}

/// What `inspect` found.
struct StoreFacts {
    var root = ""
    var isInUse = false
    var wasClean = true
    var segments = 0
    var segmentBytes: Int64 = 0
    var logStart: Int64 = 0
    var logEnd: Int64 = 0
    var hasDamage = false
    /// Store times in milliseconds.
    var oldest: Int64?
    var newest: Int64?
    var topics = 0
    var queues: [(topic: String, queueId: Int32, minOffset: Int64, maxOffset: Int64)] = []
    var queueFileBytes: Int64 = 0
    var indexFiles = 0
    var checkpoint = Checkpoint()
    var foreignFiles: [String] = []

    var text: String {
        func time(_ milliseconds: Int64?) -> String {
            guard let milliseconds, milliseconds > 0 else { return "-" }
            return CalendarTime(milliseconds: milliseconds).text
        }
        var lines = [
            "store          \(root)",
            "state          " + (isInUse ? "in use by a broker" : wasClean ? "stopped cleanly" : "not stopped cleanly: the next start recovers it"),
            "commit log     \(segments) files of \(ByteSize.of(segmentBytes)), offsets \(logStart) to \(logEnd) (\(ByteSize.of(logEnd - logStart)))"
                + (hasDamage ? "; DAMAGED near its end, see mqstore verify" : ""),
            "messages from  \(time(oldest))",
            "           to  \(time(newest))",
            "queues         \(queues.count) of \(topics) topics, files of \(ByteSize.of(queueFileBytes)), "
                + "\(queues.reduce(0) { $0 + $1.maxOffset - $1.minOffset }) entries",
            "index files    \(indexFiles)",
            "checkpoint     log flushed to \(time(checkpoint.physicalTimestamp)), queues to \(time(checkpoint.queueTimestamp)), "
                + "index to \(time(checkpoint.indexTimestamp))",
        ]
        if let own = checkpoint.own {
            lines.append("               everything below offset \(own.safeOffset) is flushed" + (own.cleanEnd >= 0 ? "; clean end \(own.cleanEnd)" : ""))
        }
        lines += foreignFiles.map { "foreign file   \($0)" }
        lines.append("")
        lines.append("queue          first offset .. next offset")
        lines += queues.map { "  \($0.topic) \($0.queueId)   \($0.minOffset) .. \($0.maxOffset)" }
        return lines.joined(separator: "\n") + "\n"
    }

    var json: JSONValue {
        var object = JSONObject()
        func add(_ name: String, _ value: JSONValue) { object.append(.string(name), value) }
        add("store", .string(root))
        add("inUse", .bool(isInUse))
        add("stoppedCleanly", .bool(wasClean))
        add("segments", JSONValue(segments))
        add("segmentBytes", JSONValue(segmentBytes))
        add("logStart", JSONValue(logStart))
        add("logEnd", JSONValue(logEnd))
        add("damagedNearEnd", .bool(hasDamage))
        add("oldestStoreTime", oldest.map { JSONValue($0) } ?? .null)
        add("newestStoreTime", newest.map { JSONValue($0) } ?? .null)
        add("queueFileBytes", JSONValue(queueFileBytes))
        add("indexFiles", JSONValue(indexFiles))
        add("logFlushedTo", JSONValue(checkpoint.physicalTimestamp))
        add("queuesFlushedTo", JSONValue(checkpoint.queueTimestamp))
        add("indexFlushedTo", JSONValue(checkpoint.indexTimestamp))
        add("foreignFiles", .array(foreignFiles.map { .string($0) }))
        add("queues", .array(queues.map { queue in
            [
                "topic": .string(queue.topic), "queueId": JSONValue(queue.queueId), "minOffset": JSONValue(queue.minOffset),
                "maxOffset": JSONValue(queue.maxOffset),
            ]
        }))
        return .object(object)
    }
}
