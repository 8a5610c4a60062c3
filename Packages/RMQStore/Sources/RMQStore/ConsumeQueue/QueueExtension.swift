import Glibc
import Synchronization

/// What the consume queue extension says about a message.
///
///     0      2          10           18            20
///     +------+----------+------------+-------------+--------+
///     | size | tag code | store time | bitmap size | bitmap |   one unit, big endian; size and bitmap size are 16 bits
///     +------+----------+------------+-------------+--------+
public struct QueueExtensionUnit: Equatable, Sendable {
    static let fixedBytes = 20
    static let maxBytes = Int(Int16.max)

    /// What the queue entry carries without an extension.
    public var tagCode: Int64
    /// In milliseconds since 1970.
    public var storeTimestamp: Int64
    /// Which consumer groups' filters the message passes; empty when that was not computed.
    public var filterBitmap: [UInt8]

    /// The length of the unit in its file.
    public var byteCount: Int { Self.fixedBytes + filterBitmap.count }

    init(tagCode: Int64, storeTimestamp: Int64, filterBitmap: [UInt8] = []) {
        self.tagCode = tagCode
        self.storeTimestamp = storeTimestamp
        self.filterBitmap = filterBitmap
    }

    /// The unit at a position of a file; nil when none is there.
    init?(_ file: MappedFile, at position: Int) {
        guard let size = Self.size(file, at: position) else { return nil }
        tagCode = file.loadInt64(position + 2)
        storeTimestamp = file.loadInt64(position + 10)
        filterBitmap = [UInt8](UnsafeRawBufferPointer(start: file.base + position + Self.fixedBytes, count: size - Self.fixedBytes))
    }

    /// The length of the unit at a position of a file; nil when none is there.
    static func size(_ file: MappedFile, at position: Int) -> Int? {
        guard position >= 0, position <= file.byteCount - fixedBytes else { return nil }
        let size = Int(Int16(bigEndian: file.base.loadUnaligned(fromByteOffset: position, as: Int16.self)))
        let bitmapSize = Int(Int16(bigEndian: file.base.loadUnaligned(fromByteOffset: position + 18, as: Int16.self)))
        guard size >= fixedBytes, size - fixedBytes == bitmapSize, position + size <= file.byteCount else { return nil }
        return size
    }

    func write(to bytes: UnsafeMutableRawPointer) {
        bytes.storeBytes(of: Int16(byteCount).bigEndian, as: Int16.self)
        bytes.storeBytes(of: tagCode.bigEndian, toByteOffset: 2, as: Int64.self)
        bytes.storeBytes(of: storeTimestamp.bigEndian, toByteOffset: 10, as: Int64.self)
        bytes.storeBytes(of: Int16(filterBitmap.count).bigEndian, toByteOffset: 18, as: Int16.self)
        filterBitmap.withUnsafeBytes { (bytes + Self.fixedBytes).copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(bytes), byteCount: $0.count) }
    }
}

/// The extension files of one consume queue, which a store has that runs with `enableConsumeQueueExt`.
///
/// A queue entry then carries an address instead of a tag code: the unit's byte offset - 2^63, which is below every
/// sign-extended 32-bit hash. Files follow each other like those of a log; a unit never crosses files, and where the next
/// one does not fit a -1 stands instead. Everything in here is written again from the log together with the queue.
///
/// Units are written under the append lock and read by anyone; the lock in here is for the list of files.
final class QueueExtension: Sendable {
    private struct State {
        /// Oldest first. Mapped at the first look, since most queues have none.
        var files: [MappedFile]?
        /// The length of these, and of those to come.
        var fileBytes: Int?
        /// Where the next unit goes; nil until it is looked for.
        var end: Int64?
        /// Up to here disk blocks are allocated.
        var allocatedEnd: Int64 = 0
        /// Units below are on the disk.
        var flushedEnd: Int64 = 0
        /// The end when the file system began to be synced.
        var togetherEnd: Int64 = 0
        var hasNewFiles = false
    }

    private let root: String
    private let name: String
    /// The length of new files; nil when none are made.
    private let fileBytes: Int?
    private let state = Mutex(State())

    /// What stands where the rest of a file is too short for a unit needs so much room.
    private static let endMarkerRoom = 4
    private static let allocationStep: Int64 = 65_536
    /// The largest offset whose address is no hash.
    private static let maxOffset = Int64.max - (1 << 31)

    /// - Parameter name: of the queue, which is also that of its directory below `root`.
    init(root: String, name: String, fileBytes: Int?) {
        self.root = root
        self.name = name
        self.fileBytes = fileBytes
    }

    private var directory: String { root + "/" + name }

    static func isAddress(_ tagCode: Int64) -> Bool {
        tagCode <= Int64(Int32.min) - 1
    }

    private static func offset(_ address: Int64) -> Int64 { address &- Int64.min }

    // MARK: Reading

