import RMQCommon
import RMQStore

/// `mqstore dump`: prints records, by their place in the log or in a queue.
struct DumpCommand {
    private let directory: StoreDirectory
    private let output: ToolOutput
    private let start: Int64
    private let topic: String?
    private let queueId: Int64?
    private let queueStart: Int64
    private let key: String?
    /// .max: all of them.
    private let count: Int64
    private let format: RecordFormat

    init(_ options: inout Options, _ output: ToolOutput) throws(ToolError) {
        directory = try StoreDirectory(&options)
        self.output = output
        start = try options.number("offset", in: 0...Int64.max) ?? 0
        topic = options.text("topic")
        queueId = try options.number("queue", in: 0...Int64(Int32.max))
        let from = try options.number("from", in: 0...Int64.max)
        queueStart = from ?? 0
        key = options.text("key")
        let count = try options.number("count", in: 0...Int64.max) ?? 100
        self.count = count == 0 ? .max : count
        format = RecordFormat(asJSON: options.flag("json"), withBody: options.flag("body"))
        try options.checkAllUsed()
        if queueId != nil, topic == nil { throw .usage("--queue needs --topic") }
        if from != nil, queueId == nil { throw .usage("--from needs --topic and --queue") }
        if key != nil, topic == nil { throw .usage("--key needs --topic") }
    }

    func run() throws(ToolError) -> Int32 {
        if let topic, let queueId, key == nil { try dumpQueue(topic, Int32(queueId)) } else { try dumpLog() }
        return ExitStatus.fine
    }

    private func dumpQueue(_ topic: String, _ queueId: Int32) throws(ToolError) {
        guard let queue = directory.queues.first(where: { $0.topic.isExactly(topic) && $0.queueId == queueId }) else {
            throw .usage("there is no queue \(queueId) of topic \(topic); mqstore inspect lists the queues")
        }
        let files = try QueueFilesView(queue, fileBytes: directory.queueFileBytes)
        let log = try LogFiles(directory.segments)
        var printed: Int64 = 0
        for offset in max(queueStart, files.minOffset)..<max(files.end, queueStart, files.minOffset) where printed < count {
            guard let entry = files.entry(at: offset), !entry.isFiller else { continue }
            if let found = log.record(at: entry.position) {
                write(found.record, found.file, found.position)
            } else {
                output.write("# queue offset \(offset): no record at \(entry.position)" + (entry.position < directory.logMinimum ? ", the log begins later" : "") + "\n")
            }
            printed += 1
        }
    }

    private func dumpLog() throws(ToolError) {
        var progress = Progress("dump", total: directory.logByteCount, output)
        var printed: Int64 = 0
        var walk = LogWalk(files: directory.segments, verifiesBodies: false)
        walk.start = start
        _ = try walk.run(progress: &progress, visit: { record, segment, position throws(ToolError) in
            if isWanted(record) {
                write(record, segment, position)
                printed += 1
            }
            return printed < count
        }, damage: { output.write("# offset \($0.physicalOffset): \($0.reason)\($0.lostBytes.map { "; \($0) bytes skipped" } ?? "")\n") })
        progress.end()
    }

    private func isWanted(_ record: CheckedRecord) -> Bool {
        if let topic, !record.topic.elementsEqual(topic.utf8) { return false }
        if let queueId, Int64(record.queueId) != queueId { return false }
        if let key, !record.keys.containsExactly(key) { return false }
        return true
    }

    private func write(_ record: CheckedRecord, _ segment: MappedFile, _ position: Int) {
        let bytes = UnsafeRawBufferPointer(start: segment.base + position, count: record.byteCount)
        output.write(format.line(bytes) + "\n")
    }
}
