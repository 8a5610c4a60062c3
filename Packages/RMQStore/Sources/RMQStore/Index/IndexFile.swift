import Synchronization

/// Where the fields of an index file's header stand, see ``IndexFile``.
package enum IndexHeader {
    package static let beginTimestamp = 0, endTimestamp = 8, beginOffset = 16, endOffset = 24, usedSlots = 32, count = 36
}

/// One entry of an index file, see ``IndexFile``.
package struct IndexEntry {
    /// Where the place in the log stands in an entry.
    static let offsetPosition = 4

    /// Of `topic#key`.
    package var hash: Int32
    /// The record's place in the log.
    package var offset: Int64
    /// From the begin time of the file to the record's store time.
    package var seconds: Int32
    /// The next older entry in its chain; 0 for none.
    package var older: Int32

    init(hash: Int32, offset: Int64, seconds: Int32, older: Int32) {
        self.hash = hash
        self.offset = offset
        self.seconds = seconds
        self.older = older
    }

    /// Reads the entry at a position of a file.
    @inline(__always)
    package init(_ file: MappedFile, at position: Int) {
        hash = file.loadInt32(position)
        offset = file.loadInt64(position + Self.offsetPosition)
        seconds = file.loadInt32(position + 12)
        older = file.loadInt32(position + 16)
    }

    @inline(__always)
    func write(to bytes: UnsafeMutableRawPointer) {
        bytes.storeBytes(of: hash.bigEndian, as: Int32.self)
        bytes.storeBytes(of: offset.bigEndian, toByteOffset: Self.offsetPosition, as: Int64.self)
        bytes.storeBytes(of: seconds.bigEndian, toByteOffset: 12, as: Int32.self)
        bytes.storeBytes(of: older.bigEndian, toByteOffset: 16, as: Int32.self)
    }
}

/// How many hash slots and entries an index file has. A file does not say so itself.
package struct IndexShape: Equatable, Sendable {
    package static let headerBytes = 40
    package static let slotBytes = 4
    package static let entryBytes = 20

    /// `maxHashSlotNum`
    package var slotCount: Int
    /// `maxIndexNum`. Number 0 is never used, so a file holds one entry less.
    package var entryCount: Int

    var entriesPosition: Int { Self.headerBytes + slotCount * Self.slotBytes }
    var fileBytes: Int { entriesPosition + entryCount * Self.entryBytes }

    package init(slotCount: Int, entryCount: Int) {
        self.slotCount = slotCount
        self.entryCount = entryCount
    }

    /// The shape of a file with entries, which its header, first and last entry tell; nil when they do not.
    ///
    /// Tried first: one of the configured numbers with another for the other, and four entries a slot, as the defaults have.
    init?(of file: MappedFile, like configured: IndexShape) {
        let rest = file.byteCount - Self.headerBytes
        let likely = [configured.slotCount, (rest - configured.entryCount * Self.entryBytes) / Self.slotBytes, rest / (Self.slotBytes + 4 * Self.entryBytes)]
        guard let slots = (likely + Array(1...max(1, rest / Self.slotBytes))).first(where: { Self.fits(file, slotCount: $0) }) else { return nil }
        self.init(slotCount: slots, entryCount: (rest - slots * Self.slotBytes) / Self.entryBytes)
    }

    private static func fits(_ file: MappedFile, slotCount: Int) -> Bool {
        let room = file.byteCount - Self.headerBytes - slotCount * slotBytes
        let count = Int(file.loadInt32(IndexHeader.count))
        guard slotCount > 0, room >= 2 * Self.entryBytes, room % Self.entryBytes == 0, count > 1, count <= room / Self.entryBytes else { return false }
        func offset(_ number: Int) -> Int64 { file.loadInt64(Self.headerBytes + slotCount * slotBytes + number * Self.entryBytes + IndexEntry.offsetPosition) }
        return offset(1) == file.loadInt64(IndexHeader.beginOffset) && offset(count - 1) == file.loadInt64(IndexHeader.endOffset)
    }

    @inline(__always)
    package func position(of number: Int32) -> Int { entriesPosition + Int(number) * Self.entryBytes }
}

