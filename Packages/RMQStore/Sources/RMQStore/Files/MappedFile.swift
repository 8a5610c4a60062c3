import CRMQSystem
import Glibc

/// One file of fixed length, mapped whole, readable and writable, shared with the page cache.
///
/// What is stored here survives a kill -9 at once and a power failure after its range was synchronized. There is no
/// descriptor behind it after opening: 40,000 queues must not need 40,000 descriptors. The mapping goes when the last
/// owner does; a removed file stays readable until then.
public final class MappedFile: @unchecked Sendable {
    // Sendable: all properties are constants. Bytes are written by one thread at a time, under the append lock (or
    // before the store starts), only beyond the position that the owning log or queue has published.

    /// Where the file was when it was opened.
    public let path: String
    /// The offset in its log or queue of the first byte.
    public let baseOffset: Int64
    /// The length of the mapping, which is that of the file when it was opened.
    public let byteCount: Int
    package let base: UnsafeMutableRawPointer
    /// False for a file that may only be read. Storing to it would be a signal.
    let isWritable: Bool

    static let pageBytes = 4096

    package static func length(_ path: String) throws(StoreError) -> Int64 {
        var status = stat()
        guard stat(path, &status) == 0 else { throw .system(call: "stat", path: path, code: errno) }
        return Int64(status.st_size)
    }

    /// When the file was last written, in milliseconds since 1970.
    static func modificationTime(_ path: String) throws(StoreError) -> Int64 {
        var status = stat()
        guard stat(path, &status) == 0 else { throw .system(call: "stat", path: path, code: errno) }
        return Int64(status.st_mtim.tv_sec) * 1000 + Int64(status.st_mtim.tv_nsec) / 1_000_000
    }

    /// Maps a file that exists with this length.
    /// - Parameter mayBeReadOnly: whether a file that cannot be written is mapped for reading instead.
    init(opening path: String, baseOffset: Int64, byteCount: Int, mayBeReadOnly: Bool = false) throws(StoreError) {
        var descriptor = open(path, O_RDWR | O_CLOEXEC)
        let isWritable = descriptor >= 0 || !mayBeReadOnly || (errno != EROFS && errno != EACCES)
        if !isWritable { descriptor = open(path, O_RDONLY | O_CLOEXEC) }
        guard descriptor >= 0 else { throw .system(call: "open", path: path, code: errno) }
        defer { close(descriptor) }
        base = try Self.map(descriptor, byteCount: byteCount, isWritable: isWritable, path: path)
        self.isWritable = isWritable
        self.path = path
        self.baseOffset = baseOffset
        self.byteCount = byteCount
    }

