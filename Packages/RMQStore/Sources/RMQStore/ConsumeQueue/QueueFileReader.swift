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

    /// Whether some of `count` entries is of a record before a place in the log.
    func hasEntry(below position: Int64, from start: Int, count: Int) throws(StoreError) -> Bool {
        var found = false
        try scan(from: start, count: count) { _, entry in
            found = entry.isValid && !entry.isFiller && entry.position < position
            return !found
        }
        return found
    }

    /// The first of the file's first `count` entries whose record lies at or behind a place in the log; nil when none does.
    ///
    /// Entries are in the order of the log, so this halves. Fillers say nothing: where it meets one, the next real entry on
    /// the left decides. One that no record can have is damaged and counts as behind, so that it hides no message.
    func firstIndex(atOrBehind position: Int64, count: Int) throws(StoreError) -> Int? {
        guard count > 0 else { return nil }
        func isBehind(_ entry: QueueEntry) -> Bool { !entry.isFiller && (entry.position >= position || entry.position < 0) }
        if isBehind(try entry(0)) { return 0 }
        var low = 1
        var high = count
        while low < high {
            let middle = low + (high - low) / 2
            var probe = middle
            var found = try entry(probe)
            while found.isFiller, probe > low {
                probe -= 1
                found = try entry(probe)
            }
            if isBehind(found) { high = probe } else { low = middle + 1 }
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

    /// Whether all bytes from an entry to the end of the file are zero. Looks only where the file system knows of data.
    func isZero(from index: Int, fileBytes: Int) throws(StoreError) -> Bool {
        let seekData: Int32 = 3, seekHole: Int32 = 4  // SEEK_DATA and SEEK_HOLE, which the overlay lacks
        var position = index * QueueEntry.byteCount
        while position < fileBytes {
            let data = lseek(descriptor, position, seekData)
            if data < 0, errno == ENXIO { return true }
            position = max(position, data)
            let hole = lseek(descriptor, position, seekHole)
            let count = min((hole < 0 ? fileBytes : min(hole, fileBytes)) - position, 1 << 16)
            guard count > 0 else { return true }
            let outcome = withUnsafeTemporaryAllocation(byteCount: count, alignment: 16) { buffer -> Result<Bool, StoreError> in
                let got = pread(descriptor, buffer.baseAddress, count, position)
                if got < 0 { return .failure(.system(call: "pread", path: path, code: errno)) }
                position += max(got, 1)
                return .success(buffer[..<got].allSatisfy { $0 == 0 })
            }
            guard try outcome.get() else { return false }
        }
        return true
    }
}
