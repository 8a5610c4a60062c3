import Foundation
import RMQCommon
import RMQStore
import RMQTestSupport
import Testing

/// Consume queues whose entries lead to extension units.
@Suite(.takesTurns) struct QueueExtensionTests {
    func configuration(_ root: String, fileBytes: Int = 1024) -> StoreConfiguration {
        var configuration = smallConfiguration(root)
        configuration.writesQueueExtensions = true
        configuration.extensionFileBytes = fileBytes
        return configuration
    }

    /// One bit for messages with the property `odd`.
    static let bitmap: FilterBitmap = { topic, _, properties in
        topic == "NoFilter" ? nil : String(decoding: properties, as: UTF8.self).contains("odd\u{1}yes") ? [0x80, 0x01] : [0, 0]
    }

    func open(_ root: String) throws -> MessageStore {
        let store = try MessageStore(configuration(root), logger: quiet, filterBitmap: Self.bitmap)
        try store.start()
        return store
    }

    func fill(_ store: MessageStore, _ numbers: Range<Int>) throws {
        for number in numbers {
            try store.put("T", more: [("TAGS", "tag\(number % 3)")] + (number % 2 == 1 ? [("odd", "yes")] : []), body: [UInt8(number & 255)])
        }
    }

    func expectUnits(_ store: MessageStore, count: Int) throws {
        let queue = try #require(store.queue(topic: "T", queueId: 0))
        #expect(queue.maxOffset == count)
        for number in 0..<count {
            let unit = try #require(queue.extensionUnit(at: Int64(number)))
            #expect(unit.tagCode == JavaString.tagsCode("tag\(number % 3)"))
            #expect(unit.filterBitmap == (number % 2 == 1 ? [0x80, 0x01] : [0, 0]))
            #expect(unit.storeTimestamp == store.storeTimestamp(queue, offset: Int64(number)))
        }
        let tagged = store.read(topic: "T", queueId: 0, offset: 0, maxCount: 32) { $0 == JavaString.tagsCode("tag1") }
        #expect(try tagged.messages().map(\.tags) == Array(repeating: "tag1", count: tagged.messageCount) && tagged.messageCount > 0)
    }

