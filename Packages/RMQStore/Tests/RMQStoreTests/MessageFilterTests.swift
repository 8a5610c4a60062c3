import Foundation
import RMQCommon
@testable import RMQStore
import RMQTestSupport
import Testing

/// Filters that look at more than tags, as a subscription in SQL will.
@Suite(.takesTurns) struct MessageFilterTests {
    /// By a property of the record.
    private struct PropertyFilter: MessageFilter {
        let value: String
        let asked = Asked()

        /// How often the filter was asked.
        final class Asked {
            var entries = 0
            var records = 0
        }

        func matches(entry: FilterEntry) -> Bool {
            asked.entries += 1
            return true
        }

        var readsRecords: Bool { true }

        func matches(record: FilterRecord) -> Bool {
            asked.records += 1
            return record.value(of: "colour").map { $0.elementsEqual(value.utf8) } ?? false
        }
    }

    /// By the bit map that the extension unit has, then by the record, as the reference does with SQL: a message without a unit or
    /// a bit map may match.
    private struct BitFilter: MessageFilter {
        let bit: UInt8
        let newerThan: Int64
        var readsRecords = false

        func matches(entry: FilterEntry) -> Bool {
            guard let unit = entry.extensionUnit, unit.storeTimestamp > newerThan, unit.filterBitmap.count == 2 else { return true }
            return unit.filterBitmap[0] & bit != 0
        }

        func matches(record: FilterRecord) -> Bool { record.topic.elementsEqual("T".utf8) && record.storeTimestamp > newerThan }
    }

    private static let colours = ["red", "green", "blue"]

    private func fill(_ store: MessageStore, _ numbers: Range<Int>) throws {
        for number in numbers {
            try store.put("T", more: [("TAGS", "t"), ("colour", Self.colours[number % 3])], body: [UInt8(number & 255)])
        }
    }

    private func bodies(_ result: ReadResult) throws -> [Int] { try result.messages().map { Int($0.body[0]) } }

    /// Reads on to the end.
    private func all(_ store: MessageStore, _ filter: some MessageFilter, _ source: ReadSource?) throws -> [Int] {
        let queue = store.queueHandle(topic: "T", queueId: 0)
        var found: [Int] = []
        var offset: Int64 = 0
        while offset < queue.maxOffset {
            var result = ReadResult()
            if let source {
                store.read(queue, offset: offset, maxCount: 32, from: source, matching: filter, into: &result)
            } else {
                store.load(queue, offset: offset, maxCount: 32, matching: filter, into: &result)
            }
            try #require(result.nextOffset > offset)
            #expect(result.messageCount <= 32 && result.byteCount == result.chunks.reduce(0) { $0 + $1.bytes.count })
            found += try bodies(result)
            offset = result.nextOffset
        }
        return found
    }

    @Test(arguments: [ReadSource.memory, .disk, nil]) func aPropertyDecides(source: ReadSource?) throws {
        let folder = try TemporaryFolder()
        let store = try openStore(folder.path)
        try fill(store, 0..<200)
        let filter = PropertyFilter(value: "green")
        #expect(try all(store, filter, source) == (0..<200).filter { $0 % 3 == 1 })
        #expect(filter.asked.entries >= 200 && filter.asked.records >= 200)
        #expect(try all(store, PropertyFilter(value: "black"), source) == [])
        // Neighbours that match share a range of the log.
        var result = ReadResult()
        store.read(store.queueHandle(topic: "T", queueId: 0), offset: 0, maxCount: 32, matching: BitFilter(bit: 1, newerThan: .max), into: &result)
        #expect(result.messageCount == 32 && result.chunks.count == 1)
        try store.close()
    }

    @Test func aFilterThatMatchesNothingMovesOn() throws {
        let folder = try TemporaryFolder()
        let store = try openStore(folder.path)
        try fill(store, 0..<50)
        var result = ReadResult()
        store.read(store.queueHandle(topic: "T", queueId: 0), offset: 7, maxCount: 32, matching: PropertyFilter(value: "black"), into: &result)
        #expect(result.status == .noMatchedMessage && result.nextOffset == 50 && result.messageCount == 0 && result.chunks.isEmpty)
        // One that does not read records is not asked about them.
        let tags = PropertyFilter(value: "red")
        store.read(store.queueHandle(topic: "T", queueId: 0), offset: 0, maxCount: 5, matching: TagTest { _ in true }, into: &result)
        #expect(result.messageCount == 5 && tags.asked.records == 0)
        try store.close()
    }

