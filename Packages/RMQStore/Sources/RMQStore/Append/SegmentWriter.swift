import Glibc
import RMQCommon

/// A segment of the log as whoever appends sees it: written through a descriptor, read by all through the mapping.
///
///     appends ── pwrite ──► ┌────────────┐ ◄── mapping ── readers, recovery, syncs
///                           │ page cache │
///                           └────────────┘ ── startWriteBack, then a sync ──► disk
///
/// The kernel keeps one copy of a page, so a mapping shows what `pwrite` wrote. A store to a mapping costs a fault for each
/// new page and another one after each write-back, under the append lock; a write costs one call for all records of a wake-up.
final class SegmentWriter: Sendable {
    let file: MappedFile
    private let descriptor: Descriptor
    private let disk: DiskCalls

    init(_ file: MappedFile, _ disk: DiskCalls) throws(StoreError) {
        do throws(SystemFailure) {
            descriptor = try Descriptor(opening: file.path, flags: O_WRONLY)
        } catch {
            throw .system(call: error.call, path: file.path, code: error.code)
        }
        self.file = file
        self.disk = disk
    }

    var baseOffset: Int64 { file.baseOffset }
    var byteCount: Int { file.byteCount }

    /// Writes all of `bytes`.
    /// - Throws: when not all could be written; any part of them may be there.
    func write(_ bytes: UnsafeRawBufferPointer, at position: Int, _ held: borrowing AppendState) throws(StoreError) {
        assert(position >= 0 && bytes.count <= byteCount - position, "nothing is written across a segment's end")
        try DiskCalls.writeAll(bytes, path: file.path) { rest, written in disk.write(file, descriptor.raw, rest, position + written) }
    }

    /// Makes a range zero, as it was when the segment was made.
    func clear(from start: Int, to end: Int, _ held: borrowing AppendState) throws(StoreError) {
        let zeros = [UInt8](repeating: 0, count: min(end - start, 64 << 10))
        var position = start
        while position < end {
            let count = min(zeros.count, end - position)
            try zeros.withUnsafeBytes { zeros in
                Result { () throws(StoreError) in try write(UnsafeRawBufferPointer(rebasing: zeros[..<count]), at: position, held) }
            }.get()
            position += count
        }
    }

    /// Has the pages of a range written to the disk soon, so that the next sync finds little to do. Any thread.
    ///
    /// Nothing counts on it, so an error means nothing: the sync will have it, too.
    func startWriteBack(from start: Int, to end: Int) {
        _ = disk.startWriteBack(descriptor.raw, start, end - start)
    }
}
