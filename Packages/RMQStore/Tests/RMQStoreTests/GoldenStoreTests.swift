import Foundation
import RMQCommon
import RMQStore
import RMQTestSupport
import Testing

/// Directories that the reference wrote: each message is read back by its queue offset with all fields equal.
@Suite(.takesTurns) struct GoldenStoreTests {
    func goldenConfiguration(_ root: String) -> StoreConfiguration {
        var configuration = StoreConfiguration(rootDirectory: root)
        configuration.segmentBytes = 1 << 20
        configuration.consumeQueueFileBytes = 6000
        configuration.indexSlotCount = 1000
        configuration.indexEntryCount = 4000
        return configuration
    }

    /// The names of the fields that differ.
    func differences(_ message: StoredMessage, _ expected: Golden.ExpectedMessage) -> [String] {
        var names: [String] = []
        func compare(_ name: String, _ isEqual: Bool) { if !isEqual { names.append(name) } }
        compare("topic", message.topic == expected.topic)
        compare("queueId", message.queueId == expected.queueId)
        compare("queueOffset", message.queueOffset == expected.queueOffset)
        compare("physicalOffset", message.physicalOffset == expected.commitLogOffset)
        compare("storeSize", message.storeSize == expected.storeSize)
        compare("flag", message.flag == expected.flag)
        compare("bornTimestamp", message.bornTimestamp == expected.bornTimestamp)
        compare("storeTimestamp", message.storeTimestamp == expected.storeTimestamp)
        compare("bornHost", message.bornHost.host == expected.bornHost && message.bornHost.port == expected.bornPort)
        compare("storeHost", message.storeHost.port == expected.storePort)
        compare("bodyCRC", message.bodyCRC == expected.bodyCRC)
        compare("reconsumeTimes", message.reconsumeTimes == expected.reconsumeTimes)
        compare("preparedTransactionOffset", message.preparedTransactionOffset == expected.preparedTransactionOffset)
        compare("offsetMessageId", message.offsetMessageId == expected.offsetMsgId)
        compare("tags", message.tags == expected.tags)
        compare("properties", message.properties["UNIQ_KEY"] == expected.uniqueId)
        compare("properties", message.properties["KEYS"] == expected.keys)
        // Added on delivery, not stored.
        let added: Set = ["MIN_OFFSET", "MAX_OFFSET", "CLUSTER"]
        let properties = MessageProperties(expected.properties.map { ($0, $1) }).dictionary
        compare("properties", message.properties.dictionary.filter { !added.contains($0.key.text) } == properties.filter { !added.contains($0.key.text) })
        compare("body", message.body.count == expected.bodyLength)
        return names
    }

    func expectReadable(_ store: MessageStore, _ expected: [Golden.ExpectedMessage]) throws {
        var bodies: [[UInt8]] = []
        for expected in expected {
            let code = JavaString.tagsCode(expected.tags)
            let isDelayed = expected.topic == "SCHEDULE_TOPIC_XXXX"
            let result = store.read(topic: expected.topic, queueId: expected.queueId, offset: expected.queueOffset, maxCount: 1) {
                isDelayed ? $0! > expected.storeTimestamp : $0 == code
            }
            guard result.status == .found, let message = try result.messages().first else {
                Issue.record("\(expected.topic) \(expected.queueId) \(expected.queueOffset): \(result.status)")
                continue
            }
            // One look per message: an #expect for each field of 16,000 messages takes half a minute.
            let wrong = differences(message, expected)
            if !wrong.isEmpty { Issue.record("\(expected.topic) \(expected.queueId) \(expected.queueOffset): \(wrong)") }
            bodies.append(message.body)
            if store.record(at: expected.commitLogOffset)?.bytes.count != Int(expected.storeSize) {
                Issue.record("no record of \(expected.storeSize) bytes at \(expected.commitLogOffset)")
            }
        }
        #expect(try sha256(bodies) == expected.map(\.bodySHA256))
        for (queue, messages) in Dictionary(grouping: expected, by: { "\($0.topic)\n\($0.queueId)" }) {
            let first = messages[0]
            #expect(store.maxOffset(topic: first.topic, queueId: first.queueId) == messages.map(\.queueOffset).max()! + 1, "\(queue)")
        }
    }

    @Test func cleanStoreIsReadWhole() throws {
        let folder = try TemporaryFolder()
        try copyDirectory(GoldenData.path("store-clean"), to: folder.sub("store"))
        let expected = try Golden.expected(Data(GoldenData.bytes("store-clean.expected.jsonl")))
        let store = try MessageStore(goldenConfiguration(folder.sub("store")), logger: quiet)
        #expect(expected.count == 96)
        try expectReadable(store, expected)
        let none = store.read(topic: "GoldenPlain", queueId: 0, offset: 0, maxCount: 32) { $0 == 4711 }
        #expect(none.status == .noMatchedMessage)
        #expect(none.nextOffset == store.maxOffset(topic: "GoldenPlain", queueId: 0))
        try store.close()
    }