    @Test func entriesLeadToUnits() throws {
        let folder = try TemporaryFolder()
        let store = try open(folder.path)
        try fill(store, 0..<100)
        try store.put("NoFilter")
        try expectUnits(store, count: 100)
        #expect(store.queue(topic: "NoFilter", queueId: 0)?.extensionUnit(at: 0)?.filterBitmap == [])
        try store.close()
        // Entries and units by the letter of the format: 46 units of 22 bytes fill 1012 of 1024 bytes, then -1.
        func bytes(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder.sub(path)))) }
        let entries = try bytes("consumequeue/T/0/00000000000000000000")
        #expect(Array(entries[12..<20]) == [0x80, 0, 0, 0, 0, 0, 0, 0] && Array(entries[32..<40]) == [0x80, 0, 0, 0, 0, 0, 0, 22])
        let first = try bytes("consumequeue_ext/T/0/00000000000000000000")
        #expect(first.count == 1024 && first[0..<2] == [0, 22] && first[18..<22] == [0, 2, 0, 0] && first[40..<44] == [0, 2, 0x80, 1])
        #expect(first[1012..<1014] == [0xFF, 0xFF])
        #expect(Array(entries[46 * 20 + 12..<46 * 20 + 20]) == [0x80, 0, 0, 0, 0, 0, 4, 0])
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.sub("consumequeue_ext/T/0")).count == 3)
    }

    @Test(arguments: [true, false]) func unitsSurviveARestart(clean: Bool) throws {
        let folder = try TemporaryFolder()
        var store = try open(folder.path)
        for run in 0..<5 {
            try fill(store, run * 31..<(run + 1) * 31)
            if clean {
                try store.close()
                store = try open(folder.path)
            } else {
                try copyDirectory(folder.path, to: folder.path + "-\(run)")
                let copy = try open(folder.path + "-\(run)")
                try expectUnits(copy, count: (run + 1) * 31)
                try fill(copy, (run + 1) * 31..<(run + 1) * 31 + 10)
                try expectUnits(copy, count: (run + 1) * 31 + 10)
                try copy.close()
                try FileManager.default.removeItem(atPath: folder.path + "-\(run)")
            }
            try expectUnits(store, count: (run + 1) * 31)
        }
        try store.close()
    }

    @Test func theyAreWrittenAgainFromTheLog() throws {
        let folder = try TemporaryFolder()
        let store = try open(folder.path)
        try fill(store, 0..<100)
        try store.close()
        try FileManager.default.removeItem(atPath: folder.sub("consumequeue"))
        let again = try open(folder.path)
        try expectUnits(again, count: 100)
        try again.close()
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.sub("consumequeue_ext/T/0")).count == 3)
    }

    @Test func aSwitchTouchesOnlyWhatComesAfter() throws {
        let folder = try TemporaryFolder()
        let store = try open(folder.path)
        try fill(store, 0..<10)
        try store.close()
        let plain = try openStore(folder.path)
        try fill(plain, 10..<20)
        #expect(plain.queue(topic: "T", queueId: 0)?.extensionUnit(at: 9) != nil && plain.queue(topic: "T", queueId: 0)?.extensionUnit(at: 10) == nil)
        try plain.close()
        let again = try open(folder.path)
        try fill(again, 20..<30)
        let queue = try #require(again.queue(topic: "T", queueId: 0))
        #expect((0..<30).map { queue.extensionUnit(at: $0) != nil } == (0..<30).map { $0 < 10 || $0 >= 20 })
        let tagged = again.read(topic: "T", queueId: 0, offset: 0, maxCount: 32) { $0 == JavaString.tagsCode("tag1") }
        #expect(tagged.messageCount == 10)
        try again.close()
    }

    @Test(arguments: 0..<8) func noContentIsDangerous(_ seed: Int) throws {
        var random = SeededRandom(seed: UInt64(seed))
        let folder = try TemporaryFolder()
        let store = try open(folder.sub("store"))
        try fill(store, 0..<120)
        try store.close()
        let directory = "/consumequeue_ext/T/0"
        for round in 0..<5 {
            let copy = folder.sub("copy\(round)")
            try copyDirectory(folder.sub("store"), to: copy)
            for name in try FileManager.default.contentsOfDirectory(atPath: copy + directory) {
                let path = URL(fileURLWithPath: copy + directory + "/" + name)
                var bytes = [UInt8](try Data(contentsOf: path))
                for _ in 0..<Int.random(in: 1...60, using: &random) {
                    bytes[Int.random(in: 0..<bytes.count, using: &random)] = [0, 0x7F, 0xFF, UInt8.random(in: 0...255, using: &random)].randomElement(using: &random)!
                }
                if Int.random(in: 0..<4, using: &random) == 0 { bytes.removeLast(Int.random(in: 1...1024, using: &random)) }
                try Data(bytes).write(to: path)
            }
            let damaged = try open(copy)
            let queue = try #require(damaged.queue(topic: "T", queueId: 0))
            for offset in 0..<Int64(120) {
                _ = queue.extensionUnit(at: offset)
                #expect(damaged.read(topic: "T", queueId: 0, offset: offset, maxCount: 1) { _ in true }.messageCount == 1)
            }
            try fill(damaged, 120..<200)
            let new = damaged.read(topic: "T", queueId: 0, offset: 199, maxCount: 1) { $0 == JavaString.tagsCode("tag1") }
            #expect(new.messageCount == 1)
            try damaged.close()
        }
    }

    @Test func goldenUnitsAreWrittenByteForByte() throws {
        let folder = try TemporaryFolder()
        try copyDirectory(GoldenData.path("store-clean"), to: folder.sub("store"))
        try FileManager.default.removeItem(atPath: folder.sub("store/consumequeue"))
        try FileManager.default.removeItem(atPath: folder.sub("store/consumequeue_ext"))
        var configuration = GoldenStoreTests().goldenConfiguration(folder.sub("store"))
        configuration.writesQueueExtensions = true
        configuration.extensionFileBytes = 4096
        let store = try MessageStore(configuration, logger: quiet)
        try store.close()
        var compared = 0
        for path in try FileManager.default.subpathsOfDirectory(atPath: GoldenData.path("store-clean/consumequeue_ext")).sorted() where path.hasSuffix("00000000000000000000") {
            let theirs = [UInt8](try Data(contentsOf: URL(fileURLWithPath: GoldenData.path("store-clean/consumequeue_ext/" + path))))
            // Where filters were registered the bit maps are the broker's.
            let units = stride(from: 0, to: theirs.count - 20, by: 20).prefix { theirs[$0] != 0 || theirs[$0 + 1] != 0 }
            guard units.allSatisfy({ theirs[$0 + 1] == 20 }) else { continue }
            for kind in ["consumequeue", "consumequeue_ext"] {
                let golden = try Data(contentsOf: URL(fileURLWithPath: GoldenData.path("store-clean/\(kind)/" + path)))
                let ours = try Data(contentsOf: URL(fileURLWithPath: folder.sub("store/\(kind)/") + path))
                let isEqual = golden == ours
                #expect(isEqual, "\(kind)/\(path)")
            }
            compared += 1
        }
        #expect(compared > 5)
    }
}
