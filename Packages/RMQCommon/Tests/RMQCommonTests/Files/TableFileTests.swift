import RMQCommon
import RMQTestSupport
import Testing

@Suite(.takesTurns) struct TableFileTests {
    /// The numbers of a file, a table that takes no texts.
    private func numbers(_ file: JSONObject, _ report: inout EntryReport) -> [String: Int64] {
        var numbers: [String: Int64] = [:]
        for (key, value) in file.members {
            guard let name = key.asString else { continue }
            numbers[name] = report.read(name, value) { (_) throws(JSONError) in try file.int64(name) }
        }
        return numbers
    }

    @Test func oneBadEntryIsLeftOutAndSaid() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/x.json", sink = MemorySink()
            try SmallFile.replace(path, with: "{\"a\":1,\"b\\n\":\"no\\nnumber\",\"c\":3}")
            #expect(try TableFile.load(path, logger: Logger(category: "c", sink: sink), read: numbers) == ["a": 1, "c": 3])
            #expect(sink.messages.count == 1)
            #expect(sink.messages.first?.hasPrefix(#"\#(path): entry "b\n" is left out: "#) == true)
            #expect(sink.messages.first?.hasSuffix(#"its value is "no\nnumber""#) == true)
        }
    }

    @Test func aThousandBadEntriesAreNoThousandLines() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/x.json", sink = MemorySink()
            let bad = (0 ..< 1_000).map { "\"\($0)\":\"\(String(repeating: "x", count: 1_000))\"" }.joined(separator: ",")
            try SmallFile.replace(path, with: "{\(bad),\"a\":1}")
            #expect(try TableFile.load(path, logger: Logger(category: "c", sink: sink), read: numbers) == ["a": 1])
            #expect(sink.messages.count == EntryReport.describedLimit + 1)
            #expect(sink.messages.last == "\(path): 900 more entries are left out or corrected")
            #expect(sink.messages.allSatisfy { $0.utf8.count < 1_000 })
        }
    }

    @Test(arguments: ["", "\n", " \t\r\n", "null", "[]", "\u{FEFF}null\u{0}", "// nothing yet\n[ ]"])
    func aFileThatSaysNothingCountsAsNone(content: String) throws {
        try withTemporaryFolder { folder in
            let path = folder + "/x.json"
            try SmallFile.replace(path, with: content)
            #expect(try TableFile.load(path, read: numbers) == nil)
            try SmallFile.replace(path + ".bak", with: "{\"a\":1}")
            #expect(try TableFile.load(path, read: numbers) == ["a": 1])
        }
    }

    @Test(arguments: ["{", "[1]", "5", "\"x\"", "\u{0}\u{0}"]) func aFileThatIsNoTableIsAnError(content: String) throws {
        try withTemporaryFolder { folder in
            let path = folder + "/x.json"
            try SmallFile.replace(path, with: content)
            #expect(throws: JSONError.self) { try TableFile.load(path, read: numbers) }
        }
    }
}
