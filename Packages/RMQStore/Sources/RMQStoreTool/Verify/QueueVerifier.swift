import RMQCommon
import RMQStore

/// Compares the consume queues with the log while a walk goes through it, and afterwards with what the walk saw.
///
/// Memory does not grow with the log: for each queue only counts and the first difference are kept.
struct QueueVerifier {
    /// One of each queue, changed in place for each of its records.
    private final class State {
        let files: QueueFilesView?
        var expectedNext: Int64?
        /// Entries that their records agree with.
        var matched: Int64 = 0
        var missing: Difference?
        /// Where the last record without an entry ends in the log.
        var missingEnd: Int64 = 0
        var wrong: Difference?

        init(files: QueueFilesView?) { self.files = files }

        /// The topic was deleted and made anew: what came before belongs to its former life.
        func forget() {
            expectedNext = nil
            matched = 0
            missing = nil
            wrong = nil
        }
    }

    private struct Difference {
        var count = 1
        var queueOffset: Int64
        var text: String
    }

    private struct Key: Hashable {
        var topic: ByteText
        var queueId: Int32
    }

    private let directory: StoreDirectory
    private let log: LogFiles
    private var states: [Key: State] = [:]
    private(set) var entryCount: Int64 = 0

    init(_ directory: StoreDirectory, log: LogFiles, findings: inout Findings) throws(ToolError) {
        self.directory = directory
        self.log = log
        for queue in directory.queues {
            let files = try QueueFilesView(queue, fileBytes: directory.queueFileBytes)
            for problem in files.problems { findings.add(.file, problem.path, problem.reason) }
            states[Key(topic: ByteText(queue.topic), queueId: queue.queueId)] = State(files: files)
        }
    }

    mutating func visit(_ record: CheckedRecord, findings: inout Findings) {
        for place in record.places {
            let key = Key(topic: ByteText(place.topic), queueId: place.queueId)
            if states[key] == nil { states[key] = State(files: nil) }
            if let state = states[key] { compare(record, at: place.queueOffset, state) }
        }
    }

    private func compare(_ record: CheckedRecord, at queueOffset: Int64, _ state: State) {
        if let expected = state.expectedNext, queueOffset < expected { state.forget() }
        if let expected = state.expectedNext, queueOffset > expected {
            Self.note(&state.wrong, expected, "\(queueOffset - expected) messages are missing in the log before offset \(queueOffset)")
        }
        state.expectedNext = queueOffset + 1
        guard let entry = state.files?.entry(at: queueOffset) else {
            state.missingEnd = record.physicalOffset + Int64(record.byteCount)
            Self.note(&state.missing, queueOffset, "no entry for the record at \(record.physicalOffset)")
            return
        }
        if entry.position != record.physicalOffset || Int(entry.size) != record.byteCount {
            Self.note(&state.wrong, queueOffset, "it points to \(entry.position) (\(entry.size) bytes), the record is at \(record.physicalOffset) (\(record.byteCount) bytes)")
        } else if let text = tagProblem(entry, record, state.files) {
            Self.note(&state.wrong, queueOffset, text)
        } else {
            state.matched += 1
        }
    }

    private static func note(_ difference: inout Difference?, _ queueOffset: Int64, _ text: String) {
        if difference == nil { difference = Difference(queueOffset: queueOffset, text: text) } else { difference?.count += 1 }
    }

    private func tagProblem(_ entry: QueueEntry, _ record: CheckedRecord, _ files: QueueFilesView?) -> String? {
        if record.topic.elementsEqual("SCHEDULE_TOPIC_XXXX".utf8) { return nil }   // a delivery time, by levels that only the broker knows
        var code = entry.tagCode
        if code < Int64(Int32.min), let files {
            guard let found = ExtensionUnit.tagCode(at: code, root: directory.root, topic: files.topic, queueId: files.queueId) else {
                return "its unit in the queue's extension is missing"
            }
            code = found
        }
        let expected = record.tagCode(delayLevels: [])
        return code == expected ? nil : "it has tags code \(code), the record says \(expected)"
    }

