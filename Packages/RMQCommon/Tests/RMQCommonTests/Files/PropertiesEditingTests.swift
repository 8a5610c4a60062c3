import RMQCommon
import RMQTestSupport
import Testing

/// Changes of one value in a file that a person wrote.
@Suite(.takesTurns) struct PropertiesEditingTests {
    private func changed(_ file: String, _ values: [(key: String, value: String)] = [("key", "new")]) -> String {
        String(decoding: PropertiesText.replacing(values, in: Array(file.utf8)), as: UTF8.self)
    }

    @Test("Case 1.1: one value changes, every other byte stays", arguments: [
        ("key=old\r\n# c\r\nb = 2\r\n", "key=new\r\n# c\r\nb = 2\r\n"),
        ("a=1\rkey=old\rb=2\r", "a=1\rkey=new\rb=2\r"),
        ("a=1\n  key \t=  old  \n\n! end\n", "a=1\n  key \t=  new\n\n! end\n"),
        ("key:old\n", "key:new\n"), ("key old\n", "key new\n"), ("key\n", "key=new\n"), ("key=\n", "key=new\n"), ("key=old", "key=new"),
        ("key=1\nb=2\nkey=2\nb=3\n", "key=1\nb=2\nkey=new\nb=3\n"),
        ("#key=old\nkeys=1\nmy.key=2\n", "#key=old\nkeys=1\nmy.key=2\nkey=new\n"),
        ("#key=old\r\na=1", "#key=old\r\na=1\r\nkey=new\r\n"),
        ("", "key=new\n"), ("# only this", "# only this\nkey=new\n"),
        ("key=a,\\\r\n    b\\\r\n  c\r\nd=1\r\n", "key=new\r\nd=1\r\n"),
        ("k\\\n  ey=old\na=1\n", "key=new\na=1\n"), ("a=1\\\n  key=2\nkey=3\n", "a=1\\\n  key=2\nkey=new\n"),
        ("# c\\\nkey=old\n", "# c\\\nkey=new\n"), ("a=1\\", "a=1\\\n\nkey=new\n"), ("a=1\\\r\n", "a=1\\\r\n\r\nkey=new\r\n"),
        ("a=1\\\\\n", "a=1\\\\\nkey=new\n"), ("key=1\\\n", "key=new\n"), ("\u{FEFF}key=old\n", "\u{FEFF}key=new\n"),
    ])
    func onlyTheValueChanges(file: String, expected: String) {
        let result = changed(file)
        #expect(result == expected)
        let before = PropertiesText.parse(Array(file.utf8)).filter { $0.key != "key" }
        let after = PropertiesText.parse(Array(result.utf8))
        #expect(after.last { $0.key == "key" }?.value == "new")
        #expect(after.filter { $0.key != "key" }.elementsEqual(before) { $0 == $1 }, "another key has another value")
    }

    @Test func bytesThatAreNotUTF8Stay() {
        let file = Array("name=Stra".utf8) + [0xDF] + Array("e\r\nkey=old\r\n".utf8)
        let expected = Array("name=Stra".utf8) + [0xDF] + Array("e\r\nkey=new\r\n".utf8)
        #expect(PropertiesText.replacing([("key", "new")], in: file) == expected)
    }

    @Test(arguments: ["", " two  ", "C:\\x", "a\nb=c\r", "Straße 中 👍", "=:#!"])
    func aValueIsReadAsItWasGiven(value: String) {
        for file in ["", "key=old\nb=2\n"] {
            let pairs = PropertiesText.parse(changed(file, [("key", value)]))
            #expect(pairs.first { $0.key == "key" }?.value == value)
            #expect(pairs.count == (file.isEmpty ? 1 : 2))
        }
    }

    @Test func severalValuesChangeAtOnce() {
        #expect(changed("b=1\na=1\n", [("a", "2"), ("c", "3"), ("b", "4")]) == "b=4\na=2\nc=3\n")
    }
}

@Suite(.takesTurns) struct NameServerListTests {
    @Test(arguments: [
        "a:1;b:2", " a:1 ; b:2 ", ";;a:1;;b:2;", "a:1;\r\nb:2\r\n", "a:1 b:2", "a:1\t;b:2\n",
    ])
    func addressesAreFoundHoweverTheyAreWritten(text: String) { #expect(NameServerList.parse(text) == ["a:1", "b:2"]) }

    @Test func nothingIsNoAddress() {
        for text in ["", " ", ";", " ; \r\n"] { #expect(NameServerList.parse(text).isEmpty) }
    }

    @Test func anAddressHasAHostAndAPort() {
        for text in ["a:1", "10.0.0.1:9876", "[::1]:9876", "::1:9876", "mq.example.com:65535", "my_host:1"] { #expect(NameServerList.isAddress(text), "\(text)") }
        for text in ["", "a", "a:", ":1", "a:0", "a:65536", "a:b", "a:1,b:2", "http://a:1", "a b:1"] { #expect(!NameServerList.isAddress(text), "\(text)") }
    }
}
