import Glibc

/// What waits to be written to one socket: own bytes, and chunks between them.
///
///     bytes:   [ header 1 | frame 2 | header 3 ]
///     chunks:            ^ after 1            ^ after 3
struct OutputQueue: ~Copyable {
    /// Chunks up to this size are copied: cheaper than an entry of the list and a reference.
    private static let copiedChunkBytes = 2048
    /// Entries of one system call; the kernel takes up to 1024.
    private static let vectorCount = 64
    /// An empty block above this is given back at once, a smaller one when the connection is idle.
    private static let keptBytes = 256 * 1024

    /// Bytes of a mapped file (or any memory that does not change) that are written without being copied.
    private struct Chunk {
        /// Where in the stream of own bytes the chunk goes.
        let position: Int
        let bytes: UnsafeRawBufferPointer
        /// Keeps `bytes` valid; released after they were written or the connection closed.
        let owner: any AnyObject & Sendable
    }

    enum WriteOutcome { case drained, blocked(until: PollEvents), failed(code: Int32) }

    var bytes = ByteQueue()
    private var chunks: [Chunk] = []
    private var firstChunk = 0
    private var chunkWritten = 0
    private var chunkBytes = 0
    /// Own bytes written so far: the stream position of `bytes.readable`'s start.
    private var position = 0

    /// Bytes that wait, chunks included.
    var count: Int { bytes.count + chunkBytes }
    var isEmpty: Bool { count == 0 }

    mutating func append(_ chunk: UnsafeRawBufferPointer, keeping owner: any AnyObject & Sendable) {
        guard chunk.count > Self.copiedChunkBytes else { return bytes.append(chunk) }
        chunks.append(Chunk(position: position + bytes.count, bytes: chunk, owner: owner))
        chunkBytes += chunk.count
    }

    /// Writes once, or a few times when the transport takes less at a time or the parts are more than one call takes.
    mutating func write(_ descriptor: Int32, through transport: any Transport) -> WriteOutcome {
        while !isEmpty {
            switch writeParts(descriptor, transport) {
            case .written(let count): take(count)
            case .blocked(let count, let events):
                take(count)
                return .blocked(until: events)
            case .failed(let code): return .failed(code: code)
            }
        }
        bytes.shrink(keeping: Self.keptBytes)
        return .drained
    }

    /// Drops everything.
    mutating func discard() {
        bytes.take(bytes.count)
        bytes.shrink()
        chunks = []
        firstChunk = 0
        chunkBytes = 0
        chunkWritten = 0
    }

    private func writeParts(_ descriptor: Int32, _ transport: any Transport) -> TransportWrite {
        guard chunkBytes > 0 else {
            let own = bytes.readable
            let part = iovec(iov_base: UnsafeMutableRawPointer(mutating: own.baseAddress), iov_len: own.count)
            return withUnsafePointer(to: part) { transport.write(descriptor, UnsafeBufferPointer(start: $0, count: 1)) }
        }
        return withUnsafeTemporaryAllocation(of: iovec.self, capacity: Self.vectorCount) { vector in
            let count = fill(vector)
            return transport.write(descriptor, UnsafeBufferPointer(start: vector.baseAddress, count: count))
        }
    }

    /// Puts the first parts that wait into `vector`; returns how many.
    private func fill(_ vector: UnsafeMutableBufferPointer<iovec>) -> Int {
        var used = 0
        func add(_ part: UnsafeRawBufferPointer) {
            guard part.count > 0 else { return }
            vector[used] = iovec(iov_base: UnsafeMutableRawPointer(mutating: part.baseAddress), iov_len: part.count)
            used += 1
        }
        let own = bytes.readable
        var ownFilled = 0
        var index = firstChunk
        while index < chunks.count, used + 2 < Self.vectorCount {
            let before = chunks[index].position - position
            add(UnsafeRawBufferPointer(rebasing: own[ownFilled..<before]))
            ownFilled = before
            let skipped = index == firstChunk ? chunkWritten : 0
            add(UnsafeRawBufferPointer(rebasing: chunks[index].bytes[skipped...]))
            index += 1
        }
        if index == chunks.count { add(UnsafeRawBufferPointer(rebasing: own[ownFilled...])) }
        return used
    }

    private mutating func take(_ written: Int) {
        var left = written
        while left > 0 {
            let before = firstChunk < chunks.count ? chunks[firstChunk].position - position : bytes.count
            let own = min(before, left)
            bytes.take(own)
            position += own
            left -= own
            guard left > 0 else { return }
            let chunk = chunks[firstChunk].bytes.count - chunkWritten
            let part = min(chunk, left)
            left -= part
            chunkBytes -= part
            chunkWritten += part
            if part == chunk { dropFirstChunk() }
        }
    }

    private mutating func dropFirstChunk() {
        firstChunk += 1
        chunkWritten = 0
        // Written chunks are released in runs, so that a long list is not moved for each of them.
        if firstChunk == chunks.count || firstChunk >= 64 {
            chunks.removeFirst(firstChunk)
            firstChunk = 0
        }
    }
}
