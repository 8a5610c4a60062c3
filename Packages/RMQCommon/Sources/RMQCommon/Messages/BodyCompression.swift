/// Compressed message bodies.
public enum BodyCompression {
    /// - Parameter limit: most bytes to restore.
    public static func restore(_ body: UnsafeRawBufferPointer, flag: SystemFlag, limit: Int) throws(CompressionError) -> [UInt8] {
        switch flag.compression {
        case .zlib, .zlibUntyped: try Zlib.decompress(body, limit: limit)
        case .lz4: try LZ4.decompress(body, limit: limit)
        case .zstd: try Zstandard.decompress(body, limit: limit)
        case nil: throw .unsupportedType(flag.rawValue & 0x700)
        }
    }
}
