import RMQCommon
import RMQTestSupport
import Testing

@Suite(.takesTurns) struct MessageDigestTests {
    /// From RFC 1321.
    @Test(arguments: [
        ("", "D41D8CD98F00B204E9800998ECF8427E"), ("abc", "900150983CD24FB0D6963F7D28E17F72"),
        ("message digest", "F96B697D7CB7938D525A2F31AAF161D0"),
    ])
    func md5IsThatOfTheStandard(text: String, digest: String) {
        #expect(MessageDigest.md5(Array(text.utf8)).map { Hex.text($0).isExactly(digest) } == true)
    }

    /// From RFC 2202.
    @Test(arguments: [
        ("Jefe", "what do ya want for nothing?", "EFFCDF6AE5EB2FA2D27416D5F184DF9C259A7C79"),
        (String(repeating: "\u{0B}", count: 20), "Hi There", "B617318655057264E28BC0B6FB378C8EF146BE00"), ("", "", "FBDB1D1B18AA6C08324B7D64B71FB76370690E1D"),
    ])
    func hmacIsThatOfTheStandard(key: String, text: String, digest: String) {
        #expect(MessageDigest.hmacSHA1(Array(text.utf8), key: Array(key.utf8)).map { Hex.text($0).isExactly(digest) } == true)
    }
}