/// Which messages have a key: a hash table in a file, with chains of entries from new to old.
///
///     0          8         16         24         32          36      40
///     +----------+---------+----------+----------+-----------+-------+
///     |begin time|end time |begin off.|end offset|slots used |count  |                    big endian
///     +----------+---------+----------+----------+-----------+-------+
///     | slot 0 | slot 1 | … number of the newest entry with that hash, 0: none           |   4 bytes each
///     +------------------------------------------------------------------------+---------+
///     | entry 0 (unused) | entry 1 | … hash 4, log offset 8, seconds since begin 4, next older entry 4 |
///     +-----------------------------------------------------------------------------------------------+
///
/// Times are store times in ms, offsets those of the first and last message in here; `count` is the number that the next
/// entry gets, so it begins with 1. The hash is that of `topic#key`, its slot the hash modulo the number of slots. Different
/// keys may share a hash: whoever looks one up compares the records. There is no checksum; everything in here can be
/// derived from the log.
///
/// One thread writes. Readers take no lock: an entry is complete, and `count` covers it, before a slot leads to it.
final class IndexFile: @unchecked Sendable {
    // Sendable: `allocatedEnd` and the entries from `count` on belong to the index thread; all else is constant or atomic.

    /// The local time of its creation as a number, which is its file name.
    let name: Int64
    let shape: IndexShape
    private let file: MappedFile
    private let disk: DiskCalls
    private let nextNumber: Atomic<Int32>
    private let firstTimestamp: Atomic<Int64>
    private let lastTimestamp: Atomic<Int64>
    private let firstOffset: Atomic<Int64>
    private let lastOffset: Atomic<Int64>
    /// Up to here the disk's blocks are allocated. Index thread.
    private var allocatedEnd: Int

    /// The file is sparse but for its slots, and grows by this much at a time: a full disk is an error, not a signal.
    private static let allocationStep = 1 << 20

    /// Makes an empty file.
    init(creating path: String, name: Int64, shape: IndexShape, disk: DiskCalls) throws(StoreError) {
        file = try MappedFile(creating: path, baseOffset: 0, byteCount: shape.fileBytes, allocating: nil)
        self.disk = disk
        self.name = name
        self.shape = shape
        nextNumber = Atomic(1)
        firstTimestamp = Atomic(0)
        lastTimestamp = Atomic(0)
        firstOffset = Atomic(0)
        lastOffset = Atomic(0)
        allocatedEnd = 0
        try allocate(to: shape.position(of: 1))
        store(Int32(1), at: IndexHeader.count)
    }

    /// Maps a file that an earlier run left. Look at ``isConsistent`` before using it.
    /// - Returns: nil when its length is not that of an index file of this shape.
    init?(opening path: String, name: Int64, shape: IndexShape, disk: DiskCalls) throws(StoreError) {
        guard try MappedFile.length(path) == shape.fileBytes else { return nil }
        file = try MappedFile(opening: path, baseOffset: 0, byteCount: shape.fileBytes)
        self.disk = disk
        self.name = name
        self.shape = shape
        nextNumber = Atomic(max(1, file.loadInt32(IndexHeader.count)))
        firstTimestamp = Atomic(file.loadInt64(IndexHeader.beginTimestamp))
        lastTimestamp = Atomic(file.loadInt64(IndexHeader.endTimestamp))
        firstOffset = Atomic(file.loadInt64(IndexHeader.beginOffset))
        lastOffset = Atomic(file.loadInt64(IndexHeader.endOffset))
        allocatedEnd = 0
    }

