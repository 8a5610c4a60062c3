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
/// `maxOffset` only while records wait for the promise that makes them visible (see `Dispatch/`). Files are mapped while
/// they are used (see `QueueMappings`).
public final class ConsumeQueue: @unchecked Sendable {
    // Sendable: `writing` is reached only by who shows that it holds the append lock; `flushedMax` and `zeroedFrom` belong to the
    // flush thread; all else is constant, atomic or behind a Mutex.

    /// A file being written, and up to which byte its disk blocks are allocated.
    struct Writer {
        let file: MappedFile
        /// Those of `file`, here to spare the append a look at another object.
        let base: UnsafeMutableRawPointer
        let baseOffset: Int64
        var allocatedEnd: Int

        init(_ file: MappedFile, allocatedEnd: Int) {
            self.file = file
            base = file.base
            baseOffset = file.baseOffset
            self.allocatedEnd = allocatedEnd
        }
    }

    /// What the append lock guards.
    private struct Writing {
        /// The queue was deleted; whoever still holds this object gets its successor.
        var isRetired = false
        /// Whether the flusher knows that there is something to write back.
        var isDirty = false
        /// The offset that the next append assigns.
        var nextOffset: Int64 = 0
        var writer: Writer?
        /// The files behind the writer's that the entries being written will reach.
        var ahead: [Writer] = []
        /// `maxOffset` at the last sweep.
        var sweptMax: Int64 = -1
    }

    // What an append touches stands together: with tens of thousands of queues each cache line is a wait for memory.
    /// The number of the queue, also the name of its folder.
    public let queueId: Int32
    /// The topic in UTF-8, as records store it.
    let topicBytes: [UInt8]
    let place: QueuePlace
    let fileBytes: Int
    let publishedMax = Atomic<Int64>(0)
    /// See ``maxPhysicalOffset``.
    private let newestEnd = Atomic<Int64>(-1)
    private var writing = Writing()

    /// The topic of the queue, also the name of the folder above.
    public let topic: String
    let extensions: QueueExtension
    let files = Mutex(QueueFiles())
    let publishedMin = Atomic<Int64>(0)
    let firstPosition = Atomic<Int64>(-1)
    let newNames = Atomic<UInt8>(NewNames.none.rawValue)

    /// Names that a power failure would still take away.
    enum NewNames: UInt8 {
        case none
        case file
        /// The queue's directory too, and perhaps its topic's.
        case directories
    }

    /// First entry not yet written back. Flush thread only, after the store started.
    var flushedMax: Int64 = 0
    /// Recovery zeroed what stood from this offset on. Until that is on the disk, too, entries of an earlier life may come
    /// back behind the queue's end. Flush thread only, after the store started.
    var zeroedFrom: Int64?

    init(topic: String, queueId: Int32, place: QueuePlace) {
        self.topic = topic
        self.queueId = queueId
        topicBytes = [UInt8](topic.utf8)
        self.place = place
        fileBytes = place.fileBytes
        extensions = QueueExtension(root: place.extensionDirectory, name: "\(topic)/\(queueId)", fileBytes: place.extensions?.fileBytes)
    }

    var directory: String { "\(place.directory)/\(topic)/\(queueId)" }

    /// The offset of the first message that the commit log still holds.
    public var minOffset: Int64 { publishedMin.load(ordering: .acquiring) }
    /// One more than the newest offset that can be read.
    public var maxOffset: Int64 { publishedMax.load(ordering: .acquiring) }

    /// Where in the commit log the first message in here is; -1 without any.
    var firstPhysicalOffset: Int64 { firstPosition.load(ordering: .relaxed) }

    /// The end in the commit log of the newest record in here; -1 without any. Set under the append lock, before the record's
    /// entry is published.
    var maxPhysicalOffset: Int64 {
        @inline(__always) get { newestEnd.load(ordering: .relaxed) }
        @inline(__always) set { newestEnd.store(newValue, ordering: .relaxed) }
    }

    var entriesPerFile: Int64 { Int64(fileBytes / QueueEntry.byteCount) }
    var hasFiles: Bool { files.withLock { $0.count > 0 } }

    func path(_ base: Int64) -> String { directory + "/" + SegmentName.text(base) }

    // MARK: Reading (any thread)

    /// The file that holds an entry, and the entry's byte position in it; nil when there is no such file.
    /// - Throws: when the file cannot be mapped.
    func locate(_ offset: Int64) throws(StoreError) -> (file: MappedFile, position: Int)? {
        let byteOffset = offset &* Int64(QueueEntry.byteCount)
        let (base, mapped) = files.withLock { files -> (Int64?, MappedFile?) in
            guard let base = files.base(holding: byteOffset, fileBytes: fileBytes) else { return (nil, nil) }
            files.wasUsed = true
            return (base, files.mappedFile(base: base))
        }
        guard let base else { return nil }
        if let mapped { return (mapped, Int(byteOffset - base)) }
        guard let file = try map(base) else { return nil }
        return (file, Int(byteOffset - base))
    }

