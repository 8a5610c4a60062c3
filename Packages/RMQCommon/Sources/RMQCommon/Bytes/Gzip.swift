internal import CDeflate

/// gzip files (RFC 1952).
public enum Gzip {
    /// One whole member; members may be put one behind the other.
    /// - Parameter level: 0 (store) to 9 (smallest).
    public static func compress(_ bytes: [UInt8], level: Int32 = 6) throws(CompressionError) -> [UInt8] {
        guard (0...9).contains(level) else { throw .badLevel(level) }
        guard let compressor = libdeflate_alloc_compressor(level) else { throw .outOfMemory }
        defer { libdeflate_free_compressor(compressor) }
        let bound = libdeflate_gzip_compress_bound(compressor, bytes.count)
        return [UInt8](unsafeUninitializedCapacity: bound) { output, count in
            // Never 0: the space is the bound that the library itself names.
            count = bytes.withUnsafeBytes { libdeflate_gzip_compress(compressor, $0.baseAddress, $0.count, output.baseAddress, output.count) }
        }
    }
}
