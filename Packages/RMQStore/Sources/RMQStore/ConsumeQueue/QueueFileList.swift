/// The files of one queue as they are found on the disk, checked by name and length alone. Looking changes nothing.
///
///     0        6000     12000  18000
///     +--------+--------+---+  +--------+
///     | usable | usable |   |  |        |
///     +--------+--------+---+  +--------+
///                        ^ the fault: 3000 bytes instead of 6000; it and what follows is the rest
///
/// All of it can be written again from the log, so a fault is no reason not to open the store.
struct QueueFileList {
    struct File {
        var offset: Int64
        var path: String
        var length: Int64
    }

    enum Fault {
        /// It is not as long as the others.
        case length
        /// The one before it is missing.
        case gap
        /// No file of a queue begins at such an offset.
        case name
    }

    /// They follow each other and have the right length.
    private(set) var usable: [File] = []
    /// What is wrong with the first file of ``rest``.
    private(set) var fault: Fault?
    private(set) var rest: [File] = []
    /// What no queue has: other names.
    private(set) var strays: [String] = []
    /// What has the name of a file and is something else: folders, sockets, links that lead nowhere.
    private(set) var obstacles: [String] = []
    private let fileBytes: Int64

    init(directory: String, fileBytes: Int) throws(StoreError) {
        self.fileBytes = Int64(fileBytes)
        for entry in try StoreFiles.entries(in: directory) {
            let path = directory + "/" + entry.name
            guard let offset = SegmentName.offset(entry.name), offset <= Int64.max - self.fileBytes * 2 else {
                strays.append(path)
                continue
            }
            guard entry.kind == .file else {
                obstacles.append(path)
                continue
            }
            let file = File(offset: offset, path: path, length: try MappedFile.length(path))
            if fault == nil { fault = fault(of: file) }
            if fault == nil { usable.append(file) } else { rest.append(file) }
        }
    }

    private func fault(of file: File) -> Fault? {
        if file.offset % fileBytes != 0 { return .name }
        if let last = usable.last, file.offset != last.offset + fileBytes { return .gap }
        return file.length == fileBytes ? nil : .length
    }

    /// The lengths of all files.
    var lengths: [Int64] { (usable + rest).map(\.length) }

    /// The fault in words; for files without one, what else was found.
    var faultText: String {
        guard let fault, let file = rest.first else { return "entries in \(usable.last?.path ?? "no file") are destroyed" }
        return switch fault {
        case .length: "\(file.path) has \(file.length) bytes instead of \(fileBytes)"
        case .gap: "a file before \(file.path) is missing"
        case .name: "\(file.path) is no place where a file of \(fileBytes) bytes begins"
        }
    }

    /// Whether entries may be lost that were on the disk. A crash alone leaves only files that were being made since the last
    /// write-back: of no length, or behind one whose name was not durable yet.
    func isDamaged(_ trust: QueueTrust) throws(StoreError) -> Bool {
        switch fault {
        case nil: return false
        case .name: return true
        case .length: return trust.isClean || trust.isUnknown || !usable.isEmpty || rest.count > 1 || rest[0].length > 0
        case .gap:
            for file in rest where file.length == fileBytes {
                let entry = try QueueFileReader(file.path).entry(0)
                if entry.isValid, entry.isFiller || entry.position < trust.limit { return true }
            }
            return false
        }
    }

    /// Removes what cannot be used. Of a file of the wrong length the whole entries stay.
    /// - Returns: the files that are left.
    func settle() throws(StoreError) -> [File] {
        for path in obstacles { try StoreFiles.setAside(path) }
        var kept = usable
        var rest = rest
        if fault == .length, var file = rest.first, file.length >= Int64(QueueEntry.byteCount) {
            let entries = min(file.length, fileBytes) / Int64(QueueEntry.byteCount)
            // In two steps: the rest of an entry that was cut through must not look like the whole of one.
            try StoreFiles.setLength(file.path, to: entries * Int64(QueueEntry.byteCount))
            try StoreFiles.setLength(file.path, to: fileBytes)
            file.length = fileBytes
            kept.append(file)
            rest.removeFirst()
        }
        for file in rest.reversed() { try StoreFiles.remove(file.path) }
        return kept
    }
}
