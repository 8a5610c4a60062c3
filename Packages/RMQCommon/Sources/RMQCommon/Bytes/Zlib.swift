internal import CDeflate

/// Why bytes could not be compressed or restored.
public enum CompressionError: Error, Equatable, Sendable {
    /// The input is not a complete zlib stream.
    case malformed
    /// The restored bytes would exceed the limit that the caller set.
    case tooLarge(limit: Int)
    /// Allowed are 0 to 9.
    case badLevel(Int32)
    case outOfMemory
    /// A compression type that is not defined.
    case unsupportedType(Int32)
    /// A library of the system that reads this type, and is not there.
    case missingLibrary(String)
}

extension CompressionError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .malformed: "it is damaged or cut off"
        case .tooLarge(let limit): "it would be longer than \(limit) bytes"
        case .badLevel(let level): "the compression level \(level) is none of 0 to 9"
        case .outOfMemory: "there is no memory to compress or restore it"
        case .unsupportedType(let type): "it is compressed in a way that is not known (type 0x\(String(type, radix: 16)))"
        case .missingLibrary(let name): "it needs \(name), which this system does not have; install it"
        }
    }
}

/// zlib streams (RFC 1950).
public enum Zlib {
    /// - Parameter level: 0 (store) to 9 (smallest).
    public static func compress(_ bytes: [UInt8], level: Int32 = 5) throws(CompressionError) -> [UInt8] {
        guard (0...9).contains(level) else { throw .badLevel(level) }
        guard let compressor = libdeflate_alloc_compressor(level) else { throw .outOfMemory }
        defer { libdeflate_free_compressor(compressor) }
        let bound = libdeflate_zlib_compress_bound(compressor, bytes.count)
        return [UInt8](unsafeUninitializedCapacity: bound) { output, count in
            // Never 0: the space is the bound that the library itself names.
            count = bytes.withUnsafeBytes { libdeflate_zlib_compress(compressor, $0.baseAddress, $0.count, output.baseAddress, output.count) }
        }
    }

    /// - Parameter limit: most bytes to restore; memory grows with what is really there, never ahead of it by more than a factor of two.
    public static func decompress(_ bytes: [UInt8], limit: Int) throws(CompressionError) -> [UInt8] {
        let outcome = bytes.withUnsafeBytes { restore($0, limit: limit) }
        return try outcome.get()
    }

    /// The same of bytes that somebody else owns.
    public static func decompress(_ bytes: UnsafeRawBufferPointer, limit: Int) throws(CompressionError) -> [UInt8] {
        try restore(bytes, limit: limit).get()
    }

    /// The format does not say how long the content is: space is doubled until it fits.
    private static func restore(_ bytes: UnsafeRawBufferPointer, limit: Int) -> Result<[UInt8], CompressionError> {
        guard let decompressor = libdeflate_alloc_decompressor() else { return .failure(.outOfMemory) }
        defer { libdeflate_free_decompressor(decompressor) }
        var space = min(limit, max(1024, bytes.count * 4))
        while true {
            var outcome = LIBDEFLATE_BAD_DATA
            let content = [UInt8](unsafeUninitializedCapacity: max(space, 1)) { output, count in
                var written = 0
                outcome = libdeflate_zlib_decompress(decompressor, bytes.baseAddress, bytes.count, output.baseAddress, space, &written)
                count = outcome == LIBDEFLATE_SUCCESS ? written : 0
            }
            switch outcome {
            case LIBDEFLATE_SUCCESS: return .success(content)
            case LIBDEFLATE_INSUFFICIENT_SPACE where space >= limit: return .failure(.tooLarge(limit: limit))
            case LIBDEFLATE_INSUFFICIENT_SPACE: space = min(limit, space * 2)
            default: return .failure(.malformed)
            }
        }
    }
}
