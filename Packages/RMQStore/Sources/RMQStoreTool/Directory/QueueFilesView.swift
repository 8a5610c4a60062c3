import RMQStore

/// The entries of one consume queue, for reading only.
final class QueueFilesView {
    let topic: String
    let queueId: Int32
    private(set) var files: [MappedFile] = []
    private let fileBytes: Int64
    /// Names, sizes and gaps that are wrong.
    private(set) var problems: [(path: String, reason: String)] = []

    init(_ queue: StoreDirectory.Queue, fileBytes: Int64) throws(ToolError) {
        topic = queue.topic
        queueId = queue.queueId
        self.fileBytes = max(Int64(QueueEntry.byteCount), fileBytes)
        do throws(StoreError) {
            for (name, kind) in try StoreFiles.entries(in: queue.directory) {
                let path = queue.directory + "/" + name
                guard let offset = SegmentName.offset(name), kind == .file else {
                    problems.append((path, "it does not belong there"))
                    continue
                }
                let length = try MappedFile.length(path)
                guard length == self.fileBytes else {
                    problems.append((path, "it has \(length) bytes, others have \(self.fileBytes)"))
                    continue
                }
                if let last = files.last, last.baseOffset + self.fileBytes != offset {
                    problems.append((path, "a file before it is missing"))
                }
                files.append(try MappedFile(reading: path, baseOffset: offset))
            }
        } catch {
            throw .store(error)
        }
    }

    var minOffset: Int64 { (files.first?.baseOffset ?? 0) / Int64(QueueEntry.byteCount) }
    /// Behind the last file; the last entry is somewhere before.
    var limit: Int64 { files.last.map { ($0.baseOffset + fileBytes) / Int64(QueueEntry.byteCount) } ?? 0 }

    /// What stands at a queue offset; nil when no file covers it or nothing is written there.
    func entry(at offset: Int64) -> QueueEntry? {
        guard let (file, position) = place(of: offset) else { return nil }
        let entry = QueueEntry(file.base + position)
        return entry.isValid ? entry : nil
    }

    func place(of offset: Int64) -> (file: MappedFile, position: Int)? {
        guard offset >= 0, offset < Int64.max / Int64(QueueEntry.byteCount) else { return nil }
        let byteOffset = offset * Int64(QueueEntry.byteCount)
        guard let file = files.last(where: { $0.baseOffset <= byteOffset }), byteOffset - file.baseOffset < Int64(file.byteCount) else { return nil }
        return (file, Int(byteOffset - file.baseOffset))
    }

    var hasEntries: Bool { entry(at: minOffset) != nil }

    /// Where in the log the first entry's record is; nil without entries.
    var firstPosition: Int64? {
        var offset = minOffset
        while let entry = entry(at: offset) {
            if !entry.isFiller { return entry.position }
            offset += 1
        }
        return nil
    }

    /// Where the entries end: the first place without one behind the first entry.
    var end: Int64 {
        var offset = minOffset
        while offset < limit, entry(at: offset) != nil { offset += 1 }
        return offset
    }
}
