import RMQCommon
import RMQStore

/// `mqstore verify`: reads all of a store and says where its parts disagree.
struct VerifyCommand {
    private let directory: StoreDirectory
    private let slotCount: Int?
    private let limit: Int
    private let asJSON: Bool
    private let isQuiet: Bool
    private let output: ToolOutput

    init(_ options: inout Options, _ output: ToolOutput) throws(ToolError) {
        directory = try StoreDirectory(&options)
        slotCount = try options.number("index-slots", in: 1...Int64(Int32.max)).map { Int($0) }
        limit = Int(try options.number("limit", in: 1...1_000_000) ?? 20)
        asJSON = options.flag("json")
        isQuiet = options.flag("quiet")
        self.output = output
        try options.checkAllUsed()
    }

    func run() throws(ToolError) -> Int32 {
        let isInUse = directory.isInUse
        // A crash leaves derived files behind the log or ahead of it; the next start mends that.
        let isUnfinished = isInUse || directory.hasAbortFile
        var findings = Findings(limit: limit)
        if isInUse { findings.add(.note, directory.lockPath, "a broker uses the store: what it writes meanwhile may show up below") }
        for path in directory.foreignFiles { findings.add(.file, path, "no store makes such a file; the store leaves it alone") }

        let log = try LogFiles(directory.segments)
        var queues = try QueueVerifier(directory, log: log, findings: &findings)
        var index = IndexVerifier(directory, log: log, slotCount: slotCount, findings: &findings)
        var progress = Progress("verify", total: directory.logByteCount, output)
        var records: Int64 = 0
        var newest: Int64 = 0
        var damages: [LogWalk.Damage] = []
        let end = try LogWalk(files: directory.segments, verifiesBodies: true).run(progress: &progress, visit: { record, _, _ throws(ToolError) in
            records += 1
            newest = max(newest, record.storeTimestamp)
            queues.visit(record, findings: &findings)
            index.visit(record)
            return true
        }, damage: { damages.append($0) })
        progress.end()
        for damage in damages {
            findings.add(
                .log, damage.path, at: Int64(damage.position), "offset \(damage.physicalOffset): \(damage.reason)"
                    + (damage.lostBytes.map { "; \($0) bytes cannot be read, records follow" } ?? ""))
        }
        if end.trailingBytes > 0 {
            findings.add(.note, end.path, "\(end.trailingBytes) bytes behind the end of the log, \(end.offset), are no record (\(end.reason)); the next start cuts them off")
        }
        let checkpoint = try readCheckpoint()
        queues.finish(logEnd: end.offset, isUnfinished: isUnfinished, checkpoint: checkpoint, findings: &findings)
        index.finish(logEnd: end.offset, isUnfinished: isUnfinished, findings: &findings)
        if records > 0 { check(checkpoint, newest: newest, &findings) }
        report(findings, VerifySummary(
            records: records, logEnd: end.offset, entries: queues.entryCount, indexEntries: index.entryCount, wasClean: !directory.hasAbortFile))
        return findings.damageCount == 0 ? ExitStatus.fine : ExitStatus.damaged
    }

    private func readCheckpoint() throws(ToolError) -> Checkpoint {
        do throws(StoreError) { return try Checkpoint.read(directory.checkpointPath) } catch { throw .store(error) }
    }

    private func check(_ checkpoint: Checkpoint, newest: Int64, _ findings: inout Findings) {
        let path = directory.checkpointPath
        for (name, time) in [("log", checkpoint.physicalTimestamp), ("queues", checkpoint.queueTimestamp), ("index", checkpoint.indexTimestamp)] where time > newest {
            findings.add(.file, path, "\(name) flushed up to \(time), but the newest record is of \(newest)")
        }
    }

    private func report(_ findings: Findings, _ summary: VerifySummary) {
        if asJSON {
            for finding in findings.kept { output.write(finding.json.text(.standard) + "\n") }
            output.write(summary.json(findings).text(.standard) + "\n")
            return
        }
        if !isQuiet {
            for finding in findings.kept { output.write(finding.line + "\n") }
            for kind in Findings.Kind.allCases where findings.count(kind) > limit {
                output.write("\(kind.rawValue): \(findings.count(kind) - limit) more (--limit)\n")
            }
        }
        output.write(summary.text(findings))
    }
}

struct VerifySummary {
    var records: Int64
    var logEnd: Int64
    var entries: Int64
    var indexEntries: Int
    var wasClean: Bool

    func text(_ findings: Findings) -> String {
        var text = "\(records) records up to offset \(logEnd), \(entries) queue entries, \(indexEntries) index entries"
            + (wasClean ? "" : ", not stopped cleanly") + "\n"
        guard let first = findings.firstDamage else { return text + "no damage\n" }
        let kinds = Findings.Kind.allCases.filter { $0 != .note && findings.count($0) > 0 }
        text += "DAMAGED: " + kinds.map { "\($0.rawValue) \(findings.count($0))" }.joined(separator: ", ") + "\nfirst: \(first.line)\n"
        if findings.count(.queue) + findings.count(.index) > 0 { text += "queues and index can be made anew from the log: mqstore rebuild\n" }
        return text
    }

    func json(_ findings: Findings) -> JSONValue {
        [
            "records": JSONValue(records), "logEnd": JSONValue(logEnd), "queueEntries": JSONValue(entries),
            "indexEntries": JSONValue(indexEntries), "stoppedCleanly": .bool(wasClean), "damages": JSONValue(findings.damageCount),
            "firstDamage": findings.firstDamage?.json ?? .null,
        ]
    }
}
