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
}
