internal import CZlib

/// Why bytes could not be compressed or restored.
public enum CompressionError: Error, Equatable, Sendable {
    /// The input is not a complete zlib stream; `code` is zlib's.
    case malformed(code: Int32)
    /// The restored bytes would exceed the limit that the caller set.
    case tooLarge(limit: Int)
    /// zlib refused to compress: a level outside -1...9, or no memory.
    case refused(code: Int32)
    /// A compression type that is not built in.
    case unsupportedType(Int32)
}

/// zlib streams (RFC 1950).
public enum Zlib {
    /// - Parameter level: 0 (store) to 9 (smallest); -1 is zlib's default.
    public static func compress(_ bytes: [UInt8], level: Int32 = 5) throws(CompressionError) -> [UInt8] {
        var code: Int32 = Z_OK
        let result = [UInt8](unsafeUninitializedCapacity: Int(compressBound(uLong(bytes.count)))) { output, count in
            var written = uLong(output.count)
            code = bytes.withUnsafeBufferPointer { compress2(output.baseAddress, &written, $0.baseAddress, uLong($0.count), level) }
            count = code == Z_OK ? Int(written) : 0
        }
        guard code == Z_OK else { throw .refused(code: code) }
        return result
    }

    /// - Parameter limit: most bytes to restore; memory grows with what is really there, never ahead of it by more than a factor of two.
    public static func decompress(_ bytes: [UInt8], limit: Int) throws(CompressionError) -> [UInt8] {
        let outcome = bytes.withUnsafeBytes { inflate($0, limit: limit) }
        return try outcome.get()
    }

    public static func decompress(_ bytes: UnsafeRawBufferPointer, limit: Int) throws(CompressionError) -> [UInt8] {
        try inflate(bytes, limit: limit).get()
    }

    private static func inflate(_ bytes: UnsafeRawBufferPointer, limit: Int) -> Result<[UInt8], CompressionError> {
        var stream = z_stream()
        let opened = inflateInit_(&stream, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard opened == Z_OK else { return .failure(.refused(code: opened)) }
        defer { inflateEnd(&stream) }
        guard let input = bytes.baseAddress, bytes.count <= Int(UInt32.max) else { return .failure(.malformed(code: Z_BUF_ERROR)) }
        stream.next_in = UnsafeMutablePointer(mutating: input.assumingMemoryBound(to: UInt8.self))
        stream.avail_in = UInt32(bytes.count)

        var output: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            var code: Int32 = Z_OK
            let produced = chunk.withUnsafeMutableBufferPointer { buffer in
                stream.next_out = buffer.baseAddress
                stream.avail_out = UInt32(buffer.count)
                code = CZlib.inflate(&stream, Z_NO_FLUSH)
                return buffer.count - Int(stream.avail_out)
            }
            guard code == Z_OK || code == Z_STREAM_END else { return .failure(.malformed(code: code)) }
            guard produced <= limit - output.count else { return .failure(.tooLarge(limit: limit)) }
            output.append(contentsOf: chunk[..<produced])
            if code == Z_STREAM_END { return .success(output) }
            if produced == 0 { return .failure(.malformed(code: Z_BUF_ERROR)) }
        }
    }
}