    /// Maps a file that exists, whatever its length, for looking only: a store to it ends the process.
    package init(reading path: String, baseOffset: Int64) throws(StoreError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system(call: "open", path: path, code: errno) }
        defer { close(descriptor) }
        let length = Int(try Self.length(path))
        guard length > 0 else { throw .wrongFileSize(path: path, bytes: 0, expected: Int64(Self.pageBytes)) }
        base = try Self.map(descriptor, byteCount: length, isWritable: false, path: path)
        isWritable = false
        self.path = path
        self.baseOffset = baseOffset
        byteCount = length
    }

    /// Makes a file of this length, zero filled.
    ///
    /// The length is set in one step before blocks are allocated, so that a crash leaves either no length or the right one.
    /// - Parameter allocating: by which calls the disk blocks are allocated now, if they are. Then a full disk is an error
    ///   here instead of a signal at a store, first stores to a page are cheaper (0.6 µs instead of 8 µs), and length and
    ///   blocks are on the disk when this returns.
    init(creating path: String, baseOffset: Int64, byteCount: Int, allocating: DiskCalls?) throws(StoreError) {
        let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .system(call: "open", path: path, code: errno) }
        defer { close(descriptor) }
        do throws(StoreError) {
            guard ftruncate(descriptor, byteCount) == 0 else { throw .system(call: "ftruncate", path: path, code: errno) }
            if let disk = allocating {
                try Self.allocate(descriptor, from: 0, count: byteCount, path: path, disk)
                guard fsync(descriptor) == 0 else { throw .system(call: "fsync", path: path, code: errno) }
            }
            base = try Self.map(descriptor, byteCount: byteCount, isWritable: true, path: path)
        } catch {
            unlink(path)
            throw error
        }
        isWritable = true
        self.path = path
        self.baseOffset = baseOffset
        self.byteCount = byteCount
    }

    deinit {
        munmap(base, byteCount)
    }

    private static func map(
        _ descriptor: Int32, byteCount: Int, isWritable: Bool, path: String
    ) throws(StoreError) -> UnsafeMutableRawPointer {
        guard let base = mmap(nil, byteCount, isWritable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, descriptor, 0),
            base != UnsafeMutableRawPointer(bitPattern: -1)
        else { throw .system(call: "mmap", path: path, code: errno) }
        return base
    }

    private static func allocate(_ descriptor: Int32, from start: Int, count: Int, path: String, _ disk: DiskCalls) throws(StoreError) {
        guard count > 0 else { return }
        let code = disk.allocate(path, descriptor, start, count)
        if code == ENOSPC || code == EDQUOT { throw .diskFull(path: path) }
        if code != 0 { throw .system(call: "fallocate", path: path, code: code) }
    }

    /// Allocates disk blocks for a part of a sparse file.
    func allocate(from start: Int, count: Int, _ disk: DiskCalls) throws(StoreError) {
        let descriptor = open(path, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system(call: "open", path: path, code: errno) }
        defer { close(descriptor) }
        try Self.allocate(descriptor, from: start, count: min(count, byteCount - start), path: path, disk)
    }

    /// Makes everything from `start` on zero. Looks only at what the file system knows to hold data.
    ///
    /// A cut-off tail must not come back: its records would look valid as soon as new ones end where they begin.
    func zeroTail(from start: Int) throws(StoreError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system(call: "open", path: path, code: errno) }
        defer { close(descriptor) }
        let seekData: Int32 = 3, seekHole: Int32 = 4  // SEEK_DATA and SEEK_HOLE, which the overlay lacks
        var position = start
        while position < byteCount {
            let data = lseek(descriptor, position, seekData)
            if data < 0, errno == ENXIO { return }
            let dataStart = data < 0 ? position : max(position, data)
            let hole = lseek(descriptor, dataStart, seekHole)
            let dataEnd = hole < 0 ? byteCount : min(byteCount, hole)
            for pageStart in stride(from: dataStart, to: dataEnd, by: Self.pageBytes) {
                let count = min(Self.pageBytes, dataEnd - pageStart)
                if isZero(from: pageStart, count: count) { continue }
                guard isWritable else { throw .system(call: "write", path: path, code: EROFS) }
                memset(base + pageStart, 0, count)
            }
            position = max(dataEnd, position + 1)
        }
    }

    /// Whether all bytes of the range are zero. For short ranges.
    func isZero(from start: Int, count: Int) -> Bool {
        let count = min(count, byteCount - start)
        // Comparing the bytes with themselves, shifted by one, is a memcmp.
        return count <= 0 || base.load(fromByteOffset: start, as: UInt8.self) == 0 && memcmp(base + start, base + start + 1, count - 1) == 0
    }

    /// Marks the pages of a range as changed, so that the next write-back includes them whatever the kernel believes to be
    /// on the disk. Nobody else writes.
    func touch(from start: Int, to end: Int) {
        var position = start
        while position < end {
            let byte = (base + position).assumingMemoryBound(to: UInt8.self)
            memset(byte, Int32(byte.pointee), 1)
            position = (position / Self.pageBytes + 1) * Self.pageBytes
        }
    }

    /// Makes the pages of a range present and writable, so that the writer never faults. Old kernels cannot; then it does.
    func populate(from start: Int, to end: Int) {
        let pageStart = start / Self.pageBytes * Self.pageBytes
        let limit = min(end, byteCount)
        guard limit > pageStart else { return }
        _ = crmq_populate_write(base + pageStart, limit - pageStart)
    }

    /// Keeps all of the file in memory.
    /// - Returns: 0 or the errno; ENOMEM or EPERM where the process may not lock so much (`ulimit -l`).
    func lockInMemory() -> Int32 {
        -crmq_lock_memory(base, byteCount)
    }

    func unlockInMemory() {
        munlock(base, byteCount)
    }

    /// Has a range read from the disk soon, without waiting for it.
    func readAhead(from start: Int, count: Int) {
        let pageStart = start / Self.pageBytes * Self.pageBytes
        let limit = min(byteCount, start + count)
        if limit > pageStart { _ = crmq_madvise(base + pageStart, limit - pageStart, MADV_WILLNEED) }
    }

    /// Keeps the kernel from reading ahead at a fault. In a file that is mostly a hole that would fill the page cache with
    /// zeros: 2 ms and up to 4 MiB for the first entry of a queue, measured.
    func expectRandomAccess() {
        _ = crmq_madvise(base, byteCount, MADV_RANDOM)
    }

    /// Gives the process's page table entries back; the page cache keeps the bytes. After recovery has looked at everything.
    func releaseResidentPages() {
        _ = crmq_madvise(base, byteCount, MADV_DONTNEED)
    }

    @inline(__always)
    package func loadInt32(_ position: Int) -> Int32 {
        Int32(bigEndian: base.loadUnaligned(fromByteOffset: position, as: Int32.self))
    }

    @inline(__always)
    package func loadInt64(_ position: Int) -> Int64 {
        Int64(bigEndian: base.loadUnaligned(fromByteOffset: position, as: Int64.self))
    }
}
