@testable import RMQACL
import RMQCommon
import RMQTestSupport
import Testing

@Suite(.takesTurns) struct YAMLTests {
    private func read(_ text: String) throws -> YAMLNode? { try YAMLReader.read(Array(text.utf8)) }

    private func failure(_ bytes: [UInt8]) -> YAMLError? {
        #expect(throws: YAMLError.self) { try YAMLReader.read(bytes) }
    }

    @Test func textsListsAndMappingsAreReadInOrder() throws {
        let root = try #require(try read("""
            # a comment
            b:
              - one
              - "two: 2"   # quoted
              - 12345678
            a: {x: ~, y: 'no', z: no}
            """))
        #expect(root.entries?.map(\.key) == ["b", "a"])
        #expect(root.entries?.map(\.line) == [2, 6])
        #expect(root["b"]?.items?.map(\.text) == ["one", "two: 2", "12345678"])
        #expect(root["a"]?["x"]?.isNull == true)
        #expect(root["a"]?["y"]?.isNull == false)
        #expect(root["a"]?["z"]?.flag == false)
    }

    @Test(arguments: ["", "\n\n", "# nothing\n", "---\n...\n"])
    func aFileWithoutContentHasNoDocumentOrNothingInIt(_ text: String) throws {
        let root = try read(text)
        #expect(root == nil || root?.isNull == true)
    }

    @Test func anAliasStandsForWhatItNames() throws {
        let root = try #require(try read("a: &x [1, 2]\nb: *x\n"))
        #expect(root["b"]?.items?.map(\.text) == ["1", "2"])
    }

    @Test(arguments: [
        ("a: 1\nb: [1, 2\n", 3), ("a: 1\n b: 2\n", 2), ("a: 1\na: 2\n", 2), ("a: 1\n---\nb: 2\n", 2), ("\n\na: !!java.util.Date x\n", 3),
        ("a: !!javax.script.ScriptEngineManager [x]\n", 1), ("a: *none\n", 1), ("? [a]\n: b\n", 1), ("a: \"x\n", 2), ("a: \u{1}\n", 1),
        ("a: &a [*a]\n", 1), ("\tx: 1\n", 1),
    ])
    func whatIsNoDocumentIsNamedByItsLine(_ text: String, line: Int) {
        let error = failure(Array(text.utf8))
        #expect(error?.line == line, "\(error?.problem ?? "")")
    }

    @Test func bytesThatAreNotUTF8AreNamedByTheirLine() {
        let error = failure(Array("a: 1\nb: ".utf8) + [0xFF, 0xFE] + Array("\n".utf8))
        #expect(error?.line == 2)
        #expect(error?.problem == "byte 8 is not UTF-8")
        // UTF-16, which libyaml would read by itself.
        #expect(failure([0xFF, 0xFE, 0x61, 0x00, 0x3A, 0x00]) != nil)
    }

    @Test func depthAndAliasesAreBounded() {
        #expect(failure(Array((String(repeating: "[", count: 100_000)).utf8))?.problem.contains("inside of each other") == true)
        var bomb = "l0: &l0 [x, x]\n"
        for level in 1...60 { bomb += "l\(level): &l\(level) [*l\(level - 1), *l\(level - 1)]\n" }
        #expect(failure(Array(bomb.utf8))?.problem == "more than 50 aliases")
    }

    @Test(arguments: [
        ("plain", "plain"), ("10.10.103.*", "10.10.103.*"), ("a,b", "a,b"), ("TopicB=PUB|SUB", "TopicB=PUB|SUB"), ("", "''"), ("*", "'*'"),
        ("12345678", "'12345678'"), ("1.5", "'1.5'"), ("true", "'true'"), ("Null", "'Null'"), ("it's", "it's"), ("'", "''''"), (" x", "' x'"),
        ("a: b", "'a: b'"), ("a #b", "'a #b'"), ("- x", "'- x'"), ("-x", "-x"), ("2026-11-27", "'2026-11-27'"), ("größe", "größe"),
        ("a\nb", #""a\nb""#), ("\u{7}\"", #""\U00000007\"""#), ("x:", "'x:'"), ("%RETRY%g", "'%RETRY%g'"),
    ])
    func aTextIsQuotedWhereItMustBe(_ text: String, expected: String) throws {
        #expect(YAMLWriter.quoted(text) == expected)
        let back = try read("k: " + expected + "\n")?["k"]
        #expect(back?.text == text)
    }

    @Test func whatIsWrittenIsReadBackAsItWas() throws {
        var random = try SeededRandom.replayable(4)
        let pieces = ["a", ":", " ", "#", "'", "\"", "\\", "\n", "\t", "-", "?", "é", "\u{1F600}", "\u{85}", "\u{FEFF}", "0", ".", "{", "}", "[", "]", ",", "&", "*", "!", "|", ">", "%", "@", "`", "~", "<", "="]
        for _ in 0..<2_000 {
            let texts = (0..<3).map { _ in (0..<Int.random(in: 0...6, using: &random)).map { _ in pieces.randomElement(using: &random)! }.joined() }
            var root = YAMLNode.emptyMapping
            root["list"] = .texts(texts)
            root["nested"] = .sequence([.texts(texts), .sequence([]), .emptyMapping])
            let written = YAMLWriter.text(root)
            let back = try #require(try read(written), "\(written)")
            #expect(back["list"]?.items?.compactMap(\.text).map { Array($0.utf8) } == texts.map { Array($0.utf8) }, "\(written)")
            #expect(back["nested"]?.items?.first?.items?.count == 3)
        }
    }
}