    /// Where an entry is, for a reader that must not wait.
    enum Place {
        case mapped(MappedFile, position: Int)
        /// The file is there, and has to be opened first.
        case unmapped
        case missing
    }

    func locateMapped(_ offset: Int64) -> Place {
        let byteOffset = offset &* Int64(QueueEntry.byteCount)
        return files.withLock { files in
            guard let base = files.base(holding: byteOffset, fileBytes: fileBytes) else { return .missing }
            files.wasUsed = true
            guard let file = files.mappedFile(base: base) else { return .unmapped }
            return .mapped(file, position: Int(byteOffset - base))
        }
    }

    /// - Returns: nil when the file was deleted meanwhile, which is no error.
    private func map(_ base: Int64) throws(StoreError) -> MappedFile? {
        let file: MappedFile
        do throws(StoreError) {
            file = try MappedFile(opening: path(base), baseOffset: base, byteCount: fileBytes)
        } catch {
            let isListed = files.withLock { $0.base(holding: base, fileBytes: fileBytes) == base }
            if isListed { throw error }
            return nil
        }
        file.expectRandomAccess()
        let kept = files.withLock { files in
            if let other = files.mappedFile(base: base) { return other }
            // Deleted meanwhile: readable for this caller, but not kept.
            if files.base(holding: base, fileBytes: fileBytes) == base { files.keep(file) }
            return file
        }
        register()
        return kept
    }

    /// Lets the sweep know of this queue.
    private func register() {
        let isNew = files.withLock { files in
            defer { files.isRegistered = true }
            return !files.isRegistered
        }
        if isNew { place.mappings?.add(self) }
    }

    /// The entry of a published offset.
    func entry(at offset: Int64) throws(StoreError) -> QueueEntry? {
        guard offset >= minOffset, offset < maxOffset, let (file, position) = try locate(offset) else { return nil }
        return QueueEntry(file.base + position)
    }

    /// The tags code of an entry: from the extension if it points there. nil when the extension cannot tell.
    func tagCode(of entry: QueueEntry) -> Int64? {
        QueueExtension.isAddress(entry.tagCode) ? extensions.tagCode(at: entry.tagCode) : entry.tagCode
    }

    // MARK: Appending

    /// The queue was deleted; whoever still holds this object gets its successor.
    @inline(__always)
    func isRetired(_ held: borrowing AppendState) -> Bool { writing.isRetired }

    /// The offset that the next append assigns.
    @inline(__always)
    func nextOffset(_ held: borrowing AppendState) -> Int64 { writing.nextOffset }

    /// The file being written.
    func writer(_ held: borrowing AppendState) -> Writer? { writing.writer }

    /// There is something to write back.
    /// - Returns: whether that is news to the flusher.
    @inline(__always)
    func becomesDirty(_ held: borrowing AppendState) -> Bool {
        if writing.isDirty { return false }
        writing.isDirty = true
        return true
    }

    /// The flusher will write back what there is now.
    func becomesClean(_ held: borrowing AppendState) { writing.isDirty = false }

    /// Takes the next `count` offsets and returns the first.
    @inline(__always)
    func assign(_ count: Int, _ held: borrowing AppendState) -> Int64 {
        let first = writing.nextOffset
        writing.nextOffset = first + Int64(count)
        return first
    }

    /// Gives back the newest `count` offsets, whose records could not be written.
    func takeBack(_ count: Int, _ held: borrowing AppendState) {
        writing.nextOffset -= Int64(count)
        assert(writing.nextOffset >= maxOffset, "what is published stays assigned")
    }

    /// Makes room for the next `count` entries, so that writing them cannot fail any more.
    func prepare(_ count: Int, _ held: borrowing AppendState) throws(StoreError) {
        try prepare(upTo: publishedMax.load(ordering: .relaxed) + Int64(count), held)
    }

    /// Makes room for all entries from the next one to be written up to that before `end`.
    @inline(__always)
    func prepare(upTo end: Int64, _ held: borrowing AppendState) throws(StoreError) {
        if let writer = writing.writer, end * Int64(QueueEntry.byteCount) - writer.baseOffset <= Int64(writer.allocatedEnd) { return }
        try makeRoom(upTo: end)
    }