    /// The tag code in the unit at an address; nil without one.
    func tagCode(at address: Int64) -> Int64? {
        guard let (file, position) = locate(Self.offset(address)), QueueExtensionUnit.size(file, at: position) != nil else { return nil }
        return file.loadInt64(position + 2)
    }

    func unit(at address: Int64) -> QueueExtensionUnit? {
        guard let (file, position) = locate(Self.offset(address)) else { return nil }
        return QueueExtensionUnit(file, at: position)
    }

    /// Shows store time and bit map of the unit at an address; nil without one.
    func withUnit<Result>(at address: Int64, _ body: (_ storeTimestamp: Int64, _ bitmap: UnsafeRawBufferPointer) -> Result) -> Result? {
        guard let (file, position) = locate(Self.offset(address)), let size = QueueExtensionUnit.size(file, at: position) else { return nil }
        let bitmap = position + QueueExtensionUnit.fixedBytes
        return withExtendedLifetime(file) {
            body(file.loadInt64(position + 10), UnsafeRawBufferPointer(start: file.base + bitmap, count: position + size - bitmap))
        }
    }

    /// Where units lie from an address on, in their file's order.
    func place(of address: Int64) -> (file: MappedFile, position: Int)? { locate(Self.offset(address)) }

    private func locate(_ offset: Int64) -> (file: MappedFile, position: Int)? {
        state.withLock { state in
            guard let file = loaded(&state).last(where: { $0.baseOffset <= offset }), offset - file.baseOffset < Int64(file.byteCount) else { return nil }
            return (file, Int(offset - file.baseOffset))
        }
    }

    private func loaded(_ state: inout State) -> [MappedFile] {
        if let files = state.files { return files }
        var files: [MappedFile] = []
        var found: [(offset: Int64, path: String, length: Int64)] = []
        for entry in (try? StoreFiles.entries(in: directory)) ?? [] {
            let path = directory + "/" + entry.name
            guard let offset = SegmentName.offset(entry.name) else { continue }
            if entry.kind == .file, let length = try? MappedFile.length(path) {
                found.append((offset, path, length))
            } else if fileBytes != nil {
                // A file could not be made in its place.
                _ = try? StoreFiles.setAside(path)
            }
        }
        let size = fileBytes.map { FoundSize.decide(found.map(\.length), configured: $0) }
        state.fileBytes = size
        for var file in found {
            // One that was cut off has no units there. What is too long repeats the next file's place.
            if let size, file.length != size, (try? StoreFiles.setLength(file.path, to: Int64(size))) != nil { file.length = Int64(size) }
            guard file.length >= QueueExtensionUnit.fixedBytes, size == nil || Int64(size ?? 0) == file.length else { continue }
            if let file = try? MappedFile(opening: file.path, baseOffset: file.offset, byteCount: Int(file.length)) { files.append(file) }
        }
        state.files = files
        return files
    }

    // MARK: Writing

    /// Appends a unit and returns its address; nil when it is too long for a file.
    /// - Parameters:
    ///   - lastCode: what the queue's last entry carries, nil without entries. Units behind the one that it leads to belong
    ///     to no entry.
    ///   - fileBytes: the length of new files; a queue that has others goes on with theirs.
    func append(_ unit: QueueExtensionUnit, lastCode: Int64?, fileBytes: Int, _ disk: DiskCalls, _ held: borrowing AppendState) throws(StoreError) -> Int64? {
        try state.withLock { (state) throws(StoreError) in
            _ = loaded(&state)
            let fileBytes = state.fileBytes ?? fileBytes
            guard unit.byteCount <= QueueExtensionUnit.maxBytes, unit.byteCount + Self.endMarkerRoom <= fileBytes else { return nil }
            if state.end == nil { state.end = try open(&state, lastCode: lastCode) }
            guard var end = state.end else { return nil }
            if let last = state.files?.last, end > last.baseOffset, end < last.baseOffset + Int64(fileBytes),
                end - last.baseOffset + Int64(unit.byteCount + Self.endMarkerRoom) > Int64(fileBytes)
            {
                last.base.storeBytes(of: Int16(-1).bigEndian, toByteOffset: Int(end - last.baseOffset), as: Int16.self)
                end = last.baseOffset + Int64(fileBytes)
                state.end = end
            }
            guard end <= Self.maxOffset - Int64(fileBytes) else { return nil }
            let file = try file(at: end, unit.byteCount, fileBytes, &state, disk)
            unit.write(to: file.base + Int(end - file.baseOffset))
            state.end = end + Int64(unit.byteCount)
            return end &+ Int64.min
        }
    }