    /// As costly as an expression of 64 KiB.
    private struct CostlyFilter: MessageFilter {
        let recordCost: Int
        let wanted: Bool
        var readsRecords: Bool { true }
        func matches(entry: FilterEntry) -> Bool { true }
        func matches(record: FilterRecord) -> Bool { wanted }
    }

    @Test(arguments: [ReadSource.memory, .disk, nil]) func whatOneReadLooksAtIsBoundedByItsCost(source: ReadSource?) throws {
        let folder = try TemporaryFolder()
        let store = try openStore(folder.path)
        try fill(store, 0..<60)
        let queue = store.queueHandle(topic: "T", queueId: 0)
        for wanted in [true, false] {
            var result = ReadResult()
            let filter = CostlyFilter(recordCost: 65_536, wanted: wanted)
            store.read(queue, offset: 0, maxCount: 32, from: source ?? .disk, matching: filter, into: &result)
            #expect(result.nextOffset == 16, "a mebibyte")
            #expect(result.status == (wanted ? .found : .noMatchedMessage))
            #expect(result.messageCount == (wanted ? 16 : 0))
        }
        #expect(try all(store, CostlyFilter(recordCost: .max / 2, wanted: true), source).count == 60, "one record is always looked at")
        try store.close()
    }

    /// The same bits as in a copy of the unit.
    @Test func theExtensionIsSeenWithoutACopy() throws {
        struct Compared: MessageFilter {
            func matches(entry: FilterEntry) -> Bool {
                let unit = entry.extensionUnit
                let seen = entry.withExtension { time, bits in time == unit?.storeTimestamp && bits.elementsEqual(unit?.filterBitmap ?? []) }
                return seen == (unit == nil ? nil : true)
            }
        }
        let folder = try TemporaryFolder()
        var configuration = smallConfiguration(folder.path)
        var store = try MessageStore(configuration, logger: quiet)
        try store.start()
        try fill(store, 0..<3)
        try store.close()
        configuration.writesQueueExtensions = true
        store = try MessageStore(configuration, logger: quiet) { _, time, _ in [UInt8(truncatingIfNeeded: time), 7] }
        try store.start()
        try fill(store, 3..<6)
        #expect(try all(store, Compared(), .memory) == Array(0..<6))
        try store.close()
    }

    @Test(arguments: [ReadSource.memory, .disk, nil]) func theExtensionsBitsDecide(source: ReadSource?) throws {
        let folder = try TemporaryFolder()
        var configuration = smallConfiguration(folder.path)
        configuration.writesQueueExtensions = true
        configuration.extensionFileBytes = 1024
        // A bit a colour, as a Bloom filter of the subscriptions would set it.
        let bitmap: FilterBitmap = { _, _, properties in
            guard let value = PropertyText.value("colour", in: properties) else { return nil }
            return [UInt8(1) << UInt8(Self.colours.firstIndex { $0.utf8.elementsEqual(value) } ?? 7), 0]
        }
        let store = try MessageStore(configuration, logger: quiet, filterBitmap: bitmap)
        try store.start()
        try fill(store, 0..<150)
        #expect(try all(store, BitFilter(bit: 4, newerThan: 0), source) == (0..<150).filter { $0 % 3 == 2 })
        #expect(try all(store, BitFilter(bit: 5, newerThan: 0, readsRecords: true), source) == (0..<150).filter { $0 % 3 != 1 })
        // The subscription is younger than all messages: the bits say nothing of it, the records do.
        #expect(try all(store, BitFilter(bit: 4, newerThan: .max), source).count == 150)
        #expect(try all(store, BitFilter(bit: 4, newerThan: .max, readsRecords: true), source) == [])
        try store.close()
    }

    /// What was damaged on the disk reaches no filter.
    @Test func aDamagedRecordIsNotAsked() throws {
        let folder = try TemporaryFolder()
        var store = try openStore(folder.path)
        try fill(store, 0..<30)
        let position = try #require(store.physicalOffset(store.queueHandle(topic: "T", queueId: 0), offset: 4))
        try store.close()
        try overwriteLog(folder.path, at: position + 88, with: [0xEE])
        store = try openStore(folder.path)
        let filter = PropertyFilter(value: "green")
        #expect(try all(store, filter, .disk) == (0..<30).filter { $0 % 3 == 1 && $0 != 4 })
        #expect(filter.asked.records == 29)
        try store.close()
    }
}
