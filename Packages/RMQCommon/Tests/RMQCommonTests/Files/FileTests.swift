import Foundation
import RMQCommon
import RMQTestSupport
import Testing

@Suite(.takesTurns) struct FileTests {
    @Test func replacingKeepsThePreviousContentAsBackup() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/config/x.json"
            #expect(try SmallFile.read(path) == nil)
            try SmallFile.replace(path, with: "one")
            #expect(try FileSystem.list(folder + "/config") == ["x.json"])
            try SmallFile.replace(path, with: "two")
            #expect(try SmallFile.read(path) == [UInt8]("two".utf8))
            #expect(try SmallFile.read(path + ".bak") == [UInt8]("one".utf8))
            #expect(try FileSystem.list(folder + "/config") == ["x.json", "x.json.bak"])
        }
    }

    /// A pipe without a writer would keep who reads it for ever.
    @Test func whatIsNoRegularFileIsNotReplaced() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/x.json"
            try #require(mkfifo(path, 0o600) == 0)
            let failure = try #require(throws: SystemFailure.self) { try SmallFile.replace(path, with: "one") }
            #expect(failure.subject.isExactly(path))
            #expect(try FileSystem.list(folder) == ["x.json"])
        }
    }

    @Test func aBrokenFileIsReadFromItsBackup() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/x.json"
            let parse = { (bytes: [UInt8]) in try JSONValue(parsing: bytes) }
            #expect(try SmallFile.loadWithBackup(path, parse: parse) == nil)
            try SmallFile.replace(path, with: "{\"a\":1}")
            try SmallFile.replace(path, with: "{\"a\":")
            let sink = MemorySink()
            #expect(try SmallFile.loadWithBackup(path, logger: Logger(category: "c", sink: sink), parse: parse) == ["a": 1])
            #expect(sink.messages.first?.hasPrefix("loaded \(path).bak, which lacks the last change: \(path) is damaged (malformed JSON") == true)
            // The damage is kept aside, and not copied over the only good content by the next change.
            #expect(try SmallFile.read(path + ".damaged") == [UInt8]("{\"a\":".utf8))
            try SmallFile.replace(path, with: "{\"a\":2}")
            #expect(try SmallFile.read(path + ".bak") == [UInt8]("{\"a\":1}".utf8))
            for name in ["", ".bak"] { try SmallFile.replace(path + name, with: "nonsense") }
            #expect(throws: JSONError.self) { try SmallFile.loadWithBackup(path, parse: parse) }
            try FileSystem.remove(path)
            try FileSystem.remove(path + ".bak")
            #expect(try SmallFile.loadWithBackup(path, parse: parse) == nil)
        }
    }

    @Test func anEmptyFileIsNoBackup() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/x.json"
            for content in ["{}", "{\"a\":1}", "", "{\"a\":2}"] { try SmallFile.replace(path, with: content) }
            #expect(try SmallFile.read(path + ".bak") == [UInt8]("{\"a\":1}".utf8))
        }
    }

    @Test func propertiesOfWindowsAndOfLatin1() {
        let windows = PropertiesText.parse("list=a,\\\r\n  b\r\n\r\n# c\r\nnext=1\\\r\n\r\nlast=2\r")
        #expect(windows.map { "\($0.key)=\($0.value)" } == ["list=a,b", "next=1", "last=2"])
        let latin1 = PropertiesText.parse(Array("name=Stra".utf8) + [0xDF, 0x65])
        #expect(latin1.map(\.value) == ["Straße"])
        #expect(PropertiesText.parse(Array("name=Straße 中".utf8)).map(\.value) == ["Straße 中"])
    }

    @Test func aByteOrderMarkBelongsToNoKey() throws {
        #expect(PropertiesText.parse([0xEF, 0xBB, 0xBF] + Array("a=1\n".utf8)).map(\.key) == ["a"])
        try withTemporaryFolder { folder in
            let path = folder + "/broker.conf"
            for mark in [[0xFF, 0xFE], [0xFE, 0xFF]] as [[UInt8]] {
                try SmallFile.replace(path, with: mark + [0x61, 0x00, 0x3D, 0x00])
                #expect(throws: ConfigurationError.isUTF16(path: path)) { try Configuration(file: path) }
            }
        }
    }

    @Test func valuesLoseTheBlanksAroundThem() {
        for text in ["x", " x ", "x\t", "\u{A0}x\u{3000}", "x\r"] { #expect(Configuration.trimmed(text) == "x") }
        #expect(Configuration.trimmed(" a b ") == "a b")
        #expect(Configuration.trimmed(" \t") == "")
    }

    @Test func aReplacedFileKeepsItsRightsAndItsLink() throws {
        try withTemporaryFolder { folder in
            let (path, link) = (folder + "/real/x.json", folder + "/x.json")
            try SmallFile.replace(path, with: "one")
            #expect(chmod(path, 0o600) == 0)
            #expect(symlink(path, link) == 0)
            try SmallFile.replace(link, with: "two")
            #expect(try SmallFile.read(path) == [UInt8]("two".utf8), "the file behind the link has the new content")
            #expect(try FileSystem.list(folder) == ["real", "x.json"])
            for name in [path, path + ".bak"] {
                let rights = try FileManager.default.attributesOfItem(atPath: name)[.posixPermissions] as? Int
                #expect(rights == 0o600, "\(name)")
            }
            try SmallFile.replace(path, with: "{")
            #expect(try SmallFile.loadWithBackup(link) { try JSONValue(parsing: $0 == [UInt8]("two".utf8) ? [UInt8]("2".utf8) : $0) } == 2)
        }
    }

    @Test func propertiesAreReadAsInJava() {
        let pairs = PropertiesText.parse("# c\n! c\n\n a = b \nlist=a,\\\n   b\nkey\\ with=x\\ty\\u00e4\nnone\npath:C\\:x\r\nurl=http://h:1/?a=b\nend\\")
        let expected = [
            ("a", "b "), ("list", "a,b"), ("key with", "x\tyä"), ("none", ""), ("path", "C:x"), ("url", "http://h:1/?a=b"), ("end", ""),
        ]
        #expect(pairs.count == expected.count)
        for (pair, wanted) in zip(pairs, expected) { #expect(pair == wanted) }
    }

    @Test func aConfigurationFileThatIsNotThereIsNamed() {
        #expect(throws: ConfigurationError.missingFile(path: "/nowhere/x")) { try Configuration(file: "/nowhere/x") }
    }

    @Test func foldersAreMadeListedAndRemoved() throws {
        try withTemporaryFolder { folder in
            try FileSystem.makeDirectories(folder + "/a/b/c")
            try FileSystem.makeDirectories(folder + "/a/b/c")
            try SmallFile.replace(folder + "/a/f", with: "x")
            #expect(try FileSystem.list(folder + "/a") == ["b", "f"])
            #expect(throws: SystemFailure.self) { try FileSystem.makeDirectories(folder + "/a/f/g") }
            try FileSystem.removeTree(folder + "/a")
            #expect(!FileSystem.exists(folder + "/a"))
        }
    }
}

@Suite(.takesTurns) struct LoggingTests {
    @Test func linesRollIntoKeptFiles() throws {
        try withTemporaryFolder { folder in
            let sink = try RollingFileSink(path: folder + "/broker.log", byteLimit: 100, keptFiles: 2)
            let logger = Logger(category: "store", sink: sink, clock: WallClock { 1_700_000_000_000 })
            for number in 0 ..< 8 { logger.info("line \(number) \(String(repeating: "x", count: 40))") }
            #expect(sink.lostLines == 0)
            sink.finishCompression()
            #expect(try FileSystem.list(folder) == ["broker.log", "otherdays"])
            #expect(try FileSystem.list(folder + "/otherdays") == ["broker.1.log.gz", "broker.2.log.gz"])
            // Compression may lag behind; then a file is longer than asked for, but nothing is missing.
            let (newest, one, two) = (
                try text(folder + "/broker.log"), try unpacked(folder + "/otherdays/broker.1.log.gz"), try unpacked(folder + "/otherdays/broker.2.log.gz"))
            #expect(newest.hasPrefix("2023-11-15 06:13:20 INFO store - line "))
            #expect(newest.hasSuffix("x\n"))
            let numbers = (two + one + newest).split(separator: "\n").compactMap { Int($0.split(separator: " ")[6]) }
            #expect(numbers == Array(8 - numbers.count ..< 8))
            #expect(numbers.count >= 3)
        }
    }

    @Test func keptFilesMoveOnOneByOne() throws {
        try withTemporaryFolder { folder in
            let sink = try RollingFileSink(path: folder + "/broker.log", byteLimit: 100, keptFiles: 3)
            let logger = Logger(category: "store", sink: sink)
            for number in 0 ..< 6 {
                logger.info("line \(number) \(String(repeating: "x", count: 40))")
                sink.finishCompression()
            }
            #expect(try text(folder + "/broker.log").contains("line 5 "))
            for (kept, line) in [(1, 4), (2, 3), (3, 2)] {
                #expect(try unpacked(folder + "/otherdays/broker.\(kept).log.gz").contains("line \(line) "))
            }
            #expect(try FileSystem.list(folder + "/otherdays").count == 3)
        }
    }

    @Test func whatTheLastProcessWroteCountsTowardsTheLimit() throws {
        try withTemporaryFolder { folder in
            for number in 0 ..< 2 {
                let sink = try RollingFileSink(path: folder + "/broker.log", byteLimit: 100, keptFiles: 3)
                Logger(category: "store", sink: sink).info("process \(number) \(String(repeating: "x", count: 40))")
                sink.finishCompression()
            }
            #expect(try text(folder + "/broker.log").contains("process 1 "))
            #expect(try !text(folder + "/broker.log").contains("process 0 "))
            #expect(try unpacked(folder + "/otherdays/broker.1.log.gz").contains("process 0 "))
        }
    }

    @Test func aFullFileThatWasNotCompressedIsTakenUpLater() throws {
        try withTemporaryFolder { folder in
            try FileSystem.makeDirectories(folder + "/otherdays")
            let lines = (0 ..< 60_000).map { "line \($0) of the last process" }.joined(separator: "\n")
            try SmallFile.replace(folder + "/otherdays/broker.full-3", with: lines)
            let sink = try RollingFileSink(path: folder + "/broker.log", zone: .utc)
            sink.write(LogRecord(time: 1_700_000_000_000, level: .info, category: "c", message: "m"))
            sink.finishCompression()
            #expect(try FileSystem.list(folder + "/otherdays") == ["broker.1.log.gz"])
            #expect(try unpacked(folder + "/otherdays/broker.1.log.gz") == lines)
            #expect(try text(folder + "/broker.log") == "2023-11-14 22:13:20 INFO c - m\n")
        }
    }

    @Test func aFullDiskCostsLinesAndNothingElse() throws {
        try withTemporaryFolder { folder in
            #expect(symlink("/dev/full", folder + "/broker.log") == 0)
            let sink = try RollingFileSink(path: folder + "/broker.log")
            for number in 0 ..< 3 { sink.write(LogRecord(time: 0, level: .info, category: "c", message: "\(number)")) }
            #expect(sink.lostLines == 3)
        }
    }

    @Test func aFileThatCannotBeMovedAwayGrows() throws {
        try withTemporaryFolder { folder in
            try SmallFile.replace(folder + "/otherdays", with: "a file where the folder should be")
            let sink = try RollingFileSink(path: folder + "/broker.log", byteLimit: 10)
            for number in 0 ..< 3 { sink.write(LogRecord(time: 0, level: .info, category: "c", message: "line \(number)")) }
            #expect(sink.lostLines == 0)
            #expect(try text(folder + "/broker.log").split(separator: "\n").count == 3)
        }
    }

    @Test func linesGoWhereTheirCategoryAndLevelBelong() {
        let (store, others, console) = (MemorySink(), MemorySink(), MemorySink())
        let logger = Logger(category: "broker", sink: TeeSink(RoutingSink(["store": store], fallback: others), LevelSink(.warning, console)))
        logger.info("started")
        logger.with(category: "store").warning("the disk is nearly full")
        logger.error("no name server answers")
        #expect(store.messages == ["the disk is nearly full"])
        #expect(others.messages == ["started", "no name server answers"])
        #expect(console.messages == ["the disk is nearly full", "no name server answers"])
    }

    private func text(_ path: String) throws -> String { String(decoding: try #require(try SmallFile.read(path)), as: UTF8.self) }

    /// What the system's own program reads from a gzip file.
    private func unpacked(_ path: String) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["gzip", "-dc", path]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return String(decoding: output, as: UTF8.self)
    }

    @Test func nothingIsFormattedBelowTheLevel() {
        let sink = MemorySink()
        let logger = Logger(category: "c", level: .warning, sink: sink)
        func expensive() -> String { Issue.record("formatted"); return "" }
        logger.info(expensive())
        logger.warning("kept")
        #expect(sink.messages == ["kept"])
        #expect(LogRecord(time: 0, level: .error, category: "c", message: "a\nb").line.hasSuffix("ERROR c - a b"))
    }

    @Test func whatIsLoggedChangesWhileTheProgramRuns() throws {
        let sink = MemorySink()
        let root = Logger(category: "root", sink: sink)
        let store = root.with(category: "store")
        func log() -> [ByteText] {
            let before = sink.records.count
            for logger in [root, store, root.with(category: "later")] {
                logger.debug("debug")
                logger.error("error")
            }
            return sink.records[before...].map { "\($0.category) \($0.message)" }
        }
        #expect(log() == ["root error", "store error", "later error"])
        root.setVerbosity(try #require(LogVerbosity(parsing: "OFF;store=DEBUG;later=ERROR")))
        #expect(log() == ["store debug", "store error", "later error"])
        store.setVerbosity(LogVerbosity(.debug))
        #expect(log() == ["root debug", "root error", "store debug", "store error", "later debug", "later error"])
    }

    @Test(arguments: [
        ("info", "INFO"), (" WARN ", "WARN"), ("ERROR;b=debug; a = off ;b=INFO", "ERROR;a=OFF;b=INFO"), ("", nil), ("loud", nil), ("INFO;a", nil), ("INFO;a=loud", nil),
        ("a=INFO", nil), ("INFO;=INFO", nil), ("INFO;a=INFO=INFO", nil), ("INFO;a b=INFO", nil),
    ] as [(String, String?)])
    func whatIsLoggedIsATextOfLevels(text: String, meaning: String?) {
        #expect(LogVerbosity(parsing: text).map { ByteText($0.text) } == meaning.map { ByteText($0) })
    }

    @Test func aLineHasWhatItsLayoutSays() {
        let record = LogRecord(time: 0, level: .info, category: "c", message: "m")
        #expect(ByteText(record.line(in: .utc)) == "1970-01-01 00:00:00 INFO c - m")
        #expect(ByteText(record.line(in: .utc, .withoutCategory)) == "1970-01-01 00:00:00 INFO - m")
        #expect(ByteText(record.line(in: .utc, .messageAlone)) == "1970-01-01 00:00:00 - m")
    }
}

@Suite(.takesTurns) struct MetricsTests {
    @Test func percentilesLieWithinThreePercent() {
        var histogram = Histogram()
        for value in 1 ... 100_000 as ClosedRange<Int64> { histogram.record(value) }
        for (percent, exact) in [(50.0, 50_000.0), (90, 90_000), (99, 99_000), (99.9, 99_900)] {
            let found = Double(histogram.value(atPercentile: percent))
            #expect(found >= exact)
            #expect(found <= exact * 1.032)
        }
        #expect(histogram.maximum == 100_000)
        #expect(histogram.minimum == 1)
        #expect(histogram.value(atPercentile: 100) == 100_000)
        #expect(histogram.mean == 50_000.5)
    }

    @Test func percentilesOfAFewValuesAreAmongThem() {
        var histogram = Histogram()
        for value in [10, 20, 30] as [Int64] { histogram.record(value) }
        for (percent, value) in [(0.0, 10), (33, 10), (34, 20), (50, 20), (66, 20), (67, 30), (90, 30), (100, 30)] as [(Double, UInt64)] {
            #expect(histogram.value(atPercentile: percent) == value, "\(percent) %")
        }
    }

    @Test func extremesAndMerging() {
        var first = Histogram()
        var second = Histogram()
        first.record(0, times: 3)
        second.record(.max, times: 1)
        second.record(-5)
        first.merge(second)
        #expect(first.count == 5)
        #expect(first.maximum == .max)
        #expect(first.p50 == 0)
        #expect(first.value(atPercentile: 100) == .max)
        #expect(Histogram().p99 == 0)
    }

    @Test func smallValuesAreExact() {
        for value in 0 ..< 64 as Range<UInt64> {
            var histogram = Histogram()
            histogram.record(value, times: 1)
            histogram.record(.max, times: 1)
            #expect(histogram.p50 == value)
        }
    }

    @Test func countersCountFromManyThreads() async {
        let counter = Counter()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0 ..< 8 { group.addTask { for _ in 0 ..< 1000 { counter.add() } } }
        }
        #expect(counter.value == 8000)
        #expect(counter.reset() == 8000)
        #expect(counter.value == 0)
    }
}

@Suite(.takesTurns) struct TimeTests {
    @Test func calendarTexts() {
        let time = CalendarTime(milliseconds: 1_700_000_000_123, zone: .utc)
        #expect(time.text == "2023-11-14 22:13:20,123")
        #expect(time.compactText == "20231114221320123")
        #expect(time.hashText == "2023-11-14#22:13:20:123")
        #expect(CalendarTime(milliseconds: 1_700_000_000_123).milliseconds() == 1_700_000_000_123)
        #expect(CalendarTime(milliseconds: -1, zone: .utc).text == "1969-12-31 23:59:59,999")
        #expect(Decimal.text(1234.5, places: 2) == "1234.50")
        #expect(Decimal.text(-0.001, places: 2) == "0.00")
        #expect(Decimal.text(0.05, places: 1) == "0.1")
    }
}
