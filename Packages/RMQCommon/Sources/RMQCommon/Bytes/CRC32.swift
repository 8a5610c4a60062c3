internal import CDeflate

/// CRC-32 (IEEE), computed by libdeflate with the processor's own instructions: every stored and every consumed body passes here.
public enum CRC32 {
    /// The checksum with all its 32 bits; 0 of no bytes.
    public static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        guard let base = bytes.baseAddress else { return 0 }
        return libdeflate_crc32(0, base, bytes.count)
    }

    /// The same of an array.
    public static func checksum(_ bytes: [UInt8]) -> UInt32 { bytes.withUnsafeBytes { checksum($0) } }

    /// The form stored in message records: the top bit cleared.
    public static func rocketMQ(_ bytes: UnsafeRawBufferPointer) -> Int32 { Int32(bitPattern: checksum(bytes) & 0x7FFF_FFFF) }

    /// The same of an array.
    public static func rocketMQ(_ bytes: [UInt8]) -> Int32 { bytes.withUnsafeBytes { rocketMQ($0) } }
}
