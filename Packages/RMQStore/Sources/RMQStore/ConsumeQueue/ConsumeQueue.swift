import Glibc
import Synchronization

/// Finds the queue once and keep it: what a caller holds per topic and queue id instead of looking it up per message.
public typealias QueueHandle = ConsumeQueue

/// The order of one queue's messages: for every queue offset the place of its record in the commit log.
///
///     file 0                       file 1
///     +----+----+----+- - -+----+  +----+----+- - -             20 bytes an entry, n entries a file
///     |  0 |  1 |  2 |     |n-1 |  |  n |n+1 |     (zeros)      the first file may start at a later multiple of n
///     +----+----+----+- - -+----+  +----+----+- - -
///          ↑ minOffset         maxOffset ↑ … nextOffset: assigned to records, not visible yet
///
/// A queue has no file until its first message. Entries are written under the store's append lock; readers take no lock
/// but a short one for the list of files, and see an entry as soon as `maxOffset` covers it. `nextOffset` is ahead of
/// `maxOffset` only while records wait for the promise that makes them visible (see `Dispatch/`).
public final class ConsumeQueue: @unchecked Sendable {
    // Sendable: `nextOffset`, `writer`, `maxPhysicalOffset`, `isDirty` and `isRetired` are guarded by the append lock of the store
    // (recovery runs before there is a second thread); all else is constant, atomic or behind a Mutex.

    public let topic: String
    public let queueId: Int32
    /// The topic in UTF-8, as records store it.
    let topicBytes: [UInt8]
    let directory: String
    let fileBytes: Int
    let extensions: QueueExtension

    private let files = Mutex<[MappedFile]>([])
    private let publishedMin = Atomic<Int64>(0)
    private let publishedMax = Atomic<Int64>(0)
    private let firstPosition = Atomic<Int64>(-1)

    /// The offset that the next append assigns. Under the append lock.
    private(set) var nextOffset: Int64 = 0
    /// The file being written, and up to which byte its disk blocks are allocated. Under the append lock.
    private var writer: (file: MappedFile, allocatedEnd: Int)?
    /// The end in the commit log of the newest record in here; -1 without any. Under the append lock.
    private(set) var maxPhysicalOffset: Int64 = -1
    /// Whether the flusher knows that there is something to write back. Under the append lock.
    var isDirty = false
    /// The queue was deleted; whoever still holds this object gets its successor. Under the append lock.
    var isRetired = false
    /// First entry not yet written back. Flush thread only, after the store started.
    private var flushedMax: Int64 = 0

    /// Disk blocks are allocated this far ahead: one call for 3,276 messages, and a full disk is an error, not a signal.
    private static let allocationStep = 65_536

    init(topic: String, queueId: Int32, configuration: StoreConfiguration) {
        self.topic = topic
        self.queueId = queueId
        topicBytes = [UInt8](topic.utf8)
        directory = "\(configuration.consumeQueueDirectory)/\(topic)/\(queueId)"
        fileBytes = configuration.consumeQueueFileLength
        extensions = QueueExtension(directory: "\(configuration.extensionDirectory)/\(topic)/\(queueId)")
    }

    /// The offset of the first message that the commit log still holds.
    public var minOffset: Int64 { publishedMin.load(ordering: .acquiring) }
    /// One more than the newest offset that can be read.
    public var maxOffset: Int64 { publishedMax.load(ordering: .acquiring) }

    /// Where in the commit log the first message in here is; -1 without any.
    var firstPhysicalOffset: Int64 { firstPosition.load(ordering: .relaxed) }

    var entriesPerFile: Int64 { Int64(fileBytes / QueueEntry.byteCount) }
    var hasFiles: Bool { files.withLock { !$0.isEmpty } }

    // MARK: Reading (any thread)

    /// The file that holds an entry, and the entry's byte position in it.
    func locate(_ offset: Int64) -> (file: MappedFile, position: Int)? {
        files.withLock { files in
            guard let first = files.first else { return nil }
            let byteOffset = offset &* Int64(QueueEntry.byteCount) - first.baseOffset
            guard byteOffset >= 0 else { return nil }
            let index = Int(byteOffset / Int64(fileBytes))
            guard index < files.count else { return nil }
            return (files[index], Int(byteOffset % Int64(fileBytes)))
        }
    }

    /// The entry of a published offset.
    func entry(at offset: Int64) -> QueueEntry? {
        guard offset >= minOffset, offset < maxOffset, let (file, position) = locate(offset) else { return nil }
        return QueueEntry(file.base + position)
    }

    /// The tags code of an entry: from the extension if it points there. nil when the extension cannot tell.
    func tagCode(of entry: QueueEntry) -> Int64? {
        QueueExtension.isAddress(entry.tagCode) ? extensions.tagCode(at: entry.tagCode) : entry.tagCode
    }

