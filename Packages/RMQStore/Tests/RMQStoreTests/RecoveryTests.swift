import Foundation
import RMQCommon
import RMQStore
import RMQTestSupport
import Testing

/// What an earlier run leaves behind, and what a later one makes of it.
@Suite(.takesTurns) struct RecoveryTests {
    /// Appends `count` messages to four queues and returns their results.
    @discardableResult
    func fill(_ store: MessageStore, _ count: Int, from start: Int = 0, bodyBytes: Int = 100) throws -> [AppendResult] {
        try (start..<start + count).map { index in
            let text = "\(index) " + String(repeating: "x", count: bodyBytes)
            return try store.put("Topic\(index & 1)", Int32(index >> 1 & 1), text: text, tags: "t\(index % 3)")
        }
    }

    /// The leading numbers of all messages, after checking that offsets are dense and tags codes right.
    func numbers(_ store: MessageStore) throws -> [Int] {
        var all: [Int] = []
        for topic in ["Topic0", "Topic1"] {
            for queueId: Int32 in 0...1 {
                let messages = try store.everything(topic, queueId)
                #expect(messages.map(\.queueOffset) == messages.indices.map { Int64($0) })
                #expect(Int64(messages.count) == store.maxOffset(topic: topic, queueId: queueId))
                for message in messages {
                    let number = try #require(Int(message.text.prefix { $0 != " " }))
                    let found = store.read(topic: topic, queueId: queueId, offset: message.queueOffset, maxCount: 1) {
                        $0 == JavaString.tagsCode("t\(number % 3)")
                    }
                    #expect(found.messageCount == 1)
                    all.append(number)
                }
            }
        }
        return all.sorted()
    }

    @Test(arguments: [1, 40, 700, 5000]) func aCleanStopContinuesWhereItWas(count: Int) throws {
        let folder = try TemporaryFolder()
        let end: Int64
        do {
            let store = try openStore(folder.path)
            try fill(store, count)
            end = store.maxPhysicalOffset
            try store.close()
            try store.close()
        }
        #expect(!FileManager.default.fileExists(atPath: folder.sub("abort")))
        let store = try openStore(folder.path)
        #expect(FileManager.default.fileExists(atPath: folder.sub("abort")))
        #expect(store.maxPhysicalOffset == end)
        #expect(try numbers(store) == Array(0..<count))
        try fill(store, 50, from: count)
        #expect(try numbers(store) == Array(0..<count + 50))
        try store.close()
    }

    @Test(arguments: [1, 333, 3000]) func aKilledStoreLosesNothing(count: Int) throws {
        let folder = try TemporaryFolder()
        let live = try openStore(folder.sub("live"))
        for round in 0..<3 {
            try fill(live, count, from: round * count)
            try copyDirectory(folder.sub("live"), to: folder.sub("copy\(round)"))
            let store = try openStore(folder.sub("copy\(round)"))
            #expect(try numbers(store) == Array(0..<(round + 1) * count))
            try fill(store, 20, from: (round + 1) * count)
            #expect(try numbers(store) == Array(0..<(round + 1) * count + 20))
            try store.close()
        }
        try live.close()
    }

    @Test func copiesTakenDuringAppendsAreSound() async throws {
        let folder = try TemporaryFolder()
        let live = try openStore(folder.sub("live"), segmentBytes: 1 << 20)
        // What was acknowledged before the copy began must be in it.
        async let writing: Void = { try fill(live, 20_000) }()
        for round in 0..<5 {
            let acknowledged = live.statistics.appendedMessages
            // The log is copied before the queues, as if the queues' last entries were lost.
            try copyDirectory(folder.sub("live"), to: folder.sub("copy\(round)"))
            _ = FileManager.default.createFile(atPath: folder.sub("copy\(round)/abort"), contents: nil)
            let store = try openStore(folder.sub("copy\(round)"), segmentBytes: 1 << 20)
            let found = try numbers(store)
            #expect(found.count >= acknowledged && found == Array(0..<found.count))
            try store.close()
        }
        try await writing
        try live.close()
    }

