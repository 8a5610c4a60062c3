import CRMQSystem
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

    enum WriteOutcome { case drained, blocked, failed(code: Int32) }

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

    /// Writes once, or a few times when a chunk list is longer than one call takes.
    mutating func write(to descriptor: Int32) -> WriteOutcome {
        while !isEmpty {
            let wanted: Int
            let written: Int
            if chunkBytes == 0 {
                wanted = bytes.count
                written = crmq_send(descriptor, bytes.readable.baseAddress, wanted)
            } else {
                (wanted, written) = writeVector(descriptor)
            }
            if written == -Int(EINTR) { continue }
            if written == -Int(EAGAIN) { return .blocked }
            if written < 0 { return .failed(code: Int32(-written)) }
            take(written)
            if written < wanted { return .blocked }
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

    private func writeVector(_ descriptor: Int32) -> (wanted: Int, written: Int) {
        withUnsafeTemporaryAllocation(of: iovec.self, capacity: Self.vectorCount) { vector in
            var used = 0
            var wanted = 0
            func add(_ part: UnsafeRawBufferPointer) {
                guard part.count > 0 else { return }
                vector[used] = iovec(iov_base: UnsafeMutableRawPointer(mutating: part.baseAddress), iov_len: part.count)
                used += 1
                wanted += part.count
            }
            let own = bytes.readable
            var ownWritten = 0
            var index = firstChunk
            while index < chunks.count, used + 2 < Self.vectorCount {
                let before = chunks[index].position - position
                add(UnsafeRawBufferPointer(rebasing: own[ownWritten..<before]))
                ownWritten = before
                let skipped = index == firstChunk ? chunkWritten : 0
                add(UnsafeRawBufferPointer(rebasing: chunks[index].bytes[skipped...]))
                index += 1
            }
            if index == chunks.count { add(UnsafeRawBufferPointer(rebasing: own[ownWritten...])) }
            var message = msghdr()
            message.msg_iov = vector.baseAddress
            message.msg_iovlen = used
            let written = sendmsg(descriptor, &message, Int32(MSG_NOSIGNAL))
            return (wanted, written < 0 ? -Int(errno) : written)
        }
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