    // MARK: Appending (append lock)

    /// Takes the next `count` offsets and returns the first.
    @inline(__always)
    func assign(_ count: Int) -> Int64 {
        let first = nextOffset
        nextOffset = first + Int64(count)
        return first
    }

    /// Makes room for the next `count` entries, so that writing them cannot fail any more.
    @inline(__always)
    func prepare(_ count: Int) throws(StoreError) {
        if let writer {
            let byteOffset = publishedMax.load(ordering: .relaxed) * Int64(QueueEntry.byteCount)
            if byteOffset + Int64(count * QueueEntry.byteCount) - writer.file.baseOffset <= Int64(writer.allocatedEnd) { return }
        }
        try makeRoom(count)
    }

    private func makeRoom(_ count: Int) throws(StoreError) {
        var next = publishedMax.load(ordering: .relaxed) * Int64(QueueEntry.byteCount)
        let end = next + Int64(count * QueueEntry.byteCount)
        while next < end {
            var current: MappedFile
            var allocatedEnd = 0
            if let writer, writer.file.baseOffset <= next, next < writer.file.baseOffset + Int64(fileBytes) {
                current = writer.file
                allocatedEnd = writer.allocatedEnd
            } else if let found = locate(next / Int64(QueueEntry.byteCount)) {
                current = found.file
                allocatedEnd = found.position
            } else {
                current = try addFile(baseOffset: next - next % Int64(fileBytes))
            }
            let wanted = Int(min(end - current.baseOffset, Int64(fileBytes)))
            if wanted > allocatedEnd {
                let target = min(fileBytes, (wanted + Self.allocationStep - 1) / Self.allocationStep * Self.allocationStep)
                try current.allocate(from: allocatedEnd, count: target - allocatedEnd)
                allocatedEnd = target
            }
            // Entries are written from the first of these files on; `write` moves over to the next by itself.
            if next == publishedMax.load(ordering: .relaxed) * Int64(QueueEntry.byteCount) { writer = (current, allocatedEnd) }
            next = current.baseOffset + Int64(fileBytes)
        }
    }

    private func addFile(baseOffset: Int64) throws(StoreError) -> MappedFile {
        let isFirst = !hasFiles
        if isFirst {
            guard StoreFiles.isSafeName(topicBytes), queueId >= 0 else { throw .unsafeQueueName(topic: topic, queueId: queueId) }
            try StoreFiles.makeDirectories(directory)
        }
        let file = try MappedFile(
            creating: directory + "/" + SegmentName.text(baseOffset), baseOffset: baseOffset, byteCount: fileBytes, allocating: false)
        files.withLock { $0.append(file) }
        return file
    }

    /// Writes the entry of the next offset. ``prepare(_:)`` has made room.
    @inline(__always)
    func write(_ entry: QueueEntry) {
        if maxPhysicalOffset < 0 { firstPosition.store(entry.position, ordering: .relaxed) }
        maxPhysicalOffset = entry.end
        put(entry)
    }

    /// Lets the next offset stand for a record that the log lost.
    func writeFiller() {
        put(.filler)
    }

    @inline(__always)
    private func put(_ entry: QueueEntry) {
        let offset = publishedMax.load(ordering: .relaxed)
        var position = Int(offset * Int64(QueueEntry.byteCount) - writer!.file.baseOffset)
        if position == fileBytes {
            // The second and later files of a batch: made and allocated by `prepare`.
            let next = locate(offset)!
            writer = (next.file, min(fileBytes, Self.allocationStep))
            position = next.position
        }
        entry.write(to: writer!.file.base + position)
        publish(offset + 1)
    }

    /// Lets readers see everything below `end`, which is assigned at the latest now.
    @inline(__always)
    private func publish(_ end: Int64) {
        nextOffset = max(nextOffset, end)
        publishedMax.store(end, ordering: .releasing)
    }

    /// The next append goes on where the entries end: after recovery or a cut, when nothing is assigned and not published.
    func resumeAssigning() {
        nextOffset = maxOffset
    }

    /// Starts an empty queue at an offset above 0: the log no longer has what came before.
    func begin(at offset: Int64) throws(StoreError) {
        publishedMin.store(offset, ordering: .releasing)
        publishedMax.store(offset, ordering: .releasing)
        flushedMax = offset
        try prepare(1)
        guard let writer else { return }
        let position = Int(offset * Int64(QueueEntry.byteCount) - writer.file.baseOffset)
        for start in stride(from: 0, to: position, by: QueueEntry.byteCount) { QueueEntry.filler.write(to: writer.file.base + start) }
    }

    // MARK: Write-back (flush thread)

