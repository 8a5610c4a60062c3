import Glibc
import RMQCommon
import Synchronization

/// The one log that holds the records of all queues, in segment files of one size.
///
///     00000000000000000000      00000000001073741824      00000000002147483648
///     +-----+-----+- -+------+  +-----+-----+- -+------+  +-----+-----+- - -
///     | rec | rec |   |filler|  | rec | rec |   |filler|  | rec | rec |   zeros
///     +-----+-----+- -+------+  +-----+-----+- -+------+  +-----+-----+- - -
///     ↑ minOffset                                                    ↑ maxOffset
///
/// One writer, under the store's append lock (`Append/`). Readers see everything below `maxOffset`, which moves only after
/// records are written; their bytes never change afterwards. A kill -9 in the middle of a write leaves a part of a record at
/// most, which recovery tells by its checksum and by the zeros in it, as after a power failure.
final class CommitLog: Sendable {
    let segmentBytes: Int
    private let segments: Mutex<[MappedFile]>
    private let publishedEnd: Atomic<Int64>
    /// See ``leftBytes(upTo:)``.
    private let leftoversEnd = Atomic<Int64>(0)
    private let disk: DiskCalls

    init(segments: [MappedFile], segmentBytes: Int, disk: DiskCalls) {
        self.segmentBytes = segmentBytes
        self.disk = disk
        self.segments = Mutex(segments)
        publishedEnd = Atomic(segments.last.map { $0.baseOffset + Int64(segmentBytes) } ?? 0)
    }

    /// Where the log begins; its end when it is empty.
    var minOffset: Int64 { segments.withLock { $0.first?.baseOffset } ?? maxOffset }
    var maxOffset: Int64 { publishedEnd.load(ordering: .acquiring) }
    var snapshot: [MappedFile] { segments.withLock { $0 } }

    /// `count` bytes at an offset, if all of them are in one segment and written.
    func range(at offset: Int64, count: Int) -> (file: MappedFile, position: Int)? {
        Self.range(at: offset, count: count, in: snapshot, end: maxOffset)
    }

    /// The same among segments taken before, for many look-ups.
    static func range(at offset: Int64, count: Int, in segments: [MappedFile], end: Int64) -> (file: MappedFile, position: Int)? {
        guard let first = segments.first, offset >= first.baseOffset, count > 0, offset <= end - Int64(count) else { return nil }
        let index = Int((offset - first.baseOffset) / Int64(first.byteCount))
        guard index < segments.count else { return nil }
        let position = Int(offset - segments[index].baseOffset)
        guard position + count <= first.byteCount else { return nil }
        return (segments[index], position)
    }

    // MARK: Writing

    /// Lets readers see everything below `end`, which whoever wrote it has made whole.
    func publish(_ end: Int64, _ held: borrowing AppendState) {
        assert(end >= maxOffset, "the log only grows")
        publishedEnd.store(end, ordering: .releasing)
    }

    /// A write failed, and left bytes behind the log's end that are zeroed since, or will be. They may have reached the disk, so
    /// the next sync includes the zeros: otherwise a power failure could bring back a record that was refused, right behind
    /// one that was written in its place.
    func leftBytes(upTo end: Int64, _ held: borrowing AppendState) {
        leftoversEnd.max(end, ordering: .relaxed)
    }

    func add(_ segment: MappedFile, _ held: borrowing AppendState) {
        segments.withLock { $0.append(segment) }
    }

    // MARK: Deletion (retention thread)

    /// Takes the oldest segment off the list, if it still is `segment`. Its file is gone already.
    func removeFirst(_ segment: MappedFile) {
        segments.withLock { segments in
            if segments.first === segment, segments.count > 1 { segments.removeFirst() }
        }
    }

    // MARK: Write-back (one thread at a time)

    /// Makes everything from `start` to `end` durable.
    func flush(from start: Int64, to end: Int64) throws(StoreError) {
        let end = max(end, leftoversEnd.load(ordering: .relaxed))
        for segment in snapshot {
            let from = max(start, segment.baseOffset)
            let to = min(end, segment.baseOffset + Int64(segment.byteCount))
            guard from < to else { continue }
            try disk.synchronize(segment, from: Int(from - segment.baseOffset), to: Int(to - segment.baseOffset))
        }
    }

    // MARK: Recovery

    /// Ends the log at `end`: later segments are removed, and later bytes of the segment that holds it become zero.
    /// - Parameter distrusting: whether bytes may be there although nothing stands right at the end.
    func truncate(to end: Int64, distrusting: Bool, _ held: borrowing AppendState) throws(StoreError) {
        let all = snapshot
        // A segment that begins at the end holds nothing; the next append makes it again.
        let kept = all.filter { $0.baseOffset < end }
        for segment in all.dropFirst(kept.count).reversed() {
            try StoreFiles.remove(segment.path)
            // Or a power failure would bring it back behind records that it does not follow.
            try disk.synchronizeNames(in: StoreFiles.parent(segment.path))
        }
        if let last = kept.last, end - last.baseOffset < Int64(last.byteCount) {
            let position = Int(end - last.baseOffset)
            if distrusting || !last.isZero(from: position, count: MessageRecord.fillerByteCount) {
                try last.zeroTail(from: position)
            }
        }
        segments.withLock { $0 = kept }
        leftoversEnd.store(0, ordering: .relaxed)
        publishedEnd.store(end, ordering: .releasing)
    }

    /// Writes everything from `start` on to the disk, zeros behind the end included, whether or not the kernel believes
    /// that it is there: after a failed sync it may be wrong.
    func rewrite(from start: Int64) throws(StoreError) {
        let end = maxOffset
        for segment in snapshot where segment.isWritable && segment.baseOffset + Int64(segment.byteCount) > start {
            let from = Int(max(0, start - segment.baseOffset))
            segment.touch(from: from, to: Int(min(Int64(segment.byteCount), end - segment.baseOffset)))
            try disk.synchronize(segment, from: from, to: segment.byteCount)
        }
    }
}
