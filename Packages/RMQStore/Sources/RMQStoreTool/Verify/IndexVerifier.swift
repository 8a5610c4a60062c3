import RMQStore

/// One index file, for reading only; its format stands in `RMQStore/Index/IndexFile.swift`.
struct IndexFileView {
    let file: MappedFile
    private let shape: IndexShape

    /// - Parameter slotCount: nil: a file of the default ratio, four entries for each slot.
    init?(path: String, slotCount: Int?) {
        guard let file = try? MappedFile(reading: path, baseOffset: 0) else { return nil }
        let rest = file.byteCount - IndexShape.headerBytes
        let slots = slotCount ?? rest / (IndexShape.slotBytes + 4 * IndexShape.entryBytes)
        guard slots > 0, rest >= IndexShape.slotBytes * slots + 2 * IndexShape.entryBytes else { return nil }
        self.file = file
        shape = IndexShape(slotCount: slots, entryCount: (rest - IndexShape.slotBytes * slots) / IndexShape.entryBytes)
    }

    var slotCount: Int { shape.slotCount }
    var entryLimit: Int { shape.entryCount }
    var beginOffset: Int64 { file.loadInt64(IndexHeader.beginOffset) }
    var endOffset: Int64 { file.loadInt64(IndexHeader.endOffset) }
    var usedSlots: Int { Int(file.loadInt32(IndexHeader.usedSlots)) }
    var count: Int { max(1, Int(file.loadInt32(IndexHeader.count))) }

    func slot(_ number: Int) -> Int { Int(file.loadInt32(slotPosition(number))) }

    func slotPosition(_ number: Int) -> Int { IndexShape.headerBytes + IndexShape.slotBytes * number }

    /// - Parameter number: below `entryLimit`.
    func entry(_ number: Int) -> IndexEntry { IndexEntry(file, at: position(of: number)) }

    func position(of number: Int) -> Int { shape.position(of: Int32(number)) }
}

/// Compares the index files with the log: every entry has a record with such a key, every key of the log has an entry.
struct IndexVerifier {
    private let directory: StoreDirectory
    private let log: LogFiles
    private var files: [IndexFileView] = []
    private var first: Int64 = .max
    private var last: Int64 = -1
    /// Keys of the records that the index should know.
    private var keysInLog = 0
    private(set) var entryCount = 0

    init(_ directory: StoreDirectory, log: LogFiles, slotCount: Int?, findings: inout Findings) {
        self.directory = directory
        self.log = log
        for path in directory.indexFiles {
            guard let file = IndexFileView(path: path, slotCount: slotCount) else {
                findings.add(.index, path, "it is too short for its slots, or cannot be read; --index-slots names another number")
                continue
            }
            files.append(file)
            guard file.count > 1 else { continue }
            first = min(first, file.beginOffset)
            last = max(last, file.endOffset)
        }
    }

    mutating func visit(_ record: CheckedRecord) {
        guard record.physicalOffset >= first, record.physicalOffset <= last else { return }
        keysInLog += record.keys.count
    }

    /// - Parameter isUnfinished: the store crashed or is in use, so that the index may end before the log or behind it.
    mutating func finish(logEnd: Int64, isUnfinished: Bool, findings: inout Findings) {
        var inLog = 0
        for file in files { inLog += check(file, logEnd: logEnd, isUnfinished: isUnfinished, &findings) }
        if inLog < keysInLog {
            findings.add(.index, directory.root + "/index", "\(keysInLog - inLog) keys of records from offset \(first) to \(last) have no entry")
        }
    }

    /// - Returns: how many entries have a record in the log.
    private mutating func check(_ file: IndexFileView, logEnd: Int64, isUnfinished: Bool, _ findings: inout Findings) -> Int {
        guard file.count <= file.entryLimit else {
            findings.add(.index, file.file.path, at: Int64(IndexHeader.count), "it says \(file.count - 1) entries and has room for \(file.entryLimit - 1)")
            return 0
        }
        var newest = [Int32](repeating: 0, count: file.slotCount)
        var used = 0
        var found = 0
        for number in 1..<file.count {
            entryCount += 1
            let entry = file.entry(number)
            let position = Int64(file.position(of: number))
            let slot = Int(entry.hash) % file.slotCount
            guard entry.hash >= 0 else {
                findings.add(.index, file.file.path, at: position, "entry \(number) has the hash \(entry.hash)")
                continue
            }
            if entry.older != newest[slot] {
                findings.add(.index, file.file.path, at: position, "entry \(number) continues with \(entry.older), the one before it in its slot is \(newest[slot])")
            }
            if newest[slot] == 0 { used += 1 }
            newest[slot] = Int32(number)
            if entry.offset < directory.logMinimum { continue }
            if let record = log.record(at: entry.offset)?.record, record.keys.contains(where: { record.indexHash($0) == entry.hash }) {
                found += 1
            } else {
                let isTail = isUnfinished && entry.offset >= logEnd
                findings.add(isTail ? .note : .index, file.file.path, at: position, "entry \(number) points to \(entry.offset), where no record has such a key")
            }
        }
        for slot in 0..<file.slotCount where file.slot(slot) != Int(newest[slot]) && !(isUnfinished && file.slot(slot) >= file.count) {
            findings.add(.index, file.file.path, at: Int64(file.slotPosition(slot)), "slot \(slot) says entry \(file.slot(slot)), its newest is \(newest[slot])")
        }
        if used != file.usedSlots, !isUnfinished {
            findings.add(.index, file.file.path, at: Int64(IndexHeader.usedSlots), "it says \(file.usedSlots) used slots, there are \(used)")
        }
        return found
    }
}
