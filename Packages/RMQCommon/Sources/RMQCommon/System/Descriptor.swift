internal import CRMQSystem
internal import Glibc

/// A file descriptor with one owner.
public struct Descriptor: ~Copyable, Sendable {
    /// Lent for system calls; only the owner closes it.
    public let raw: Int32

    /// Takes over an open descriptor, and closes it in the end.
    public init(adopting raw: Int32) { self.raw = raw }

    deinit { _ = Glibc.close(raw) }   // the safety net: it cannot report

    /// Opens a file; `flags` and `mode` as open(2), close-on-exec always.
    public init(opening path: String, flags: Int32, mode: UInt32 = 0o644) throws(SystemFailure) {
        var result: Int32
        repeat { result = crmq_open(path, flags, mode) } while result == -EINTR
        guard result >= 0 else { throw SystemFailure(call: "open", code: -result, subject: path) }
        raw = result
    }

    /// Closes now and reports what the kernel said.
    public consuming func close() throws(SystemFailure) {
        let raw = self.raw
        discard self   // or deinit would close a second time
        guard Glibc.close(raw) == 0 else { throw SystemFailure(call: "close", code: errno) }
    }

    /// Gives the descriptor up without closing it.
    public consuming func release() -> Int32 {
        let raw = self.raw
        discard self
        return raw
    }

    /// The length of the file in bytes.
    public borrowing func size() throws(SystemFailure) -> Int64 {
        var status = stat()
        guard fstat(raw, &status) == 0 else { throw SystemFailure(call: "fstat", code: errno) }
        return Int64(status.st_size)
    }

    /// Reads at the current position; less than `limit` bytes only before the end, none at the end.
    public borrowing func read(upTo limit: Int) throws(SystemFailure) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: limit)
        while true {
            let count = bytes.withUnsafeMutableBytes { crmq_read(raw, $0.baseAddress, $0.count) }
            if count == -Int(EINTR) { continue }
            guard count >= 0 else { throw SystemFailure(call: "read", code: Int32(-count)) }
            bytes.removeLast(limit - count)
            return bytes
        }
    }

    /// Writes all of it at the current position.
    public borrowing func write(_ bytes: UnsafeRawBufferPointer) throws(SystemFailure) {
        var rest = bytes
        while let base = rest.baseAddress, !rest.isEmpty {
            let count = crmq_write(raw, base, rest.count)
            if count == -Int(EINTR) { continue }
            guard count > 0 else { throw SystemFailure(call: "write", code: count == 0 ? EIO : Int32(-count)) }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    /// Writes all of them at the file's position; a short write goes on.
    public borrowing func write(_ bytes: [UInt8]) throws(SystemFailure) {
        try bytes.withUnsafeBytes { bytes in Result { () throws(SystemFailure) in try write(bytes) } }.get()
    }

    /// Cuts the file off, or lengthens it with zeros.
    public borrowing func truncate(to size: Int64) throws(SystemFailure) {
        guard ftruncate(raw, off_t(size)) == 0 else { throw SystemFailure(call: "ftruncate", code: errno) }
    }

    /// Makes content and size durable.
    public borrowing func sync() throws(SystemFailure) {
        guard fsync(raw) == 0 else { throw SystemFailure(call: "fsync", code: errno) }
    }
}