    /// Makes all entries published so far durable.
    func flush() throws(StoreError) {
        let end = maxOffset
        while flushedMax < end {
            guard let (file, position) = locate(flushedMax) else {
                flushedMax = end
                return
            }
            let last = min(Int64(file.byteCount), end * Int64(QueueEntry.byteCount) - file.baseOffset)
            try file.synchronize(from: position, to: Int(last))
            flushedMax = (file.baseOffset + last) / Int64(QueueEntry.byteCount)
        }
    }

    // MARK: Recovery and deletion (nobody else writes)

    /// Takes over the files found on disk and finds the end: the first entry of the last three files that is none.
    func recover(zeroingTail: Bool) throws(StoreError) {
        let found = try SegmentName.load(directory: directory, fileBytes: fileBytes)
        guard let first = found.first else { return }
        var kept = found
        var end = max(first.baseOffset, found[max(0, found.count - 3)].baseOffset)
        if found.count > 3, let previous = Self.lastEntry(found[found.count - 4]) { maxPhysicalOffset = previous.end }
        scan: for index in max(0, found.count - 3)..<found.count {
            let file = found[index]
            for position in stride(from: 0, to: fileBytes, by: QueueEntry.byteCount) {
                let entry = QueueEntry(file.base + position)
                guard entry.isValid else {
                    // What lies behind the hole goes: recovery writes it again from the log.
                    if zeroingTail { try file.zeroTail(from: position) }
                    for file in found[(index + 1)...] { try StoreFiles.remove(file.path) }
                    kept = Array(found[...index])
                    break scan
                }
                if !entry.isFiller { maxPhysicalOffset = entry.end }
                end = file.baseOffset + Int64(position + QueueEntry.byteCount)
            }
        }
        files.withLock { $0 = kept }
        publishedMax.store(end / Int64(QueueEntry.byteCount), ordering: .releasing)
        publishedMin.store(first.baseOffset / Int64(QueueEntry.byteCount), ordering: .releasing)
        noteFirst()
        flushedMax = end / Int64(QueueEntry.byteCount)
    }

    private func noteFirst() {
        var offset = minOffset
        while let entry = entry(at: offset), entry.isFiller { offset += 1 }
        firstPosition.store(entry(at: offset)?.position ?? -1, ordering: .relaxed)
    }

    private static func lastEntry(_ file: MappedFile) -> QueueEntry? {
        let entry = QueueEntry(file.base + file.byteCount - QueueEntry.byteCount)
        return entry.isValid && !entry.isFiller ? entry : nil
    }

    /// Drops the entries of records at or behind a log offset.
    func truncate(toPhysicalOffset limit: Int64) throws(StoreError) {
        guard maxPhysicalOffset > limit else { return }
        var end = maxOffset
        let start = minOffset
        maxPhysicalOffset = -1
        while end > start, let (file, position) = locate(end - 1) {
            let entry = QueueEntry(file.base + position)
            if !entry.isFiller, entry.position < limit {
                maxPhysicalOffset = entry.end
                break
            }
            end -= 1
        }
        try cut(to: end)
    }

    /// Makes `offset` the next one and removes every trace of later entries.
    private func cut(to offset: Int64) throws(StoreError) {
        let end = offset * Int64(QueueEntry.byteCount)
        let removed = files.withLock { files in
            let kept = files.prefix { $0.baseOffset == files.first?.baseOffset || $0.baseOffset < end }
            let removed = Array(files[kept.count...])
            files = Array(kept)
            return removed
        }
        for file in removed { try StoreFiles.remove(file.path) }
        if let last = files.withLock({ $0.last }), end >= last.baseOffset { try last.zeroTail(from: Int(end - last.baseOffset)) }
        writer = nil
        publishedMax.store(offset, ordering: .releasing)
        flushedMax = min(flushedMax, offset)
        noteFirst()
    }

    /// Forgets all entries and removes the files; what the log says about the queue is written again afterwards.
    func reset() throws(StoreError) {
        let removed = files.withLock { files in
            let removed = files
            files = []
            return removed
        }
        for file in removed { try StoreFiles.remove(file.path) }
        writer = nil
        maxPhysicalOffset = -1
        firstPosition.store(-1, ordering: .relaxed)
        publishedMin.store(0, ordering: .releasing)
        publishedMax.store(0, ordering: .releasing)
        flushedMax = 0
    }

    /// Sets the smallest offset to the first entry in the first file whose record the log still holds.
    func correctMinimum(logMinimum: Int64) {
        guard let first = files.withLock({ $0.first }) else { return }
        let firstOffset = first.baseOffset / Int64(QueueEntry.byteCount)
        for offset in firstOffset..<min(maxOffset, firstOffset + entriesPerFile) {
            let entry = QueueEntry(first.base + Int(offset - firstOffset) * QueueEntry.byteCount)
            if !entry.isFiller, entry.position >= logMinimum {
                publishedMin.store(offset, ordering: .releasing)
                return
            }
        }
    }
}
