import CRMQSystem
import Glibc

/// What of a mapped file is in memory, and how it gets there.
extension MappedFile {
    /// Pages that one question to the kernel is about.
    private static let pagesAsked = 128

    /// How many bytes of a range, from its start on, can be read without waiting for the disk. Some 300 ns for up to 512 KiB.
    func residentBytes(_ range: Range<Int>) -> Int {
        let end = min(range.upperBound, byteCount)
        var pageStart = range.lowerBound / Self.pageBytes * Self.pageBytes
        while pageStart < end {
            let pages = min((end - pageStart + Self.pageBytes - 1) / Self.pageBytes, Self.pagesAsked)
            let resident = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: pages) { state -> Int in
                // A kernel that does not tell must not keep anybody from reading.
                guard crmq_mincore(base + pageStart, pages * Self.pageBytes, state.baseAddress) == 0 else { return pages }
                return state.firstIndex { $0 & 1 == 0 } ?? pages
            }
            pageStart += resident * Self.pageBytes
            if resident < pages { break }
        }
        return max(0, min(pageStart, end) - range.lowerBound)
    }

    /// Reads a range from the disk and waits until it is in memory. Not for a thread that serves others.
    func load(from start: Int, count: Int) {
        let pageStart = start / Self.pageBytes * Self.pageBytes
        let limit = min(byteCount, start + count)
        guard limit > pageStart else { return }
        // The kernel cuts a long request short, and reads little ahead by itself.
        for portion in stride(from: pageStart, to: limit, by: Self.readAheadBytes) {
            readAhead(from: portion, count: min(Self.readAheadBytes, limit - portion))
        }
        if crmq_populate_read(base + pageStart, limit - pageStart) == -EINVAL { touchForReading(from: pageStart, to: limit) }
    }

    private static let readAheadBytes = 512 << 10

    private func touchForReading(from start: Int, to end: Int) {
        for page in stride(from: start, to: end, by: Self.pageBytes) { _ = memcmp(base + page, base + page, 1) }
    }
}
