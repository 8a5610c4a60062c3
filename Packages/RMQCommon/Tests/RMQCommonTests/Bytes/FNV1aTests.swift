import RMQCommon
import RMQTestSupport
import Testing

@Suite(.takesTurns) struct FNV1aTests {
    /// From the authors' own list.
    @Test(arguments: [("", 0xCBF2_9CE4_8422_2325), ("a", 0xAF63_DC4C_8601_EC8C), ("foobar", 0x8594_4171_F739_67E8)] as [(String, UInt64)])
    func theHashIsThatOfTheAuthors(text: String, value: UInt64) {
        var hash = FNV1a()
        hash.add(text.utf8)
        #expect(hash.value == value)
    }
}
