import Foundation
import RMQCommon
import RMQStore
import RMQTestSupport
import Synchronization
import Testing

@Suite(.takesTurns) struct AppendTests {
    @Test func aMessageComesBackWithAllFields() throws {
        let folder = try TemporaryFolder()
        let clock = HandClock(1_800_000_000_000)
        let store = try openStore(folder.path, clocks: clock.clocks)
        var attributes = testAttributes
        attributes.flag = 77
        attributes.reconsumeTimes = 3
        attributes.bornHost = try #require(HostAddress("[2001:db8::1]:5000"))
        let first = try store.put("TopicA", 2, Array("hello0".utf8), tags: "tag0", attributes: attributes)
        let second = try store.put("TopicA", 2, [], attributes: testAttributes)
        #expect(first.physicalOffset == 0 && first.queueOffset == 0 && first.messageCount == 1 && first.storeTimestamp == 1_800_000_000_000)
        #expect(second.physicalOffset == Int64(first.byteCount) && second.queueOffset == 1)

        let messages = try store.everything("TopicA", 2)
        #expect(messages.count == 2)
        let message = messages[0]
        #expect(message.text == "hello0" && message.bodyCRC == 0x7036_E992)
        #expect(message.tags == "tag0" && message.flag == 77 && message.reconsumeTimes == 3)
        #expect(message.bornHost.description == "[2001:db8::1]:5000" && message.storeHost == testAttributes.storeHost)
        #expect(message.bornTimestamp == testAttributes.bornTimestamp && message.storeTimestamp == 1_800_000_000_000)
        #expect(message.systemFlag.contains(.bornHostIPv6) && !message.systemFlag.contains(.storeHostIPv6))
        #expect(messages[1].body.isEmpty && messages[1].physicalOffset == second.physicalOffset)
        #expect(store.record(at: second.physicalOffset)?.bytes.count == second.byteCount)
        #expect(store.record(at: second.physicalOffset + 1) == nil)
        try store.close()
    }