    private func makeRoom(upTo end: Int64) throws(StoreError) {
        var next = publishedMax.load(ordering: .relaxed) * Int64(QueueEntry.byteCount)
        let end = end * Int64(QueueEntry.byteCount)
        var prepared: [Writer] = []
        while next < end {
            var target: Writer
            if let writer = writing.writer, writer.baseOffset <= next, next < writer.baseOffset + Int64(fileBytes) {
                target = writer
            } else if let known = writing.ahead.first(where: { $0.baseOffset <= next && next < $0.baseOffset + Int64(fileBytes) }) {
                target = known
            } else if let found = try locate(next / Int64(QueueEntry.byteCount)) {
                target = Writer(found.file, allocatedEnd: found.position)
            } else {
                target = Writer(try addFile(baseOffset: next - next % Int64(fileBytes)), allocatedEnd: 0)
            }
            let wanted = Int(min(end - target.baseOffset, Int64(fileBytes)))
            if wanted > target.allocatedEnd {
                let goal = Self.allocationGoal(wanted, allocated: target.allocatedEnd, limit: fileBytes)
                try target.file.allocate(from: target.allocatedEnd, count: goal - target.allocatedEnd, place.disk)
                target.allocatedEnd = goal
            }
            prepared.append(target)
            next = target.baseOffset + Int64(fileBytes)
        }
        writing.writer = prepared.removeFirst()
        writing.ahead = prepared
    }

    /// Disk blocks are allocated ahead, so that a full disk is an error and not a signal: 4 KiB for a new file, as there may
    /// be tens of thousands with a few messages each, then twice as much, up to 64 KiB (3,276 messages) a call.
    private static func allocationGoal(_ wanted: Int, allocated: Int, limit: Int) -> Int {
        let step = min(max(allocated, 4096), 65_536)
        return min(limit, (wanted + step - 1) / step * step)
    }

    private func addFile(baseOffset: Int64) throws(StoreError) -> MappedFile {
        let isFirst = !hasFiles
        if isFirst {
            guard StoreFiles.isSafeName(topicBytes), queueId >= 0 else { throw .unsafeQueueName(topic: topic, queueId: queueId) }
            try StoreFiles.claimDirectories("\(topic)/\(queueId)", below: place.directory)
        }
        let file = try MappedFile(creating: path(baseOffset), baseOffset: baseOffset, byteCount: fileBytes, allocating: nil)
        file.expectRandomAccess()
        newNames.max((isFirst ? NewNames.directories : .file).rawValue, ordering: .releasing)
        files.withLock { $0.append(file) }
        register()
        return file
    }

    /// Writes the entry of the next offset. ``prepare(_:_:)`` has made room.
    @inline(__always)
    func write(_ entry: QueueEntry, _ held: borrowing AppendState) {
        if maxPhysicalOffset < 0 { firstPosition.store(entry.position, ordering: .relaxed) }
        maxPhysicalOffset = entry.end
        put(entry)
    }

    /// Lets the next offset stand for a record that the log lost.
    func writeFiller(_ held: borrowing AppendState) {
        put(.filler)
    }

    @inline(__always)
    private func put(_ entry: QueueEntry) {
        let offset = publishedMax.load(ordering: .relaxed)
        var position = Int(offset * Int64(QueueEntry.byteCount) - writing.writer!.baseOffset)
        if position == fileBytes {
            writing.writer = writing.ahead.removeFirst()
            position = 0
        }
        entry.write(to: writing.writer!.base + position)
        publish(offset + 1)
    }

    /// Lets readers see everything below `end`, which is assigned at the latest now.
    @inline(__always)
    private func publish(_ end: Int64) {
        writing.nextOffset = max(writing.nextOffset, end)
        publishedMax.store(end, ordering: .releasing)
    }

    /// The next append goes on where the entries end: after recovery or a cut, when nothing is assigned and not published.
    func resumeAssigning(_ held: borrowing AppendState) {
        writing.nextOffset = maxOffset
    }

    // MARK: Giving back

    /// Lets go of the file being written, if nothing was written since the last sweep.
    /// - Returns: whether there is no writer any more.
    @discardableResult
    func giveBackWriter(isForced: Bool, _ held: borrowing AppendState) -> Bool {
        guard writing.writer != nil else { return true }
        let end = publishedMax.load(ordering: .relaxed)
        if !isForced, end != writing.sweptMax || writing.isDirty {
            writing.sweptMax = end
            return false
        }
        writing.writer = nil
        writing.ahead = []
        return true
    }

    /// Unmaps all files, unless they were used since the last sweep. Whoever reads one goes on reading.
    /// - Returns: whether nothing is mapped any more.
    func giveBackFiles(isForced: Bool) -> Bool {
        let (isDone, unmapped) = files.withLock { files -> (Bool, [MappedFile]) in
            if files.wasUsed, !isForced {
                files.wasUsed = false
                return (false, [])
            }
            let mapped = files.mapped
            files.unmapAll()
            files.isRegistered = false
            return (true, mapped)
        }
        _ = unmapped  // released here, outside the lock
        if isDone { extensions.giveBack() }
        return isDone
    }

    /// The queue is deleted: appends go to its successor, and its files are let go of.
    func retire(_ held: borrowing AppendState) {
        writing.isRetired = true
        writing.writer = nil
        writing.ahead = []
        files.withLock { $0.set(firstBase: 0, count: 0) }
    }
}
