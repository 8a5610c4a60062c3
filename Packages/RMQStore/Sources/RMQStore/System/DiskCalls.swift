import CRMQSystem
import Glibc
import RMQCommon

/// The system calls that decide what survives a failure, and who waits for the disk. Tests put others in their place: disks that
/// fill up or fail, memory that holds nothing, a machine without room for one more thread.
///
/// Those that write return 0 or an errno, but for `write` itself.
final class DiskCalls: Sendable {
    typealias Synchronize = @Sendable (_ file: MappedFile, _ range: Range<Int>) -> Int32
    typealias SynchronizeDirectory = @Sendable (_ path: String) -> Int32
    typealias Allocate = @Sendable (_ path: String, _ descriptor: Int32, _ start: Int, _ count: Int) -> Int32

    typealias SynchronizeAll = @Sendable (_ directory: String) -> Int32
    typealias ResidentBytes = @Sendable (_ file: MappedFile, _ range: Range<Int>) -> Int
    typealias Write = @Sendable (_ file: MappedFile, _ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, _ position: Int) -> Int
    typealias WriteSmall = @Sendable (_ path: String, _ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, _ position: Int) -> Int
    typealias StartThread = @Sendable (_ name: String, _ body: @escaping @Sendable () -> Void) throws(StoreError) -> SystemThread
    typealias StartWriteBack = @Sendable (_ descriptor: Int32, _ start: Int, _ count: Int) -> Int32
    typealias Rename = @Sendable (_ path: String, _ target: String) -> Int32
    typealias Unlink = @Sendable (_ path: String) -> Int32

    /// Writes a range of a mapped file back and waits for the disk.
    let synchronize: Synchronize
    /// Makes the names in a directory durable.
    let synchronizeDirectory: SynchronizeDirectory
    /// Makes durable what is on the file system of a directory.
    let synchronizeAll: SynchronizeAll
    /// Gives a range of a file its disk blocks.
    let allocate: Allocate
    /// Writes bytes of the log, perhaps not all of them; returns how many, or an errno below zero.
    let write: Write
    /// The same for small files that are written in place.
    let writeSmall: WriteSmall
    /// Has a range written to the disk soon.
    let startWriteBack: StartWriteBack
    /// How many bytes from the start of a range on are in memory.
    let residentBytes: ResidentBytes
    /// Gives the folder of a deleted queue another name.
    let rename: Rename
    /// Removes a file of a deleted queue.
    let unlink: Unlink
    /// Makes a thread that a running store begins to need.
    let startThread: StartThread

    static let system = DiskCalls()

    init(
        synchronize: @escaping Synchronize = DiskCalls.msync, synchronizeDirectory: @escaping SynchronizeDirectory = DiskCalls.fsyncDirectory,
        synchronizeAll: @escaping SynchronizeAll = DiskCalls.syncfs, allocate: @escaping Allocate = DiskCalls.fallocate,
        write: @escaping Write = DiskCalls.pwrite, writeSmall: @escaping WriteSmall = DiskCalls.pwriteSmall,
        startWriteBack: @escaping StartWriteBack = DiskCalls.syncFileRange,
        residentBytes: @escaping ResidentBytes = { $0.residentBytes($1) }, rename: @escaping Rename = DiskCalls.rename,
        unlink: @escaping Unlink = DiskCalls.unlink,
        startThread: @escaping StartThread = { (name, body) throws(StoreError) in try SystemThread.starting(name, body) }
    ) {
        self.synchronize = synchronize
        self.synchronizeDirectory = synchronizeDirectory
        self.synchronizeAll = synchronizeAll
        self.allocate = allocate
        self.write = write
        self.writeSmall = writeSmall
        self.startWriteBack = startWriteBack
        self.residentBytes = residentBytes
        self.rename = rename
        self.unlink = unlink
        self.startThread = startThread
    }

