import RMQCommon
import Synchronization

/// All index files, oldest first. The newest one is written.
///
/// Together they are one list of entries in the order of the log: what is wrong with a file is repaired by dropping it and
/// all later ones and following the log again from where the file before it ends.
final class IndexFiles: Sendable {
    let directory: String
    private let shape: IndexShape
    private let disk: DiskCalls
    private let files: Mutex<[IndexFile]>

    init(directory: String, shape: IndexShape, disk: DiskCalls, kept: [IndexFile]) {
        self.directory = directory
        self.shape = shape
        self.disk = disk
        files = Mutex(kept)
    }

    var snapshot: [IndexFile] { files.withLock { $0 } }
    var last: IndexFile? { files.withLock { $0.last } }

    /// What an earlier run left: all files up to the first one of another size.
    static func load(directory: String, shape: IndexShape, disk: DiskCalls, logger: Logger) throws(StoreError) -> [IndexFile] {
        var loaded: [IndexFile] = []
        for (name, kind) in try StoreFiles.entries(in: directory) {
            let path = directory + "/" + name
            guard kind == .file, let number = number(name) else {
                logger.warning("\(path) is no index file; it is left alone")
                continue
            }
            guard let file = try IndexFile(opening: path, name: number, shape: shape, disk: disk) else {
                logger.warning("index file \(path) has not the configured size; it and all later ones are written again from the log")
                break
            }
            loaded.append(file)
        }
        return loaded
    }

    /// The shape that the files in a directory have, when none has the configured size and they tell; else the configured one.
    static func foundShape(in directory: String, configured: IndexShape, logger: Logger) throws(StoreError) -> IndexShape {
        let paths = try StoreFiles.entries(in: directory).filter { $0.kind == .file && number($0.name) != nil }.map { directory + "/" + $0.name }
        var lengths: [Int64] = []
        for path in paths { lengths.append(try MappedFile.length(path)) }
        let length = FoundSize.decide(lengths, configured: configured.fileBytes)
        guard length != configured.fileBytes else { return configured }
        for (path, other) in zip(paths, lengths) where other == length {
            guard let shape = IndexShape(of: try MappedFile(reading: path, baseOffset: 0), like: configured) else { continue }
            FoundSize.warn(logger, "index", found: length, configured: configured.fileBytes, key: "maxHashSlotNum and maxIndexNum together")
            return shape
        }
        return configured
    }

    /// Takes over `kept`, and removes every other index file from the directory.
    func keepOnly(_ kept: [IndexFile]) throws(StoreError) {
        let names = Set(kept.map(\.name))
        files.withLock { $0 = kept }
        for (name, kind) in try StoreFiles.entries(in: directory) where kind == .file {
            if let number = Self.number(name), !names.contains(number) { try StoreFiles.remove(directory + "/" + name) }
        }
    }

    /// Begins a new file. Index thread.
    func add(now: Int64) throws(StoreError) -> IndexFile {
        try StoreFiles.makeDirectories(directory)
        // Names tell the order, even when the clock goes back or two files are begun in one millisecond.
        var name = max(Int64(CalendarTime(milliseconds: now).compactText) ?? 0, (last?.name ?? 0) + 1)
        while StoreFiles.kind(path(name)) != nil { name += 1 }
        let file = try IndexFile(creating: path(name), name: name, shape: shape, disk: disk)
        files.withLock { $0.append(file) }
        return file
    }

    /// Removes the file of that name and all later ones. Index thread.
    func drop(from name: Int64) throws(StoreError) {
        let dropped = files.withLock { files in
            let dropped = files.filter { $0.name >= name }
            files.removeAll { $0.name >= name }
            return dropped
        }
        for file in dropped.reversed() { try StoreFiles.remove(file.path) }
    }

    /// Removes the oldest files as long as all their messages lie before `logMinimum`; the newest file stays.
    func removeExpired(logMinimum: Int64) throws(StoreError) {
        let expired = files.withLock { files in
            let expired = files.dropLast().prefix { $0.endOffset < logMinimum }
            files.removeFirst(expired.count)
            return Array(expired)
        }
        for file in expired { try StoreFiles.remove(file.path) }
    }

    /// Makes the names of the files durable.
    func synchronizeNames() throws(StoreError) {
        try disk.synchronizeNames(in: directory)
        try disk.synchronizeNames(in: StoreFiles.parent(directory))
    }

    private static let nameDigits = 17

    private func path(_ name: Int64) -> String { directory + "/" + Decimal.text(name, digits: Self.nameDigits) }

    private static func number(_ name: String) -> Int64? {
        guard name.utf8.count == nameDigits, name.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
        return Int64(name)
    }
}

/// How far the index files are known to be on the disk; part of the checkpoint.
package struct IndexMark: Equatable, Sendable {
    /// How many files there are, and a fingerprint of their names.
    var fileCount: Int64 = 0
    var names: UInt64 = 0
    /// The newest file, 0 without any, and the number of its next entry.
    var lastName: Int64 = 0
    var lastCount: Int64 = 0
    /// All messages before this log offset are in the files.
    var indexedOffset: Int64 = 0

    init() {}

    init(_ files: some Collection<IndexFile>, indexedOffset: Int64) {
        for file in files {
            fileCount += 1
            names = (names ^ UInt64(bitPattern: file.name)) &* 0x9E37_79B9_7F4A_7C15
            lastName = file.name
            lastCount = Int64(file.count)
        }
        self.indexedOffset = indexedOffset
    }

    /// Whether these are the files that the mark was made of.
    func names(_ files: some Collection<IndexFile>) -> Bool {
        let mark = IndexMark(files, indexedOffset: 0)
        return mark.fileCount == fileCount && mark.names == names && mark.lastName == lastName
    }
}
