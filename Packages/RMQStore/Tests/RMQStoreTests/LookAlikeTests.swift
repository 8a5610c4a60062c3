import RMQCommon
import RMQStore
import RMQTestSupport
import Testing

/// Topics and keys that are equal as `String` and differ in their bytes.
@Suite(.takesTurns) struct LookAlikeTests {
    @Test(arguments: [("\u{304C}", "\u{304B}\u{3099}"), ("\u{212A}", "K")])
    func topicsAreApartInMemoryAndOnDisk(_ first: String, _ second: String) throws {
        let folder = try TemporaryFolder()
        let store = try openStore(folder.path)
        try store.put(first, 0, text: "1")
        try store.put(second, 0, text: "2")
        try store.close()
        let again = try openStore(folder.path)
        #expect(again.topics.map { ByteText($0) } == [ByteText(first), ByteText(second)].sorted())
        #expect(try again.everything(first, 0).map(\.text) == ["1"])
        #expect(try again.everything(second, 0).map(\.text) == ["2"])
        try again.deleteTopic(first)
        #expect(again.topics.map { ByteText($0) } == [ByteText(second)])
        try again.close()
    }
}