    @Test func aTornTailIsCutOff() throws {
        let folder = try TemporaryFolder()
        let live = try openStore(unflushedConfiguration(folder.sub("live")))
        let results = try fill(live, 100)
        // Less would only reach the properties, which no checksum covers.
        for lost in [40, 100, 150] {
            let last = results[99]
            let copy = folder.sub("copy\(lost)")
            try copyDirectory(folder.sub("live"), to: copy)
            let start = last.physicalOffset + Int64(last.byteCount - lost)
            try overwriteLog(copy, at: start, with: [UInt8](repeating: 0, count: lost))
            let store = try openStore(copy)
            #expect(try numbers(store).count == 99)
            #expect(store.maxPhysicalOffset == last.physicalOffset)
            // Its place and its offset go to the next message.
            let next = try store.put("Topic1", 1, text: "99 again", tags: "t0")
            #expect(next.physicalOffset == last.physicalOffset && next.queueOffset == last.queueOffset)
            try store.close()
        }
        try live.close()
    }

    @Test func aCorruptBodyEndsTheLogAfterACrash() throws {
        let folder = try TemporaryFolder()
        let live = try openStore(unflushedConfiguration(folder.sub("live")))
        let results = try fill(live, 1000)
        try copyDirectory(folder.sub("live"), to: folder.sub("copy"))
        try live.close()
        try overwriteLog(folder.sub("copy"), at: results[990].physicalOffset + 120, with: [0xEE])
        let store = try openStore(unflushedConfiguration(folder.sub("copy")))
        #expect(store.maxPhysicalOffset == results[990].physicalOffset)
        #expect(try numbers(store) == Array(0..<990))
        // The nine good records behind it must not come back when new ones of the same length end where they begin.
        try fill(store, 1, from: 990)
        try copyDirectory(folder.sub("copy"), to: folder.sub("again"))
        try store.close()
        let again = try openStore(folder.sub("again"))
        #expect(try numbers(again) == Array(0..<991))
        try again.close()
    }

    @Test(arguments: [true, false], ["consumequeue", "consumequeue/Topic1", "consumequeue/Topic0/1", "consumequeue/Topic0/0/00000000000000006000"])
    func missingQueuesAreWrittenAgain(clean: Bool, what: String) throws {
        let folder = try TemporaryFolder()
        let live = try openStore(folder.sub("live"))
        // Topic0's queues are filled first, so that the log's last segments say nothing about them.
        for index in 0..<2000 { try store(live, index, topic: "Topic0") }
        for index in 2000..<4000 { try store(live, index, topic: "Topic1") }
        if !clean { try copyDirectory(folder.sub("live"), to: folder.sub("copy")) }
        try live.close()
        if clean { try copyDirectory(folder.sub("live"), to: folder.sub("copy")) }
        // With other files behind it, or without: all that is missing is in the log.
        try FileManager.default.removeItem(atPath: folder.sub("copy/" + what))
        let reopened = try openStore(folder.sub("copy"))
        #expect(try numbers(reopened) == Array(0..<4000))
        try reopened.close()
    }

    func store(_ store: MessageStore, _ index: Int, topic: String) throws {
        try store.put(topic, Int32(index & 1), text: "\(index) y", tags: "t\(index % 3)")
    }