    var path: String { file.path }
    /// The number that the next entry gets.
    var count: Int32 { nextNumber.load(ordering: .acquiring) }
    var isEmpty: Bool { count <= 1 }
    var isFull: Bool { Int(count) >= shape.entryCount }
    var beginTimestamp: Int64 { firstTimestamp.load(ordering: .relaxed) }
    var endTimestamp: Int64 { lastTimestamp.load(ordering: .relaxed) }
    /// The log offset of the first message in here.
    var beginOffset: Int64 { firstOffset.load(ordering: .relaxed) }
    /// The log offset of the last message in here.
    var endOffset: Int64 { lastOffset.load(ordering: .relaxed) }

    /// Whether the header agrees with the first and the last entry.
    var isConsistent: Bool {
        guard Int(count) <= shape.entryCount else { return false }
        if isEmpty { return true }
        return beginOffset >= 0 && beginOffset <= endOffset && entry(1).offset == beginOffset && entry(count - 1).offset == endOffset
    }

    /// How many of the newest entries are of the message at `offset`.
    func entries(endingWith offset: Int64) -> Int {
        var number = count - 1
        while number > 0, entry(number).offset == offset { number -= 1 }
        return Int(count - 1 - number)
    }

    @inline(__always)
    private func entry(_ number: Int32) -> IndexEntry { IndexEntry(file, at: shape.position(of: number)) }

    // Slots change while others read them.

    @inline(__always)
    private func slot(_ index: Int) -> UnsafeMutablePointer<Atomic<UInt32>> {
        (file.base + IndexShape.headerBytes + index * IndexShape.slotBytes).assumingMemoryBound(to: Atomic<UInt32>.self)
    }

    @inline(__always)
    private func loadSlot(_ index: Int) -> Int32 {
        Int32(bitPattern: UInt32(bigEndian: slot(index).pointee.load(ordering: .acquiring)))
    }

    @inline(__always)
    private func storeSlot(_ index: Int, _ number: Int32) {
        slot(index).pointee.store(UInt32(bitPattern: number).bigEndian, ordering: .releasing)
    }

