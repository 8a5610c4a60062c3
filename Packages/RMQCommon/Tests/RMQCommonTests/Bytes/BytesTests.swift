import RMQCommon
import RMQTestSupport
import Testing

@Suite(.takesTurns) struct BytesTests {
    @Test func readerReadsBackWhatTheWriterWrote() {
        var writer = ByteWriter(capacity: 16)
        writer.write(UInt8(7))
        writer.write(Int16(-2))
        writer.write(Int32(0x0102_0304))
        writer.write(Int64.min)
        writer.write(utf8: "日")
        #expect(writer.bytes == [7, 0xFF, 0xFE, 1, 2, 3, 4, 0x80, 0, 0, 0, 0, 0, 0, 0, 0xE6, 0x97, 0xA5])
        writer.bytes.withUnsafeBytes { bytes in
            var reader = ByteReader(bytes)
            let first = reader.readUInt8()
            let second = reader.readInt16()
            let third = reader.readInt32()
            let fourth = reader.readInt64()
            let text = reader.readString(utf8Count: 3)
            #expect(first == 7)
            #expect(second == -2)
            #expect(third == 0x0102_0304)
            #expect(fourth == .min)
            #expect(text == "日")
            #expect(reader.isAtEnd)
        }
    }

    @Test func readerRefusesWhatIsNotThereAndStaysWhereItIs() {
        [1, 2, 3].withUnsafeBytes { (bytes: UnsafeRawBufferPointer) in
            var reader = ByteReader(UnsafeRawBufferPointer(rebasing: bytes[..<3]))
            let tooLong = reader.readInt32()
            let negative = reader.readBytes(-1)
            let beyond = reader.skip(4)
            let huge = reader.readBytes(.max)
            #expect(tooLong == nil)
            #expect(negative == nil)
            #expect(!beyond)
            #expect(huge == nil)
            #expect(reader.position == 0)
        }
    }

    @Test(arguments: [
        ("", 0, 0), ("a", 3_904_355_907, 1_756_872_259), ("A1", 4_184_173_697, 2_036_690_049), ("hello", 907_060_870, 907_060_870),
        ("123456789", 3_421_780_262, 1_274_296_614), ("Hello RocketMQ", 1_774_740_973, 1_774_740_973),
    ] as [(String, UInt32, Int32)])
    func checksums(text: String, full: UInt32, stored: Int32) {
        #expect(CRC32.checksum([UInt8](text.utf8)) == full)
        #expect(CRC32.rocketMQ([UInt8](text.utf8)) == stored)
    }

    @Test(arguments: [
        ("", 0), ("a", 97), ("*", 42), ("TagA", 2_598_919), ("TagB", 2_598_920), ("TagA || TagB", 1_359_775_119),
        ("TopicTest", -1_902_610_879), ("Hello", 69_609_650), ("order_created", 848_461_559), ("AaAa", 2_031_744), ("BBBB", 2_031_744),
        ("polygenelubricants", .min), ("中文", 646_394), ("😀", 1_772_899),
    ] as [(String, Int32)])
    func javaHashes(text: String, hash: Int32) {
        #expect(JavaString.hash(text) == hash)
        #expect(JavaString.tagsCode(text) == Int64(hash))
        #expect(JavaString.indexHash(text) == (hash == .min ? 0 : abs(hash)))
    }

    /// The definition, over UTF-16 units of a repaired `String`, against the hash over bytes.
    @Test func javaHashOfAnyBytes() throws {
        var random = try SeededRandom.replayable(7)
        let pieces: [[UInt8]] = [Array("key".utf8), Array("ü".utf8), Array("漢字".utf8), Array("😀".utf8), [0xED, 0xA0, 0x80], [0xF0, 0x9F], [0xC0, 0x80], [0xFF]]
        for _ in 0 ..< 2_000 {
            var bytes: [UInt8] = []
            for _ in 0 ..< Int.random(in: 0 ... 12, using: &random) {
                bytes += Bool.random(using: &random) ? pieces[Int.random(in: 0 ..< pieces.count, using: &random)] : [UInt8.random(in: 0 ... 255, using: &random)]
            }
            let expected = String(decoding: bytes, as: UTF8.self).utf16.reduce(into: Int32(0)) { $0 = $0 &* 31 &+ Int32($1) }
            #expect(bytes.withUnsafeBytes { JavaString.hash(utf8: $0) } == expected, "\(bytes)")
            let text = Array(String(decoding: bytes, as: UTF8.self).utf8)
            let cut = String(decoding: bytes, as: UTF8.self).unicodeScalars.prefix(3).reduce(0) { $0 + UTF8.width($1) }
            let inTwo = text.withUnsafeBytes { text in
                JavaString.hash(utf8: .init(rebasing: text[cut...]), after: JavaString.hash(utf8: .init(rebasing: text[..<cut])))
            }
            #expect(inTwo == expected)
        }
    }

    @Test func zlibRestoresWhatTheReferenceCompressed() throws {
        let restored = try Zlib.decompress(try hex("785E4B4CA43D00007A4725E5"), limit: 100)
        #expect(restored == [UInt8](repeating: UInt8(ascii: "a"), count: 100))
        #expect(try Zlib.decompress(Zlib.compress(restored, level: 5), limit: 100) == restored)
        let large = (0 ..< 300_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 7) }
        #expect(try Zlib.decompress(Zlib.compress(large, level: 9), limit: 300_000) == large)
    }

    @Test func zlibHoldsItsLimitAndNamesBadInput() throws {
        let bomb = try Zlib.compress([UInt8](repeating: 0, count: 1_000_000), level: 9)
        #expect(throws: CompressionError.tooLarge(limit: 999_999)) { try Zlib.decompress(bomb, limit: 999_999) }
        #expect(throws: CompressionError.self) { try Zlib.decompress([UInt8](bomb.dropLast(3)), limit: 1_000_000) }
        #expect(throws: CompressionError.self) { try Zlib.decompress([1, 2, 3], limit: 10) }
        #expect(throws: CompressionError.self) { try Zlib.decompress([], limit: 10) }
        #expect(throws: CompressionError.self) { try Zlib.compress([1], level: 42) }
    }

    /// The vectors of RFC 4648.
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"), ("\u{7FF}?", "378/"),
    ])
    func base64(text: String, written: String) { #expect(Base64.text(Array(text.utf8)) == written) }

    @Test(arguments: [("192.168.0.1:10911", false), ("[2001:db8::1]:10911", true), ("127.0.0.1:0", false)])
    func addressesReadAndPrint(text: String, isIPv6: Bool) throws {
        let address = try #require(HostAddress(text))
        #expect(address.isIPv6 == isIPv6)
        #expect(address.description == text)
        #expect(HostAddress(ip: address.ip, port: address.port) == address)
        var writer = ByteWriter()
        address.write(to: &writer)
        #expect(writer.count == address.byteCount)
        let again = writer.bytes.withUnsafeBytes { bytes in
            var reader = ByteReader(bytes)
            return HostAddress.read(&reader, isIPv6: isIPv6)
        }
        #expect(again == address)
    }

    @Test(arguments: ["", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "localhost:1", "1.2.3:4", ":::"])
    func wrongAddressesAreRefused(text: String) { #expect(HostAddress(text) == nil) }
}