    @Test func segmentsEndWithAFiller() throws {
        let folder = try TemporaryFolder()
        let store = try openStore(folder.path)
        var results: [AppendResult] = []
        for index in 0..<1000 { results.append(try store.put("Roll", 0, [UInt8](repeating: UInt8(index & 255), count: 300))) }
        #expect(try store.everything("Roll", 0).map { Int($0.body[0]) } == (0..<1000).map { $0 & 255 })
        #expect(store.queueHandle(topic: "Roll", queueId: 0).maxOffset == 1000)
        try store.close()
        let files = try segmentFiles(folder.path)
        let record = results[0].byteCount
        let perFile = (65536 - 8) / record
        #expect(files.count == (1000 + perFile - 1) / perFile)
        #expect(results[perFile].physicalOffset == 65536)
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: files[0])))
        let filler = Array(bytes[(perFile * record)..<(perFile * record + 8)])
        var expected = ByteWriter(capacity: 8)
        expected.write(Int32(65536 - perFile * record))
        expected.write(UInt32(0xCBD4_3194))
        #expect(filler == expected.bytes)
    }

    func batch(_ bodies: [[UInt8]], tag: String = "T") -> [UInt8] {
        var writer = ByteWriter(capacity: 1024)
        let properties = MessageProperties([("TAGS", tag)]).encoded()
        for body in bodies {
            writer.write(Int32(22 + body.count + properties.count))
            writer.write(Int32(0))
            writer.write(Int32(0))
            writer.write(Int32(5))
            writer.write(Int32(body.count))
            writer.write(bytes: body)
            writer.write(Int16(properties.count))
            writer.write(bytes: properties)
        }
        return writer.bytes
    }

    func append(_ store: MessageStore, batch: [UInt8], attributes: RecordAttributes = testAttributes) throws -> AppendResult {
        let encoder = RecordEncoder()
        let added = MessageProperties([("CLUSTER", "c")]).encoded()
        let queue = store.queueHandle(topic: "Batch", queueId: 0)
        let draft = try batch.withUnsafeBytes { elements in
            try added.withUnsafeBytes { try encoder.encodeBatch(queue: queue, attributes: attributes, elements: elements, addedProperties: $0) }
        }
        return try store.append(draft)
    }

    @Test func aBatchIsOneMessagePerElementInOneSegment() throws {
        let folder = try TemporaryFolder()
        let store = try openStore(folder.path)
        let one = try append(store, batch: batch([[1], [2, 2], [3, 3, 3]]))
        #expect(one.messageCount == 3 && one.queueOffset == 0)
        // 300 messages of 100 bytes: several fit a segment, none may straddle two. 300 entries fill a queue file.
        let bodies = (0..<300).map { [UInt8](repeating: UInt8($0 & 255), count: 30) }
        for round in 0..<5 {
            let result = try append(store, batch: batch(bodies))
            #expect(result.queueOffset == Int64(3 + 300 * round))
            #expect(result.physicalOffset / 65536 == (result.physicalOffset + Int64(result.byteCount) - 1) / 65536)
        }
        let messages = try store.everything("Batch", 0)
        #expect(messages.count == 1503)
        #expect(messages.map(\.queueOffset) == (0..<1503).map { Int64($0) })
        #expect(messages[2].body == [3, 3, 3] && messages[2].flag == 5)
        #expect(messages[2].properties.dictionary == ["TAGS": "T", "CLUSTER": "c"])
        #expect(messages[1502].body == bodies[299])
        let matched = store.read(topic: "Batch", queueId: 0, offset: 0, maxCount: 32) { $0 == JavaString.tagsCode("T") }
        #expect(matched.messageCount == 32)
        try store.close()
    }

    @Test func badBatchesAreRefused() throws {
        let folder = try TemporaryFolder()
        let store = try openStore(folder.path)
        let good = batch([[1, 2, 3], [4]])
        for length in 1..<good.count where length != batch([[1, 2, 3]]).count {
            #expect(throws: StoreError.self) { try append(store, batch: Array(good[..<length])) }
        }
        for index in good.indices {
            for value: UInt8 in [0x7F, 0x80, 0xFF] {
                var bad = good
                bad[index] = value
                _ = try? append(store, batch: bad)
            }
        }
        #expect(throws: StoreError.malformedBatch(at: 0, reason: "it is empty")) { try append(store, batch: []) }
        var transactional = testAttributes
        transactional.systemFlag = 4
        #expect(throws: StoreError.batchNotAllowed(reason: "it is part of a transaction")) {
            try append(store, batch: good, attributes: transactional)
        }
        let before = store.maxOffset(topic: "Batch", queueId: 0)
        #expect(try append(store, batch: good).queueOffset == before)
        try store.close()
    }

    @Test func limitsAreErrorsThatNameThem() throws {
        let folder = try TemporaryFolder()
        let store = try openStore(folder.path)
        let encoder = RecordEncoder(maxMessageBytes: 100_000)
        #expect(throws: StoreError.bodyTooLarge(bytes: 100_001, limit: 100_000)) {
            try store.put("Limits", 0, [UInt8](repeating: 0, count: 100_001), encoder: encoder)
        }
        #expect(throws: StoreError.recordTooLarge(bytes: 70_097, limit: 65_528)) {
            try store.put("Limits", 0, [UInt8](repeating: 0, count: 70_000), encoder: encoder)
        }
        #expect(throws: StoreError.topicTooLong(bytes: 128, limit: 127)) { try store.put(String(repeating: "t", count: 128), 0, []) }
        #expect(throws: StoreError.unsafeQueueName(topic: "../..", queueId: 0)) { try store.put("../..", 0, []) }
        #expect(throws: StoreError.propertiesTooLarge(bytes: 40_005, limit: 32_767)) {
            try store.put("Limits", 0, [], tags: String(repeating: "x", count: 40_000))
        }
        #expect(try store.put("Limits", 0, text: "still fine").queueOffset == 0)
        try store.close()
        #expect(throws: StoreError.notRunning) { try store.put("Limits", 0, text: "too late") }
    }

    @Test func preparedMessagesTakeNoPlaceInTheQueue() throws {
        let folder = try TemporaryFolder()
        let store = try openStore(folder.path)
        var prepared = testAttributes
        prepared.systemFlag = 0x4
        try store.put("Tx", 0, text: "one")
        let half = try store.put("Tx", 0, Array("half".utf8), attributes: prepared)
        #expect(half.queueOffset == 0)
        #expect(try store.put("Tx", 0, text: "two").queueOffset == 1)
        #expect(try store.everything("Tx", 0).map(\.text) == ["one", "two"])
        #expect(store.record(at: half.physicalOffset) != nil)
        try store.close()
    }

    @Test func concurrentAppendsGetDenseOffsets() async throws {
        let folder = try TemporaryFolder()
        let store = try openStore(folder.path, segmentBytes: 1 << 20)
        let arrivals = Mutex<[Int64: Int]>([:])
        store.setArrivalListener { topic, queueId, newMax, tagCode in
            #expect(topic == "Many" && tagCode == JavaString.tagsCode("t"))
            arrivals.withLock { $0[Int64(queueId) << 32 | newMax, default: 0] += 1 }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<4 {
                group.addTask {
                    let encoder = RecordEncoder()
                    for index in 0..<5000 {
                        try store.put("Many", Int32(index & 3), Array("\(task)-\(index)".utf8), tags: "t", encoder: encoder)
                    }
                }
            }
            try await group.waitForAll()
        }
        var all: Set<String> = []
        for queueId: Int32 in 0..<4 {
            let messages = try store.everything("Many", queueId)
            #expect(messages.map(\.queueOffset) == (0..<5000).map { Int64($0) })
            all.formUnion(messages.map(\.text))
        }
        #expect(all.count == 20_000)
        #expect(arrivals.withLock { $0.count == 20_000 && $0.values.allSatisfy { $0 == 1 } })
        #expect(store.statistics.appendedMessages == 20_000)
        try store.close()
    }

    @Test func aDeletedTopicIsGoneAndBeginsAgain() throws {
        let folder = try TemporaryFolder()
        let store = try openStore(folder.path)
        for index in 0..<10 { try store.put("Gone", 1, text: "\(index)") }
        try store.put("Stays", 0, text: "here")
        let handle = store.queueHandle(topic: "Gone", queueId: 1)
        #expect(store.topics == ["Gone", "Stays"] && store.queueIds(of: "Gone") == [1])
        try store.deleteTopic("Gone")
        #expect(store.topics == ["Stays"])
        #expect(store.read(topic: "Gone", queueId: 1, offset: 0, maxCount: 1).status == .noMatchedLogicQueue)
        #expect(!FileManager.default.fileExists(atPath: folder.sub("consumequeue/Gone")))
        // Whoever kept the handle gets the new queue.
        let encoder = RecordEncoder()
        let empty = UnsafeRawBufferPointer(start: nil, count: 0)
        let draft = try encoder.encode(queue: handle, attributes: testAttributes, body: empty, properties: empty)
        #expect(try store.append(draft).queueOffset == 0)
        #expect(try store.everything("Gone", 1).count == 1)
        #expect(try store.everything("Stays", 0).count == 1)
        try store.close()
    }
}