    /// The file for a unit at `end`, with disk blocks for it and for the mark behind it.
    private func file(at end: Int64, _ byteCount: Int, _ fileBytes: Int, _ state: inout State, _ disk: DiskCalls) throws(StoreError) -> MappedFile {
        let file: MappedFile
        if let last = state.files?.last, end < last.baseOffset + Int64(fileBytes) {
            file = last
        } else {
            let base = end - end % Int64(fileBytes)
            try StoreFiles.makeDirectories(root)
            try StoreFiles.claimDirectories(name, below: root)
            file = try MappedFile(creating: directory + "/" + SegmentName.text(base), baseOffset: base, byteCount: fileBytes, allocating: nil)
            state.files?.append(file)
            state.hasNewFiles = true
            state.allocatedEnd = base
        }
        let wanted = end + Int64(byteCount + Self.endMarkerRoom)
        if wanted > state.allocatedEnd {
            let start = max(state.allocatedEnd, file.baseOffset)
            let goal = min(file.baseOffset + Int64(fileBytes), wanted + Self.allocationStep)
            try file.allocate(from: Int(start - file.baseOffset), count: Int(goal - start), disk)
            state.allocatedEnd = goal
        }
        return file
    }

    /// Finds where the next unit goes, and removes what lies behind.
    private func open(_ state: inout State, lastCode: Int64?) throws(StoreError) -> Int64 {
        var files = loaded(&state)
        var end: Int64 = 0
        if lastCode == nil {
            for file in files { try StoreFiles.remove(file.path) }
            files = []
        } else if let lastCode, Self.isAddress(lastCode) {
            let offset = Self.offset(lastCode)
            while let last = files.last, last.baseOffset > offset {
                try StoreFiles.remove(last.path)
                files.removeLast()
            }
            // Also without a file: the address is taken, and its entry must not be led to the next message's unit.
            let size = files.last.flatMap { QueueExtensionUnit.size($0, at: Int(clamping: offset - $0.baseOffset)) }
            end = offset + Int64(size ?? QueueExtensionUnit.fixedBytes)
        } else if let last = files.last {
            var position = 0
            while let size = QueueExtensionUnit.size(last, at: position) { position += size }
            end = last.baseOffset + Int64(position)
        }
        if let last = files.last {
            let fileEnd = last.baseOffset + Int64(last.byteCount)
            // A file that lacks what the entry leads to: go on behind it.
            if end > fileEnd { end = (end / Int64(last.byteCount) + 1) * Int64(last.byteCount) }
            if end < fileEnd { try last.zeroTail(from: Int(end - last.baseOffset)) }
        }
        state.files = files
        state.end = end
        state.allocatedEnd = end
        state.flushedEnd = min(end, files.last?.baseOffset ?? end)
        return end
    }

    // MARK: Write-back, deletion

    /// Makes all units durable. Before the entries that lead to them. Flush thread.
    func flush(_ disk: DiskCalls) throws(StoreError) {
        let (files, start, end, hasNewFiles) = state.withLock { state in
            defer { state.hasNewFiles = false }
            return (state.files ?? [], state.flushedEnd, state.end ?? 0, state.hasNewFiles)
        }
        if hasNewFiles {
            let parent = StoreFiles.parent(directory)
            for path in [directory, parent, StoreFiles.parent(parent)] { try disk.synchronizeNames(in: path) }
        }
        guard end > start else { return }
        for file in files where file.baseOffset + Int64(file.byteCount) > start && file.baseOffset < end {
            let last = min(Int64(file.byteCount), end - file.baseOffset)
            try disk.synchronize(file, from: Int(max(0, start - file.baseOffset)), to: Int(last))
        }
        state.withLock { $0.flushedEnd = max($0.flushedEnd, end) }
    }

    /// Somebody is about to sync the whole file system.
    func beginFlushTogether() {
        state.withLock { state in
            state.hasNewFiles = false
            state.togetherEnd = state.end ?? 0
        }
    }

    /// The file system was synced as it was at ``beginFlushTogether()``.
    func endFlushTogether() {
        state.withLock { $0.flushedEnd = max($0.flushedEnd, $0.togetherEnd) }
    }

    /// The queue lost entries: the next unit's place is looked for again.
    func forgetEnd(_ held: borrowing AppendState) {
        state.withLock { $0.end = nil }
    }

    /// Unmaps everything, unless there is something to be written back.
    func giveBack() {
        state.withLock { state in
            if let end = state.end, end > state.flushedEnd { return }
            state.files = nil
            state.end = nil
        }
    }

    /// Removes the files before the one with the unit at an address, never the last one.
    func removeFiles(before address: Int64) throws(StoreError) {
        let offset = Self.offset(address)
        let removed = state.withLock { state in
            let files = loaded(&state)
            let removed = files.dropLast().prefix { $0.baseOffset + Int64($0.byteCount) <= offset }
            state.files = Array(files.dropFirst(removed.count))
            return Array(removed)
        }
        for file in removed { try StoreFiles.remove(file.path) }
    }

    /// Has no units any more. Its files are somebody else's now.
    func forgetAll(_ held: borrowing AppendState) {
        state.withLock { $0 = State() }
    }

    /// Removes all files.
    func removeAll(_ held: borrowing AppendState) throws(StoreError) {
        let files = state.withLock { state in
            let files = loaded(&state)
            state = State()
            return files
        }
        for file in files { try StoreFiles.remove(file.path) }
    }
}