    /// `msync` of the range's pages, whoever wrote them: as fast as `fdatasync` for a few of them (10,000/s against 9,900/s
    /// measured), needs no descriptor, and leaves alone what lies outside the range.
    static let msync: Synchronize = { file, range in
        let start = range.lowerBound / MappedFile.pageBytes * MappedFile.pageBytes
        while Glibc.msync(file.base + start, range.upperBound - start, MS_SYNC) != 0 {
            if errno != EINTR { return errno }
        }
        return 0
    }

    static let pwrite: Write = { _, descriptor, bytes, position in crmq_pwrite(descriptor, bytes.baseAddress, bytes.count, Int64(position)) }

    static let pwriteSmall: WriteSmall = { _, descriptor, bytes, position in
        crmq_pwrite(descriptor, bytes.baseAddress, bytes.count, Int64(position))
    }

    static let syncFileRange: StartWriteBack = { descriptor, start, count in -crmq_start_write_back(descriptor, Int64(start), Int64(count)) }

    static let rename: Rename = { path, target in Glibc.rename(path, target) == 0 ? 0 : errno }

    static let unlink: Unlink = { path in Glibc.unlink(path) == 0 ? 0 : errno }

    static let fsyncDirectory: SynchronizeDirectory = { path in
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        // Of a topic that was deleted meanwhile nothing has to last.
        guard descriptor >= 0 else { return errno == ENOENT ? 0 : errno }
        defer { close(descriptor) }
        // Some file systems cannot do this for directories and say so.
        return fsync(descriptor) == 0 || errno == EINVAL ? 0 : errno
    }

    static let syncfs: SynchronizeAll = { directory in
        let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return errno }
        defer { close(descriptor) }
        return -crmq_syncfs(descriptor)
    }

    static let fallocate: Allocate = { _, descriptor, start, count in
        while true {
            let code = -crmq_fallocate(descriptor, Int64(start), Int64(count))
            if code <= 0 { return 0 }
            // Not every file system can. A hole would be a signal at the first store on a full disk.
            if code == EOPNOTSUPP { return writeZeros(descriptor, start, count) }
            if code != EINTR { return code }
        }
    }

    private static func writeZeros(_ descriptor: Int32, _ start: Int, _ count: Int) -> Int32 {
        let zeros = [UInt8](repeating: 0, count: min(count, 1 << 20))
        var written = 0
        while written < count {
            let result = Glibc.pwrite(descriptor, zeros, min(zeros.count, count - written), start + written)
            if result < 0, errno == EINTR { continue }
            guard result > 0 else { return result < 0 ? errno : ENOSPC }
            written += result
        }
        return 0
    }
}

extension DiskCalls {
    /// Writes all of `bytes`, in as many calls as that takes.
    /// - Parameter write: writes some of what is left, behind so many bytes that are written; returns how many, or an errno below zero.
    /// - Throws: when not all could be written; any part of them may be there.
    static func writeAll(
        _ bytes: UnsafeRawBufferPointer, path: String, _ write: (_ rest: UnsafeRawBufferPointer, _ written: Int) -> Int
    ) throws(StoreError) {
        var written = 0
        while written < bytes.count {
            let result = write(UnsafeRawBufferPointer(rebasing: bytes[written...]), written)
            if result == -Int(EINTR) { continue }
            let code = result == 0 ? ENOSPC : Int32(-result)
            if code == ENOSPC || code == EDQUOT { throw .diskFull(path: path) }
            guard result > 0 else { throw .system(call: "pwrite", path: path, code: code) }
            written += result
        }
    }

    func synchronize(_ file: MappedFile, from start: Int, to end: Int) throws(StoreError) {
        guard end > start else { return }
        let code = synchronize(file, start..<end)
        if code != 0 { throw .system(call: "msync", path: file.path, code: code) }
    }

    func synchronizeAll(on directory: String) throws(StoreError) {
        let code = synchronizeAll(directory)
        if code != 0 { throw .system(call: "syncfs", path: directory, code: code) }
    }

    func synchronizeNames(in directory: String) throws(StoreError) {
        let code = synchronizeDirectory(directory)
        if code != 0 { throw .system(call: "fsync", path: directory, code: code) }
    }
}