    @Test func queuesThatWereCutShortAreCompleted() throws {
        let folder = try TemporaryFolder()
        do {
            let live = try openStore(folder.path)
            for index in 0..<1000 { try store(live, index, topic: "Topic0") }
            for index in 1000..<2000 { try store(live, index, topic: "Topic1") }
            try live.close()
        }
        // The last file of one queue goes, and zeros replace the second half of another.
        try FileManager.default.removeItem(atPath: folder.sub("consumequeue/Topic0/1/00000000000000006000"))
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: folder.sub("consumequeue/Topic1/0/00000000000000006000")))
        try handle.seek(toOffset: 2000)
        try handle.write(contentsOf: Data(count: 1000))
        try handle.close()
        let reopened = try openStore(folder.path)
        #expect(try numbers(reopened) == Array(0..<2000))
        try reopened.close()
    }

    @Test func aDeletedTopicStaysDeleted() throws {
        let folder = try TemporaryFolder()
        do {
            let live = try openStore(folder.path)
            try fill(live, 400)
            try live.deleteTopic("Topic0")
            try store(live, 0, topic: "Topic0")
            try live.close()
        }
        let reopened = try openStore(folder.path)
        #expect(reopened.maxOffset(topic: "Topic0", queueId: 0) == 1)
        #expect(reopened.maxOffset(topic: "Topic0", queueId: 1) == 0)
        // Even when the queues must be made from the log, the second life of the queue counts.
        try reopened.close()
        try FileManager.default.removeItem(atPath: folder.sub("consumequeue"))
        let rebuilt = try openStore(folder.path)
        #expect(rebuilt.maxOffset(topic: "Topic0", queueId: 0) == 1)
        #expect(try rebuilt.everything("Topic0", 0).map(\.text) == ["0 y"])
        try rebuilt.close()
    }

    @Test(arguments: [true, false]) func damagedQueueEntriesAreWrittenAgain(clean: Bool) throws {
        let folder = try TemporaryFolder()
        let live = try openStore(folder.sub("live"))
        for index in 0..<3000 { try store(live, index, topic: "Topic\(index & 2 == 0 ? 0 : 1)") }
        if !clean { try copyDirectory(folder.sub("live"), to: folder.sub("copy")) }
        try live.close()
        if clean { try copyDirectory(folder.sub("live"), to: folder.sub("copy")) }
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.sub("copy/consumequeue/Topic0/0")).sorted()
        #expect(files.count == 3)
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: folder.sub("copy/consumequeue/Topic0/0/" + files[2])))
        try handle.seek(toOffset: 400)
        try handle.write(contentsOf: Data(count: 200))
        try handle.close()
        let reopened = try openStore(folder.sub("copy"))
        #expect(try numbers(reopened) == Array(0..<3000))
        try reopened.close()
    }

    @Test func aTornPropertyStringEndsTheLogAfterACrash() throws {
        let folder = try TemporaryFolder()
        let live = try openStore(unflushedConfiguration(folder.sub("live")))
        try live.put("T", 0, text: "whole", tags: "short")
        let torn = try live.put("T", 0, Array("torn".utf8), tags: String(repeating: "t", count: 3000))
        try copyDirectory(folder.sub("live"), to: folder.sub("copy"))
        try live.close()
        // One sector in the middle of the tags never reached the disk.
        try overwriteLog(folder.sub("copy"), at: (torn.physicalOffset + 1000) / 512 * 512, with: [UInt8](repeating: 0, count: 512))
        let store = try openStore(folder.sub("copy"))
        #expect(try store.everything("T", 0).map(\.text) == ["whole"])
        #expect(try store.put("T", 0, text: "next").physicalOffset == torn.physicalOffset)
        try store.close()
    }

    @Test func aRecordThatDoesNotFitItsEntryIsNotHandedOut() throws {
        let folder = try TemporaryFolder()
        let results: [AppendResult]
        do {
            let live = try openStore(folder.path)
            results = try (0..<10).map { try live.put("T", 0, text: "\($0)") }
            try live.close()
        }
        try overwriteLog(folder.path, at: results[3].physicalOffset + 2, with: [0x7F])  // its length
        try overwriteLog(folder.path, at: results[6].physicalOffset + 30, with: [0x7F])  // its place
        let store = try openStore(folder.path)
        #expect(try store.everything("T", 0).map(\.text) == ["0", "1", "2", "4", "5", "7", "8", "9"])
        #expect(store.read(topic: "T", queueId: 0, offset: 3, maxCount: 1).nextOffset == 5, "passed over")
        try store.close()
    }
}
