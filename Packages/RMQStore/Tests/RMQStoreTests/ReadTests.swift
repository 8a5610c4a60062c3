import Foundation
import RMQCommon
import RMQStore
import RMQTestSupport
import Testing

@Suite(.takesTurns) struct ReadTests {
    @Test func everyStatusAndWhereToGoOn() throws {
        let folder = try TemporaryFolder()
        let store = try openStore(folder.path)
        for index in 0..<10 { try store.put("T", 0, text: "\(index)", tags: index == 5 ? "wanted" : "other") }
        func read(_ offset: Int64, count: Int = 32, tag: String? = nil) -> ReadResult {
            store.read(topic: "T", queueId: 0, offset: offset, maxCount: count, matches: tag.map { tag in { $0 == JavaString.tagsCode(tag) } })
        }
        #expect(store.read(topic: "Nobody", queueId: 0, offset: 3, maxCount: 1).status == .noMatchedLogicQueue)
        _ = store.queueHandle(topic: "Empty", queueId: 0)
        #expect(store.read(topic: "Empty", queueId: 0, offset: 3, maxCount: 1).status == .noMessageInQueue)
        for (result, status, next) in [
            (read(-1), ReadStatus.offsetTooSmall, 0), (read(10), .offsetOverflowOne, 10), (read(11), .offsetOverflowBadly, 10),
            (read(.max), .offsetOverflowBadly, 10), (read(.min), .offsetTooSmall, 0), (read(0), .found, 10), (read(7, count: 2), .found, 9),
            (read(7, count: 0), .found, 8), (read(0, tag: "wanted"), .found, 10), (read(6, tag: "wanted"), .noMatchedMessage, 10),
        ] as [(ReadResult, ReadStatus, Int64)] {
            #expect(result.status == status)
            #expect(result.nextOffset == next)
            #expect(result.minOffset == 0 && result.maxOffset == 10)
        }
        #expect(try read(0, tag: "wanted").messages().map(\.text) == ["5"])
        #expect(read(0).chunks.count == 1, "neighbours in the log share a chunk")
        try store.close()
    }

    @Test func transferLimitsHoldButOneMessageAlwaysComes() throws {
        let folder = try TemporaryFolder()
        let store = try openStore(folder.path, segmentBytes: 1 << 20)
        for _ in 0..<100 { try store.put("Small", 0, [1]) }
        #expect(store.read(topic: "Small", queueId: 0, offset: 0, maxCount: 1000).messageCount == 32)
        for _ in 0..<10 { try store.put("Large", 0, [UInt8](repeating: 1, count: 60_000)) }
        let large = store.read(topic: "Large", queueId: 0, offset: 0, maxCount: 32)
        #expect(large.messageCount == 4 && large.nextOffset == 4, "262,144 bytes")
        #expect(store.read(topic: "Large", queueId: 0, offset: 0, maxCount: 32, maxBytes: 130_000).messageCount == 2)
        #expect(store.read(topic: "Large", queueId: 0, offset: 0, maxCount: 32, maxBytes: 1).messageCount == 1)
        try store.put("Huge", 0, [UInt8](repeating: 1, count: 400_000))
        #expect(store.read(topic: "Huge", queueId: 0, offset: 0, maxCount: 32).messageCount == 1)
        try store.close()
    }

    @Test func aSparseFilterLooksAtABoundedNumberOfEntries() throws {
        let folder = try TemporaryFolder()
        let store = try openStore(folder.path)
        for _ in 0..<1000 { try store.put("T", 0, [1], tags: "no") }
        let result = store.read(topic: "T", queueId: 0, offset: 10, maxCount: 32) { $0 == 1 }
        #expect(result.status == .noMatchedMessage)
        #expect(result.nextOffset == 300, "never past the end of the queue file of 300 entries")
        try store.close()
    }

    @Test func rangesOutliveTheStore() throws {
        let folder = try TemporaryFolder()
        var result = ReadResult()
        do {
            let store = try openStore(folder.path)
            try store.put("T", 0, text: "kept alive")
            store.read(store.queueHandle(topic: "T", queueId: 0), offset: 0, maxCount: 1, into: &result)
            try store.close()
        }
        #expect(try result.messages().map(\.text) == ["kept alive"])
    }

    @Test func offsetsByTime() throws {
        let folder = try TemporaryFolder()
        let clock = HandClock(1000)
        let store = try openStore(folder.path, clocks: clock.clocks)
        // Store times 1000, 1010, …, 7990: three queue files.
        for _ in 0..<700 {
            try store.put("T", 0, [1])
            clock.advance(.milliseconds(10))
        }
        func at(_ time: Int64) -> Int64 { store.offset(topic: "T", queueId: 0, at: time) }
        #expect(at(0) == 0)
        #expect(at(1000) == 0 && at(1010) == 1 && at(5000) == 400)
        #expect(at(1014) == 1 && at(1015) == 1 && at(1016) == 2, "the nearer one, the older on a tie")
        #expect(at(.max) == 699 && at(.min) == 0, "after the newest: the newest")
        #expect(store.offset(topic: "Nobody", queueId: 0, at: 5) == 0)
        #expect(store.earliestStoreTimestamp(topic: "T", queueId: 0) == 1000)
        #expect(store.earliestStoreTimestamp == 1000)
        #expect(store.storeTimestamp(store.queueHandle(topic: "T", queueId: 0), offset: 5) == 1050)
        #expect(store.maxOffset(topic: "T", queueId: 0) == 700 && store.minOffset(topic: "T", queueId: 0) == 0)
        try store.close()
    }
}
