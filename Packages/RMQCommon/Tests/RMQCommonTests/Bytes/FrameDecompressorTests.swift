import RMQCommon
import RMQTestSupport
import Testing

/// Bodies of producers that compress with LZ4 or Zstandard: `lz4` and `zstd` wrote the bytes, the system's libraries read them.
@Suite(.takesTurns) struct FrameDecompressorTests {
    private static let content = Array(String(repeating: "Hello, RocketMQ! ", count: 200).utf8)
    private static let lz4 = bytes(
        "04224D186440A729000000FF0248656C6C6F2C20526F636B65744D5121201100FFFFFFFFFFFFFFFFFFFFFFFFFF2C50744D512120000000002613B737")
    private static let zstandard = bytes("28B52FFD64480CCD00008848656C6C6F2C20526F636B65744D5121200100694AFE5C024F4A954C")
    private static func bytes(_ text: String) -> [UInt8] { Hex.bytes(text) ?? [] }
    private static let all: [(SystemFlag.Compression, [UInt8])] = [(.lz4, lz4), (.zstd, zstandard)]

    /// Nil on a system without the library, which then has to be named.
    private static func restored(_ bytes: [UInt8], _ type: SystemFlag.Compression, limit: Int = 1 << 20) throws(CompressionError) -> [UInt8]? {
        var flag: SystemFlag = [.compressed]
        flag.compression = type
        let outcome = bytes.withUnsafeBytes { bytes in
            Result { () throws(CompressionError) in try BodyCompression.restore(bytes, flag: flag, limit: limit) }
        }
        if case .failure(.missingLibrary(let name)) = outcome {
            #expect(["liblz4.so.1", "libzstd.so.1"].containsExactly(name))
            return nil
        }
        return try outcome.get()
    }

    @Test(arguments: all) func contentIsRestored(type: SystemFlag.Compression, bytes: [UInt8]) throws {
        guard let found = try Self.restored(bytes, type) else { return }
        #expect(found == Self.content)
        #expect(try Self.restored(bytes + bytes, type) == Self.content + Self.content, "one frame behind the other")
    }

    @Test(arguments: all) func whatGrowsBeyondTheLimitIsRefused(type: SystemFlag.Compression, bytes: [UInt8]) throws {
        guard try Self.restored(bytes, type) != nil else { return }
        #expect(try Self.restored(bytes, type, limit: Self.content.count) == Self.content)
        #expect(throws: CompressionError.tooLarge(limit: Self.content.count - 1)) {
            try Self.restored(bytes, type, limit: Self.content.count - 1)
        }
    }

    @Test(arguments: all) func whatIsCutOrDamagedIsRefused(type: SystemFlag.Compression, bytes: [UInt8]) throws {
        guard try Self.restored(bytes, type) != nil else { return }
        for count in 0..<bytes.count {
            #expect(throws: CompressionError.malformed, "\(count) bytes") { try Self.restored(Array(bytes[..<count]), type) }
        }
        #expect(throws: CompressionError.malformed) { try Self.restored(Self.content, type) }
    }

    @Test(arguments: all) func aMessageOfSuchAProducerIsRead(type: SystemFlag.Compression, bytes: [UInt8]) throws {
        guard try Self.restored(bytes, type) != nil else { return }
        var message = StoredMessage(topic: "T", body: bytes, systemFlag: .compressed)
        message.systemFlag.compression = type
        #expect(try MessageRecord.decodeAll(MessageRecord.encode(message), decompressing: true).first?.body == Self.content)
    }
}