    @Test func cleanStoreAcceptsMoreAndReopens() throws {
        let folder = try TemporaryFolder()
        try copyDirectory(GoldenData.path("store-clean"), to: folder.sub("store"))
        let expected = try Golden.expected(Data(GoldenData.bytes("store-clean.expected.jsonl")))
        let before: Int64
        do {
            let store = try MessageStore(goldenConfiguration(folder.sub("store")), logger: quiet)
            try store.start()
            before = store.maxOffset(topic: "GoldenPlain", queueId: 1)
            #expect(try store.put("GoldenPlain", 1, text: "from us", tags: "Ours").queueOffset == before)
            try store.close()
        }
        let store = try MessageStore(goldenConfiguration(folder.sub("store")), logger: quiet)
        let result = store.read(topic: "GoldenPlain", queueId: 1, offset: before, maxCount: 32) { $0 == JavaString.tagsCode("Ours") }
        #expect(try result.messages().map(\.text) == ["from us"])
        try expectReadable(store, expected.filter { $0.topic != "GoldenPlain" })
        try store.close()
    }

    @Test(arguments: [false, true]) func crashedStoreIsRecovered(withoutQueues: Bool) throws {
        let folder = try TemporaryFolder()
        _ = try Golden.run("tar", ["xzf", GoldenData.path("store-crashed.tar.gz"), "-C", folder.path])
        let expected = try Golden.expected(try Golden.run("gzip", ["-dc", GoldenData.path("store-crashed.expected.jsonl.gz")]))
        if withoutQueues {
            try FileManager.default.removeItem(atPath: folder.sub("store-crashed/consumequeue"))
            try FileManager.default.removeItem(atPath: folder.sub("store-crashed/consumequeue_ext"))
        }
        let store = try MessageStore(goldenConfiguration(folder.sub("store-crashed")), logger: quiet)
        #expect(expected.count == 15_812)
        try expectReadable(store, expected)
        try store.close()
    }

    /// Delayed messages of the reference go on where its `delayOffset.json` says: here, where it said one message earlier.
    @Test func delayedMessagesContinue() async throws {
        let folder = try TemporaryFolder()
        try copyDirectory(GoldenData.path("store-clean"), to: folder.sub("store"))
        let file = URL(fileURLWithPath: folder.sub("store/config/delayOffset.json"))
        var store = try MessageStore(goldenConfiguration(folder.sub("store")), logger: quiet)
        try store.start()
        let before = store.maxPhysicalOffset
        #expect(store.delayOffsets.offsets == [1: 1, 2: 1, 3: 2])
        try store.close()

        try Data("{\n\t\"offsetTable\":{2:1,3:1\n\t}\n}".utf8).write(to: file)
        store = try MessageStore(goldenConfiguration(folder.sub("store")), logger: quiet)
        #expect(store.maxPhysicalOffset == before, "everything was delivered, nothing was repeated")
        try store.start()
        try await eventually("all are delivered") { store.delayOffsets.offsets == [1: 1, 2: 1, 3: 2] }
        for (topic, queueId) in [("GoldenDelay", Int32(1)), ("%RETRY%golden_consumer", 0)] {
            let messages = try store.everything(topic, queueId)
            #expect(messages.count == 2)
            // What the reference delivered, and what we did with the same message.
            var (theirs, ours) = (try #require(messages.first), try #require(messages.last))
            #expect(ours.queueOffset == 1 && ours.storeTimestamp > theirs.storeTimestamp)
            theirs.queueOffset = ours.queueOffset
            theirs.physicalOffset = ours.physicalOffset
            theirs.storeTimestamp = ours.storeTimestamp
            #expect(ours == theirs)
            let tags = JavaString.tagsCode(ours.tags)
            #expect(store.read(topic: topic, queueId: queueId, offset: 1, maxCount: 1) { $0 == tags }.status == .found)
        }
        #expect(store.maxOffset(topic: "GoldenDelay", queueId: 2) == 1)
        try store.close()
    }

    /// Half messages stay where they are, for whoever asks about their transactions.
    @Test func halfMessagesStayReadable() throws {
        let folder = try TemporaryFolder()
        try copyDirectory(GoldenData.path("store-clean"), to: folder.sub("store"))
        let store = try MessageStore(goldenConfiguration(folder.sub("store")), logger: quiet)
        try store.start()
        let halves = try store.everything("RMQ_SYS_TRANS_HALF_TOPIC", 0)
        #expect(halves.map(\.keys) == [["TX_COMMIT"], ["TX_ROLLBACK"], ["TX_UNKNOWN"], ["TX_UNKNOWN"]])
        #expect(halves.allSatisfy { $0.properties["REAL_TOPIC"] == "GoldenTx" && $0.properties["TRAN_MSG"] == "true" })
        let ends = try store.everything("RMQ_SYS_TRANS_OP_HALF_TOPIC", 0)
        #expect(ends.map(\.text) == ["0", "1", "3"] && ends.allSatisfy { $0.tags == "d" })
        try store.close()
    }

    /// Look-up by time over what the reference stored: the message whose store time is nearest, the older one on a tie.
    @Test func timesFindTheNearestMessage() throws {
        let folder = try TemporaryFolder()
        try copyDirectory(GoldenData.path("store-clean"), to: folder.sub("store"))
        let store = try MessageStore(goldenConfiguration(folder.sub("store")), logger: quiet)
        for queueId in store.queueIds(of: "GoldenPlain") {
            let times = try store.everything("GoldenPlain", queueId).map(\.storeTimestamp)
            for time in Set(times.flatMap { [$0 - 1_000, $0 - 1, $0, $0 + 1, $0 + 1_000] }) {
                let found = store.offset(topic: "GoldenPlain", queueId: queueId, at: time)
                let distance = abs(times[Int(found)] - time)
                #expect(times.allSatisfy { abs($0 - time) >= distance })
                if times[Int(found)] > time { #expect(!times.contains(time - distance)) }
            }
        }
        try store.close()
    }
}
