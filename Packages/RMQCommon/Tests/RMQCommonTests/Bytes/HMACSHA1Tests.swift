import RMQCommon
import RMQTestSupport
import Testing

@Suite(.takesTurns) struct HMACSHA1Tests {
    /// From RFC 2202, keys longer than a block among them.
    @Test(arguments: [
        ("Jefe", "what do ya want for nothing?", "EFFCDF6AE5EB2FA2D27416D5F184DF9C259A7C79"),
        (String(repeating: "\u{0B}", count: 20), "Hi There", "B617318655057264E28BC0B6FB378C8EF146BE00"), ("", "", "FBDB1D1B18AA6C08324B7D64B71FB76370690E1D"),
    ])
    func itIsThatOfTheStandard(key: String, text: String, digest: String) throws {
        let key = try #require(HMACSHA1(key: Array(key.utf8)))
        var content = key.begin()
        content.add(Array(text.utf8))
        #expect(Hex.text(bytes(key.digest(of: content))).isExactly(digest))
    }

    @Test func aKeyLongerThanABlockIsHashed() throws {
        let key = try #require(HMACSHA1(key: [UInt8](repeating: 0xAA, count: 80)))
        var content = key.begin()
        content.add(Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8))
        #expect(Hex.text(bytes(key.digest(of: content))).isExactly("AA4AE5E15272D00E95705637CE8A3B55ED402112"))
    }

    /// The vector of the protocol's description, in pieces.
    @Test func theTextIsBase64() throws {
        let key = try #require(HMACSHA1(key: Array("12345678".utf8)))
        var content = key.begin()
        for piece in ["a", "", "bc"] { content.add(Array(piece.utf8)) }
        let text = "BOigG5+Fiv0354g5bQuwOUOPMp0="
        #expect(key.text(of: content).span.withUnsafeBytes { Array($0) } == Array(text.utf8))
        #expect(Base64.text(bytes(key.digest(of: content))).isExactly(text))
        for (other, isRight) in [(text, true), (String(text.dropLast()), false), (text + "=", false), ("", false), ("A" + text.dropFirst(), false)] {
            #expect(Array(other.utf8).withUnsafeBytes { key.isSignature($0, of: content) } == isRight, "\(other)")
        }
    }

    private func bytes(_ digest: HMACSHA1.Digest) -> [UInt8] { digest.span.withUnsafeBytes { Array($0) } }
}