    /// What only shows when the whole log was seen. `logEnd` is where it ends.
    mutating func finish(logEnd: Int64, isUnfinished: Bool, checkpoint: Checkpoint, findings: inout Findings) {
        let deletedEnd = deletedEnd(checkpoint)
        for (key, state) in states.sorted(by: { ($0.key.topic, $0.key.queueId) < ($1.key.topic, $1.key.queueId) }) {
            let path = "\(directory.root)/consumequeue/\(key.topic)/\(key.queueId)"
            if let missing = state.missing, state.files?.hasEntries != true, state.missingEnd <= deletedEnd {
                findings.add(.note, path, "the queue was deleted; the log still has \(missing.count) of its messages")
            } else if let missing = state.missing {
                let isTail = isUnfinished && missing.queueOffset == state.files?.end
                findings.add(isTail ? .note : .queue, path, "\(missing.count) entries are missing from offset \(missing.queueOffset) on: \(missing.text)")
            }
            if let wrong = state.wrong, let files = state.files {
                let place = files.place(of: wrong.queueOffset)
                findings.add(.queue, place?.file.path ?? path, at: place.map { Int64($0.position) }, "entry \(wrong.queueOffset): \(wrong.text)"
                    + (wrong.count > 1 ? "; \(wrong.count - 1) more like it" : ""))
            }
            checkEntries(key, state, logEnd: logEnd, isUnfinished: isUnfinished, &findings)
        }
    }

    /// Queues that are not there, and have no records from here on, were deleted: the checkpoint counted all others. 0 when it
    /// counted more, or says nothing.
    private func deletedEnd(_ checkpoint: Checkpoint) -> Int64 {
        guard let own = checkpoint.own else { return 0 }
        var print = QueuePrint.none
        for files in states.values.compactMap(\.files) where files.firstPosition.map({ $0 < own.safeOffset }) == true {
            print.add(topic: files.topic, queueId: files.queueId, end: 0, start: 0)
        }
        return print.hasSameQueues(as: own.queues) ? own.safeOffset : 0
    }

    /// Entries without a record. Those of records that retention removed are fine.
    private mutating func checkEntries(_ key: Key, _ state: State, logEnd: Int64, isUnfinished: Bool, _ findings: inout Findings) {
        guard let files = state.files else { return }
        let end = files.end
        entryCount += end - files.minOffset
        var inLog: Int64 = 0
        var behindEnd: Int64 = 0
        for offset in files.minOffset..<max(end, files.minOffset) {
            guard let entry = files.entry(at: offset), !entry.isFiller else { continue }
            if entry.position >= logEnd { behindEnd += 1 } else if entry.position >= directory.logMinimum { inLog += 1 }
        }
        if behindEnd > 0 {
            findings.add(isUnfinished ? .note : .queue, files.files[0].path, "\(behindEnd) entries point behind the end of the log, \(logEnd)")
        }
        guard inLog > state.matched, state.wrong == nil else { return }
        for offset in files.minOffset..<end {
            guard let entry = files.entry(at: offset), !entry.isFiller, entry.position >= directory.logMinimum, entry.position < logEnd,
                !isRecord(at: entry.position, of: key, offset), let place = files.place(of: offset)
            else { continue }
            findings.add(
                .queue, place.file.path, at: Int64(place.position),
                "entry \(offset) points to \(entry.position), where no record of this queue is; \(inLog - state.matched) entries are like it")
            return
        }
    }

    private func isRecord(at offset: Int64, of key: Key, _ queueOffset: Int64) -> Bool {
        guard let found = log.record(at: offset) else { return false }
        return found.record.places.contains { $0.topic.isExactly(key.topic.text) && $0.queueId == key.queueId && $0.queueOffset == queueOffset }
    }
}

/// A unit of a consume queue extension, looked up by the address in a queue entry.
enum ExtensionUnit {
    static func tagCode(at address: Int64, root: String, topic: String, queueId: Int32) -> Int64? {
        let offset = address &- Int64.min
        let directory = "\(root)/consumequeue_ext/\(topic)/\(queueId)"
        guard let name = try? StoreFiles.names(in: directory).last(where: { (SegmentName.offset($0) ?? .max) <= offset }),
            let base = SegmentName.offset(name), let file = try? MappedFile(reading: directory + "/" + name, baseOffset: base),
            offset - base <= Int64(file.byteCount - 20)
        else { return nil }
        return file.loadInt64(Int(offset - base) + 2)
    }
}
