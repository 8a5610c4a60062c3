import Glibc

/// Bytes in one growing block of memory: added at the end, taken from the front.
///
///     base      start          end        capacity
///      | taken    | readable    | free       |
///
/// Unchecked `Sendable`: the memory has one owner, and goes with it from thread to thread.
struct ByteQueue: ~Copyable, @unchecked Sendable {
    private var base: UnsafeMutableRawPointer?
    private var capacity = 0
    private var start = 0
    private var end = 0

    init() {}

    deinit { free(base) }

    var count: Int { end - start }
    var isEmpty: Bool { start == end }

    /// Valid until the next mutation.
    var readable: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(start: base, count: end)[start..<end]) }

    /// At least `minimum` bytes of free space after the readable ones; valid until the next mutation.
    mutating func room(_ minimum: Int) -> UnsafeMutableRawBufferPointer {
        if capacity - end < minimum { makeRoom(minimum) }
        return UnsafeMutableRawBufferPointer(start: base! + end, count: capacity - end)
    }

    /// Makes `count` bytes written into ``room(_:)`` readable.
    mutating func commit(_ count: Int) {
        precondition(count >= 0 && count <= capacity - end)
        end += count
    }

    /// Makes what `write` put into the free space readable.
    @inline(__always)
    mutating func append(atMost limit: Int, _ write: (UnsafeMutableRawBufferPointer) -> Int) {
        commit(write(room(limit)))
    }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress, bytes.count > 0 else { return }
        room(bytes.count).baseAddress!.copyMemory(from: source, byteCount: bytes.count)
        commit(bytes.count)
    }

    mutating func take(_ count: Int) {
        precondition(count >= 0 && count <= self.count)
        start += count
        if start == end {
            start = 0
            end = 0
        }
    }

    /// Gives the memory back when nothing is in it and it is larger than `kept`.
    mutating func shrink(keeping kept: Int = 0) {
        guard isEmpty, capacity > kept else { return }
        free(base)
        base = nil
        capacity = 0
    }

    private mutating func makeRoom(_ minimum: Int) {
        let count = self.count
        if start > 0, capacity - count >= minimum, start >= count {
            memcpy(base! , base! + start, count)
        } else {
            let larger = max(4096, 2 * capacity, count + minimum)
            let block = malloc(larger)!
            if count > 0 { memcpy(block, base! + start, count) }
            free(base)
            base = block
            capacity = larger
        }
        start = 0
        end = count
    }
}
