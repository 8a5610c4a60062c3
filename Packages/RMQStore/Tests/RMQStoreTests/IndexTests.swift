import Foundation
import RMQCommon
import RMQStore
import RMQTestSupport
import Testing

@Suite(.takesTurns) struct IndexTests {
    @Test func aMessageIsFoundByEachOfItsKeys() async throws {
        let folder = try TemporaryFolder()
        let store = try openStore(folder.path)
        let first = try store.put("T", keys: "order-1  second", uniqueId: "ID1").physicalOffset
        let second = try store.put("T", keys: "order-1 order-1", uniqueId: "ID2").physicalOffset
        try store.put("T")
        let other = try store.put("Other", keys: "order-1").physicalOffset
        let unicode = try store.put("T", keys: "schlüssel 鍵😀").physicalOffset
        try await store.waitUntilIndexed()
        #expect(try store.offsets("T", "order-1") == [first, second], "in the order of the log, each once")
        #expect(try store.offsets("T", "second") == [first])
        #expect(try store.offsets("T", "ID2") == [second])
        #expect(try store.offsets("Other", "order-1") == [other])
        #expect(try store.offsets("T", "schlüssel") == [unicode])
        #expect(try store.offsets("T", "鍵😀") == [unicode])
        for absent in ["", "order", "order-1  second", "ID3", "TAGS"] { #expect(try store.offsets("T", absent) == []) }
        #expect(try store.offsets("Nobody", "order-1") == [])
        let result = store.query(topic: "T", key: "nothing", maxCount: 1)
        #expect(result.indexedOffset == unicode && result.indexedTimestamp > 0)
        try store.close()
    }

    @Test func onlyRolledBackMessagesAreLeftOut() async throws {
        let folder = try TemporaryFolder()
        let store = try openStore(folder.path)
        let offsets = try [0, 4, 8, 12].map { try store.put("T", keys: "k\($0)", systemFlag: $0).physicalOffset }
        try await store.waitUntilIndexed()
        #expect(try [0, 4, 8, 12].map { try store.offsets("T", "k\($0)") } == [[offsets[0]], [offsets[1]], [offsets[2]], []])
        try store.close()
    }

    @Test func keysWithTheSameHashAreToldApart() async throws {
        let folder = try TemporaryFolder()
        let store = try openStore(folder.path)
        let a = try store.put("T", keys: "AaAa").physicalOffset
        let b = try store.put("T", keys: "BBBB").physicalOffset
        let c = try store.put("T", keys: "AaBB").physicalOffset
        try await store.waitUntilIndexed()
        #expect(JavaString.hash("T#AaAa") == JavaString.hash("T#BBBB"))
        #expect(try store.offsets("T", "AaAa", maxCount: 1) == [a])
        #expect(try store.offsets("T", "BBBB", maxCount: 1) == [b])
        #expect(try store.offsets("T", "AaBB", maxCount: 1) == [c])
        try store.close()
        let reader = try IndexReader(try #require(try IndexReader.files(folder.path).first), slotCount: 64, entryCount: 200)
        #expect(reader.offsets("T", "AaAa") == [c, b, a])
    }

    @Test func countAndTimeBoundTheAnswer() async throws {
        let folder = try TemporaryFolder()
        let clock = HandClock(1_000_000)
        let store = try openStore(folder.path, clocks: clock.clocks)
        // 600 keys of messages 700 ms apart, in four files.
        var offsets: [Int64] = []
        for _ in 0..<600 {
            offsets.append(try store.put("T", keys: "k").physicalOffset)
            clock.advance(.milliseconds(700))
        }
        try await store.waitUntilIndexed()
        #expect(try store.offsets("T", "k") == offsets.suffix(64))
        #expect(try store.offsets("T", "k", maxCount: 1000) == offsets.suffix(64), "maxMsgsNumBatch")
        #expect(try store.offsets("T", "k", maxCount: 3) == offsets.suffix(3))
        #expect(try store.offsets("T", "k", maxCount: 0) == [])
        func time(_ index: Int) -> Int64 { 1_000_000 + Int64(index) * 700 }
        for (first, last) in [(0, 0), (10, 20), (190, 210), (198, 199), (199, 200), (395, 402), (599, 599), (560, 599)] {
            #expect(try store.offsets("T", "k", from: time(first), to: time(last)) == Array(offsets[first...last]))
            #expect(try store.offsets("T", "k", from: time(first) + 1, to: time(last) + 1) == Array(offsets[(first + 1)..<(last + 1)]))
        }
        #expect(try store.offsets("T", "k", to: time(300)) == Array(offsets[237...300]), "the newest of them")
        #expect(try store.offsets("T", "k", from: 5, to: 4) == [])
        #expect(try store.offsets("T", "k", from: .max) == [])
        #expect(store.query(topic: "T", key: "k", maxCount: 64, maxBytes: 1).records.count == 1)
        try store.close()
        let files = try IndexReader.files(folder.path)
        #expect(files.count == 4)
        #expect(files.allSatisfy { $0.utf8.count == folder.sub("index/").utf8.count + 17 })
    }

    /// A producer's id tells when its message was sent, and it is looked for from then on.
    @Test func whatWasStoredBeforeTheClockWasSetBackIsFound() async throws {
        let folder = try TemporaryFolder()
        let clock = HandClock(1_700_000_000_000)
        let store = try openStore(folder.path, clocks: clock.clocks)
        var messages: [(offset: Int64, time: Int64)] = []
        // In six files; the clock is set back within the second and the fourth.
        for number in 0..<1_000 {
            if number == 250 || number == 650 { clock.step(.seconds(-3600)) }
            let result = try store.put("T", keys: "id\(number) common")
            messages.append((result.physicalOffset, result.storeTimestamp))
            clock.advance(.milliseconds(700))
        }
        try await store.waitUntilIndexed()
        for (number, message) in messages.enumerated() {
            #expect(try store.offsets("T", "id\(number)", from: message.time - 1_000) == [message.offset], "\(number)")
        }
        let late = messages.filter { $0.time >= messages[249].time }.map(\.offset)
        #expect(try store.offsets("T", "common", from: messages[249].time) == late)
        try store.close()
    }

    @Test func filesAreAsTheFormatSays() async throws {
        let folder = try TemporaryFolder()
        let clock = HandClock(1_700_000_000_000)
        let store = try openStore(folder.path, clocks: clock.clocks)
        var expected: [(key: String, offset: Int64, time: Int64)] = []
        for index in 0..<450 {
            let result = try store.put("T", keys: "a\(index % 50) b\(index % 7)")
            expected.append(("a\(index % 50)", result.physicalOffset, result.storeTimestamp))
            expected.append(("b\(index % 7)", result.physicalOffset, result.storeTimestamp))
            clock.advance(.milliseconds(400))
        }
        try await store.waitUntilIndexed()
        try store.close()
        let readers = try IndexReader.files(folder.path).map { try IndexReader($0, slotCount: 64, entryCount: 200) }
        #expect(readers.map(\.count) == [200, 200, 200, 200, 900 - 4 * 199 + 1])
        var rest = expected[...]
        for reader in readers {
            let part = rest.prefix(reader.count - 1)
            rest = rest.dropFirst(part.count)
            let (first, last) = (part.first!, part.last!)
            #expect(reader.beginOffset == first.offset && reader.beginTimestamp == first.time)
            #expect(reader.endOffset == last.offset && reader.endTimestamp == last.time)
            #expect(reader.entries.map(\.offset) == part.map(\.offset))
            #expect(reader.entries.map { Int64($0.seconds) } == part.map { ($0.time - first.time) / 1000 })
            #expect(reader.usedSlots == (0..<64).filter { reader.slot($0) > 0 }.count)
            for key in Set(part.map(\.key)) {
                #expect(reader.offsets("T", key) == part.filter { $0.key == key }.map(\.offset).reversed())
            }
        }
        #expect(rest.isEmpty)
    }

    @Test func nothingIsIndexedWhenSwitchedOff() async throws {
        let folder = try TemporaryFolder()
        var configuration = smallConfiguration(folder.path)
        configuration.indexesMessages = false
        let store = try MessageStore(configuration, logger: quiet)
        try store.start()
        let offset = try store.put("T", keys: "k").physicalOffset
        #expect(try store.offsets("T", "k") == [])
        try store.close()
        #expect(!FileManager.default.fileExists(atPath: folder.sub("index")))
        let reopened = try openStore(folder.path)
        try await reopened.waitUntilIndexed()
        #expect(try reopened.offsets("T", "k") == [offset])
        try reopened.close()
    }

    @Test func sizesThatCannotBeAreRefused() throws {
        var configuration = smallConfiguration("x")
        configuration.indexSlotCount = 0
        #expect(throws: StoreError.invalidConfiguration(key: "maxHashSlotNum", value: "0", allowed: "1 to 500000000")) {
            try MessageStore(configuration, logger: quiet)
        }
        configuration.indexSlotCount = 100
        configuration.indexEntryCount = 1 << 40
        #expect(throws: StoreError.invalidConfiguration(
            key: "maxIndexNum", value: "1099511627776", allowed: "2 to 107374160 with maxHashSlotNum=100")
        ) { try MessageStore(configuration, logger: quiet) }
    }
}
