import Glibc

/// Reads entries of one consume queue file without mapping it: for what happens once to each of very many queues.
struct QueueFileReader: ~Copyable {
    private let descriptor: Int32
    private let path: String

    init(_ path: String) throws(StoreError) {
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system(call: "open", path: path, code: errno) }
        self.path = path
        // No reading ahead: most of the file is a hole, and few entries are wanted.
        posix_fadvise(descriptor, 0, 0, POSIX_FADV_RANDOM)
    }

    deinit {
        close(descriptor)
    }

    /// The entry of that number in the file; an empty one behind the end of the file.
    func entry(_ index: Int) throws(StoreError) -> QueueEntry {
        var entry = QueueEntry(position: 0, size: 0, tagCode: 0)
        try scan(from: index, count: 1) { _, found in
            entry = found
            return false
        }
        return entry
    }

    /// Hands out entries in order until `body` returns false, `count` of them at most.
    ///
    /// Reads one page first, as most queues are short, then more and more.
    func scan(from start: Int, count: Int, _ body: (_ index: Int, _ entry: QueueEntry) -> Bool) throws(StoreError) {
        var index = start
        let end = start + count
        var portion = 4096 / QueueEntry.byteCount
        while index < end {
            let wanted = min(portion, end - index) * QueueEntry.byteCount
            let position = index * QueueEntry.byteCount
            let outcome = withUnsafeTemporaryAllocation(byteCount: wanted, alignment: 16) { buffer -> Result<Bool, StoreError> in
                let got = pread(descriptor, buffer.baseAddress, wanted, position)
                guard got >= 0, let bytes = buffer.baseAddress else { return .failure(.system(call: "pread", path: path, code: errno)) }
                for place in stride(from: 0, to: got / QueueEntry.byteCount * QueueEntry.byteCount, by: QueueEntry.byteCount) {
                    guard body(index, QueueEntry(bytes + place)) else { return .success(false) }
                    index += 1
                }
                return .success(got == wanted)
            }
            guard try outcome.get() else { return }
            portion = min(portion * 4, 1 << 16 / QueueEntry.byteCount)
        }
    }

    /// The first of the file's first `count` entries whose record lies at or behind a place in the log; nil when none does.
    ///
    /// Entries are in the order of the log, so this halves. Fillers say nothing: where it meets one, the next real entry on
    /// the left decides.
    func firstIndex(atOrBehind position: Int64, count: Int) throws(StoreError) -> Int? {
        var low = 0
        var high = count
        while low < high {
            let middle = low + (high - low) / 2
            var probe = middle
            var found = try entry(probe)
            while found.isFiller, probe > low {
                probe -= 1
                found = try entry(probe)
            }
            if !found.isFiller, found.position >= position { high = probe } else { low = middle + 1 }
        }
        return low < count ? low : nil
    }

    /// The last of the file's first `count` entries that is no filler.
    func lastEntry(count: Int) throws(StoreError) -> QueueEntry? {
        var index = count - 1
        while index >= 0 {
            let found = try entry(index)
            if !found.isFiller { return found.isValid ? found : nil }
            index -= 1
        }
        return nil
    }

    /// Whether the file system knows of data behind an entry.
    func mayHaveData(from index: Int) -> Bool {
        let seekData: Int32 = 3  // SEEK_DATA, which the overlay lacks
        return lseek(descriptor, index * QueueEntry.byteCount, seekData) >= 0 || errno != ENXIO
    }
}