    @inline(__always)
    private func store<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value, at position: Int) {
        file.base.storeBytes(of: value.bigEndian, toByteOffset: position, as: Value.self)
    }

    // MARK: Writing (index thread)

    /// Adds a key's hash with the place and store time of its message. Messages come in the order of the log.
    /// - Returns: false when the file is full.
    @inline(__always)
    func put(hash: Int32, offset: Int64, timestamp: Int64) throws(StoreError) -> Bool {
        let number = nextNumber.load(ordering: .relaxed)
        guard Int(number) < shape.entryCount else { return false }
        let position = shape.position(of: number)
        if position + IndexShape.entryBytes > allocatedEnd { try allocate(to: position + IndexShape.entryBytes) }
        if number == 1 {
            firstTimestamp.store(timestamp, ordering: .relaxed)
            firstOffset.store(offset, ordering: .relaxed)
            store(timestamp, at: IndexHeader.beginTimestamp)
            store(offset, at: IndexHeader.beginOffset)
        }
        let slot = Int(hash) % shape.slotCount
        let head = loadSlot(slot)
        let older = head > 0 && head < number ? head : 0
        let seconds = max(0, (timestamp &- firstTimestamp.load(ordering: .relaxed)) / 1000)
        IndexEntry(hash: hash, offset: offset, seconds: Int32(clamping: seconds), older: older).write(to: file.base + position)
        if older == 0 { store(file.loadInt32(IndexHeader.usedSlots) &+ 1, at: IndexHeader.usedSlots) }
        // The latest of all, also when the clock was set back since: a look-up from a time on passes over files that end before.
        finish(next: number + 1, offset: offset, timestamp: number == 1 ? timestamp : max(timestamp, lastTimestamp.load(ordering: .relaxed)))
        storeSlot(slot, number)
        return true
    }

    @inline(__always)
    private func finish(next: Int32, offset: Int64, timestamp: Int64) {
        store(next, at: IndexHeader.count)
        store(offset, at: IndexHeader.endOffset)
        store(timestamp, at: IndexHeader.endTimestamp)
        lastTimestamp.store(timestamp, ordering: .relaxed)
        lastOffset.store(offset, ordering: .relaxed)
        nextNumber.store(next, ordering: .releasing)
    }

    private func allocate(to end: Int) throws(StoreError) {
        let target = min(shape.fileBytes, (end + Self.allocationStep - 1) / Self.allocationStep * Self.allocationStep)
        try file.allocate(from: allocatedEnd, count: target - allocatedEnd, disk)
        allocatedEnd = target
    }

    /// Makes everything put so far durable.
    func synchronize() throws(StoreError) {
        try disk.synchronize(file, from: 0, to: shape.position(of: count))
    }

    // MARK: Reading (any thread)

    /// Whether messages stored from `begin` to `end` (ms, inclusive) may be in here.
    func covers(from begin: Int64, to end: Int64) -> Bool {
        !isEmpty && begin <= endTimestamp && end >= beginTimestamp
    }

    /// Calls `body` with the log offset of each message that has a key of this hash, newest first, until it returns false.
    ///
    /// Entries tell the time in whole seconds, so messages up to a second outside of `begin...end` may be among them.
    /// Numbers in a chain only fall, so this ends whatever the file contains.
    /// - Returns: false when the chain is damaged; what came before it was fine.
    func forEach(hash: Int32, from begin: Int64, to end: Int64, _ body: (Int64) -> Bool) -> Bool {
        let slot = Int(hash) % shape.slotCount
        var number = loadSlot(slot)
        var bound = count
        let (firstOffset, lastOffset) = (beginOffset, endOffset)
        while number != 0 {
            guard number > 0, number < bound else { return false }
            let entry = entry(number)
            guard entry.hash >= 0, Int(entry.hash) % shape.slotCount == slot, entry.seconds >= 0,
                entry.offset >= firstOffset, entry.offset <= lastOffset
            else { return false }
            // The reference counts the first entry's seconds from the end of the file before.
            let time = beginTimestamp &+ (number == 1 ? 0 : Int64(entry.seconds) * 1000)
            if entry.hash == hash, time &+ 999 >= begin, time <= end, !body(entry.offset) { return true }
            // Those before it may be of a later time: clocks are set back.
            bound = number
            number = entry.older
        }
        return true
    }

    // MARK: Recovery (index thread, before anybody reads)

    /// Keeps the entries below number `limit` whose messages begin before `logEnd`, and leads the slots to them.
    ///
    /// After a power failure any page may be as old as the last write-back. Entries below a number that was written back
    /// are as they were then; slots lead to them or to later ones, so they are all set again.
    /// - Returns: false when the entries contradict each other.
    func cut(to limit: Int32, logEnd: Int64) -> Bool {
        guard limit >= 1, Int(limit) <= shape.entryCount else { return false }
        var heads = [Int32](repeating: 0, count: shape.slotCount)
        var used: Int32 = 0
        var previous: Int64 = 0
        var latest: Int32 = 0
        var kept: Int32 = 1
        while kept < limit {
            let entry = entry(kept)
            guard entry.hash >= 0, entry.seconds >= 0, entry.offset >= previous else { return false }
            if entry.offset >= logEnd { break }
            let slot = Int(entry.hash) % shape.slotCount
            guard entry.older == heads[slot] else { return false }
            if heads[slot] == 0 { used += 1 }
            heads[slot] = kept
            previous = entry.offset
            latest = max(latest, entry.seconds)
            kept += 1
        }
        for (slot, head) in heads.enumerated() where loadSlot(slot) != head { storeSlot(slot, head) }
        store(used, at: IndexHeader.usedSlots)
        if kept == 1 {
            finish(next: 1, offset: 0, timestamp: 0)
        } else {
            // Not exactly known any more; later is safe, since it only widens what is searched.
            let last = entry(kept - 1)
            finish(next: kept, offset: last.offset, timestamp: min(endTimestamp, beginTimestamp &+ Int64(latest) * 1000 &+ 999))
        }
        return isConsistent
    }
}
