import Foundation
import RMQCommon
@testable import RMQStore
import RMQTestSupport
import Synchronization
import Testing

/// Delayed messages: how they wait, when and how often they arrive.
///
/// Time is a clock that only moves when told, and delivery is run by hand, but for the test of the thread itself.
@Suite(.takesTurns) struct DelayTests {
    let clock = HandClock(1_700_000_000_000)

    func open(
        _ root: String, delivering: Bool = false, levels: [Int64]? = nil, flush: FlushPolicy = .asynchronous,
        disk: DiskCalls = .system
    ) throws -> MessageStore {
        var configuration = smallConfiguration(root)
        configuration.deliversDelayedMessages = delivering
        configuration.flush = flush
        configuration.flushInterval = .seconds(3600)
        if let levels { configuration.delayLevelMilliseconds = levels }
        let store = try MessageStore(configuration, logger: quiet, clocks: clock.clocks, diskUsage: .system, disk: disk)
        try store.start()
        return store
    }

    /// A store that goes on where the last run ended, as it would with the thread. Nothing is written back before it closes.
    func reopen(_ root: String, levels: [Int64]? = nil) throws -> MessageStore {
        let store = try open(root, levels: levels)
        try store.loadDelayOffsets()
        return store
    }

    @Test func aDelayedMessageWaitsInTheScheduleTopic() throws {
        let folder = try TemporaryFolder()
        let store = try open(folder.path)
        let result = try store.putDelayed("T", 3, "later", level: 2, properties: ["TAGS": "a", "WAIT": "true", "DELAY": "2", "REAL_QID": "77"])
        #expect(result.queueOffset == 0 && store.maxOffset(topic: "T", queueId: 3) == 0)
        let due = result.storeTimestamp + 5_000
        let read = store.read(topic: "SCHEDULE_TOPIC_XXXX", queueId: 1, offset: 0, maxCount: 1) { $0 == due }
        let message = try #require(try read.messages().first)
        #expect(message.topic == "SCHEDULE_TOPIC_XXXX" && message.queueId == 1 && message.text == "later")
        #expect(message.properties.dictionary == ["TAGS": "a", "WAIT": "true", "DELAY": "2", "REAL_TOPIC": "T", "REAL_QID": "3"])
        try store.close()
    }

    @Test func aLevelBeyondTheLastIsTheLast() throws {
        let folder = try TemporaryFolder()
        let store = try open(folder.path)
        let result = try store.putDelayed("T", 0, "x", level: 99)
        let due = result.storeTimestamp + 7_200_000
        let read = store.read(topic: "SCHEDULE_TOPIC_XXXX", queueId: 17, offset: 0, maxCount: 1) { $0 == due }
        #expect(try read.messages().first?.properties["DELAY"] == "18")
        try store.close()
    }

    @Test func aMessageArrivesWhenItIsDueAndNotBefore() throws {
        let folder = try TemporaryFolder()
        let store = try open(folder.path)
        try store.putDelayed("T", 3, "five", level: 2, properties: ["TAGS": "a", "KEYS": "k", "UNIQ_KEY": "u"])
        try store.putDelayed("T", 3, "one", level: 1)
        let start = clock.wallMilliseconds
        #expect(store.deliverNow() == start + 1_000)
        clock.advance(.milliseconds(999))
        #expect(store.deliverNow() == start + 1_000 && store.maxOffset(topic: "T", queueId: 3) == 0)
        clock.advance(.milliseconds(1))
        _ = store.deliverNow()
        #expect(try store.everything("T", 3).map(\.text) == ["one"])
        clock.advance(.milliseconds(4_000))
        _ = store.deliverNow()
        let message = try #require(try store.everything("T", 3).last)
        #expect(message.text == "five" && message.queueOffset == 1 && message.storeTimestamp == start + 5_000)
        #expect(message.properties.dictionary == ["TAGS": "a", "KEYS": "k", "UNIQ_KEY": "u", "DELAY": "2", "REAL_TOPIC": "T", "REAL_QID": "3"])
        #expect(message.bornTimestamp == testAttributes.bornTimestamp && message.bornHost == testAttributes.bornHost)
        #expect(message.storeHost == testAttributes.storeHost && message.flag == 7 && message.reconsumeTimes == 2)
        let tagged = store.read(topic: "T", queueId: 3, offset: 0, maxCount: 8) { $0 == JavaString.tagsCode("a") }
        #expect(try tagged.messages().map(\.text) == ["five"])
        try store.close()
    }

    /// A listener that each access wraps in another layer ends in a stack overflow.
    @Test func theListenerIsCalledAsDirectlyLaterAsAtFirst() throws {
        let folder = try TemporaryFolder()
        let store = try open(folder.path)
        let depths = Mutex<[Int]>([])
        store.setDeliveryListener { _ in
            let depth = Thread.callStackReturnAddresses.count
            depths.withLock { $0.append(depth) }
        }
        for number in 0..<200 {
            try store.putDelayed("T", 0, "\(number)", level: 1)
            clock.advance(.milliseconds(1_000))
            _ = store.deliverNow()
        }
        let seen = depths.withLock { $0 }
        let least = try #require(seen.min()), most = try #require(seen.max())
        #expect(seen.count == 200 && most - least < 20, "a call goes through as many functions as any other")
        try store.close()
    }

    @Test(arguments: [FlushPolicy.asynchronous, .synchronous])
    func whatWasDeliveredIsToldByLevelAndQueue(flush: FlushPolicy) async throws {
        let folder = try TemporaryFolder()
        let store = try open(folder.path, flush: flush)
        let told = Mutex<[DelayedDelivery]>([])
        store.setDeliveryListener { delivery in told.withLock { $0.append(delivery) } }
        for number in 0..<3 { try store.putDelayed("T", 0, "\(number)", level: 1) }
        try store.putDelayed("T", 1, "four", level: 2)
        try await eventually("all wait in their queues") {
            store.maxOffset(topic: SystemTopic.schedule, queueId: 0) == 3 && store.maxOffset(topic: SystemTopic.schedule, queueId: 1) == 1
        }
        clock.advance(.milliseconds(5_000))
        let start = store.maxPhysicalOffset
        _ = store.deliverNow()
        let deliveries = told.withLock { $0 }.sorted { $0.level < $1.level }
        #expect(deliveries.map(\.level) == [1, 2])
        #expect(deliveries.map(\.messageCount) == [3, 1])
        #expect(deliveries.map(\.queueId) == [0, 1])
        #expect(deliveries.map { Int64($0.byteCount) }.reduce(0, +) == store.maxPhysicalOffset - start)
        #expect(deliveries.allSatisfy { $0.topic.isExactly("T") && $0.isReadable == (flush == .asynchronous) })
        try store.close()
    }

    @Test func thousandsDueInTheSameMomentArriveTogetherAndInOrder() throws {
        let folder = try TemporaryFolder()
        let store = try open(folder.path)
        for number in 0..<2_000 { try store.putDelayed("T", Int32(number % 2), "\(number)", level: 1 + number % 2) }
        clock.advance(.milliseconds(5_000))
        _ = store.deliverNow()
        #expect(try store.everything("T", 0).map(\.text) == (0..<1_000).map { "\($0 * 2)" })
        #expect(try store.everything("T", 1).map(\.text) == (0..<1_000).map { "\($0 * 2 + 1)" })
        try store.close()
    }

    @Test func theThreadWakesByItselfAndTellsWhereMessagesArrived() async throws {
        let folder = try TemporaryFolder()
        var configuration = smallConfiguration(folder.path)
        configuration.delayLevelMilliseconds = [3_600_000, 30]
        let store = try MessageStore(configuration, logger: quiet)
        let arrivals = Mutex<[String]>([])
        store.setDeliveryListener { delivery in arrivals.withLock { $0.append("\(delivery.topic)/\(delivery.queueId)") } }
        try store.start()
        try store.putDelayed("T", 1, "in an hour", level: 1)
        let sent = try store.putDelayed("T", 1, "soon", level: 2)
        try await eventually("an arrival") { arrivals.withLock { !$0.isEmpty } }
        let messages = try store.everything("T", 1)
        #expect(messages.map(\.text) == ["soon"] && arrivals.withLock { $0 } == ["T/1"])
        #expect(try #require(messages.first).storeTimestamp >= sent.storeTimestamp + 30)
        try store.close()
    }

    @Test func aCleanRestartDeliversEachMessageOnce() throws {
        let folder = try TemporaryFolder()
        var store = try reopen(folder.path)
        try store.putDelayed("T", 0, "before", level: 1)
        try store.putDelayed("T", 0, "after", level: 2)
        clock.advance(.milliseconds(1_000))
        _ = store.deliverNow()
        try store.close()
        store = try reopen(folder.path)
        #expect(store.delayOffsets.offsets == [1: 1])
        clock.advance(.milliseconds(4_000))
        _ = store.deliverNow()
        #expect(try store.everything("T", 0).map(\.text) == ["before", "after"])
        try store.close()
    }

    /// A kill leaves the log as it is and the file as it was ten seconds ago.
    @Test(arguments: [true, false]) func aKillRepeatsNothingThatTheLogHolds(keepsFile: Bool) throws {
        let folder = try TemporaryFolder()
        var store = try open(folder.sub("a"))
        for number in 0..<40 { try store.putDelayed("T", 0, "same", level: 1 + number % 3, properties: ["n": "\(number / 6)"]) }
        try store.put("T", 0, text: "not delayed")
        clock.advance(.milliseconds(5_000))
        _ = store.deliverNow()
        let delivered = store.maxOffset(topic: "T", queueId: 0)
        #expect(delivered == 28)
        try copyDirectory(folder.sub("a"), to: folder.sub("b"))
        try store.close()
        if !keepsFile {
            // As the reference leaves it: no word about the log.
            try Data(#"{"offsetTable":{1:3}}"#.utf8).write(to: URL(fileURLWithPath: folder.sub("b/config/delayOffset.json")))
        }
        store = try reopen(folder.sub("b"))
        _ = store.deliverNow()
        #expect(store.maxOffset(topic: "T", queueId: 0) == (keepsFile ? delivered : delivered + 11 + 13))
        clock.advance(.milliseconds(5_000))
        _ = store.deliverNow()
        #expect(store.maxOffset(topic: "T", queueId: 0) == (keepsFile ? 41 : 41 + 11 + 13))
        try store.close()
    }

    /// Random sends, deliveries and saves, then a power failure that takes any part of the log which the file does not count on.
    /// Whatever waits in the log that is left is delivered once, over all lives of the store together. Some messages are alike.
    @Test(arguments: 1...24 as ClosedRange<UInt64>) func aPowerFailureNeitherLosesNorRepeats(seed: UInt64) throws {
        let folder = try TemporaryFolder()
        var random = SeededRandom(seed: seed)
        var root = folder.sub("0")
        var store = try reopen(root)
        for life in 1...3 {
            for _ in 0..<Int.random(in: 5...60, using: &random) {
                switch Int.random(in: 0..<10, using: &random) {
                case 0..<6:
                    let level = Int.random(in: 1...3, using: &random)
                    try store.putDelayed("T", 0, "\(Int.random(in: 0..<12, using: &random))", level: level)
                case 6..<9:
                    clock.advance(.milliseconds(Int64.random(in: 0...4_000, using: &random)))
                    _ = store.deliverNow()
                default: try store.saveDelayOffsets()
                }
            }
            let next = folder.sub("\(life)")
            try copyDirectory(root, to: next)
            let end = store.maxPhysicalOffset
            try store.close()
            let saved = try DelayOffsets.read(next + "/config/delayOffset.json", quiet).logOffset ?? 0
            // Between two records: a torn property string is not detected, the checksum covers the body alone.
            let cut = try boundaries(store, from: saved, to: end).randomElement(using: &random) ?? end
            if cut < end { try overwriteLog(next, at: cut, with: [UInt8](repeating: 0, count: Int(end - cut))) }
            if Bool.random(using: &random) { try FileManager.default.removeItem(atPath: next + "/consumequeue") }
            root = next
            store = try reopen(root)
        }
        clock.advance(.milliseconds(10_000))
        _ = store.deliverNow()
        let waited = try (0..<3).flatMap { try store.everything("SCHEDULE_TOPIC_XXXX", $0) }.map(\.text)
        #expect(try store.everything("T", 0).map(\.text).sorted() == waited.sorted(), "seed \(seed)")
        try store.close()
    }

    private func boundaries(_ store: MessageStore, from start: Int64, to end: Int64) throws -> [Int64] {
        var boundaries = [end]
        var offset = start
        while offset < end, let record = store.record(at: offset) {
            boundaries.append(offset)
            offset += Int64(record.bytes.count)
        }
        return boundaries
    }

    @Test func whatCannotBeAppendedNowIsNotLost() throws {
        let folder = try TemporaryFolder()
        var store = try open(folder.path)
        try store.putDelayed("T", 0, "x", level: 1)
        clock.advance(.milliseconds(1_000))
        try store.close()
        // Closed: every append fails.
        #expect(store.deliverNow() == clock.wallMilliseconds + 1_000)
        #expect(store.delayOffsets.offsets.isEmpty)
        store = try reopen(folder.path)
        _ = store.deliverNow()
        #expect(try store.everything("T", 0).map(\.text) == ["x"])
        try store.close()
    }

    @Test func aMessageThatNamesNoTargetHoldsNobodyUp() throws {
        let folder = try TemporaryFolder()
        let store = try open(folder.path)
        try store.put("SCHEDULE_TOPIC_XXXX", 0, text: "no idea where to")
        try store.putDelayed("T", 0, "x", level: 1)
        clock.advance(.milliseconds(1_000))
        _ = store.deliverNow()
        #expect(try store.everything("T", 0).map(\.text) == ["x"])
        #expect(store.delayOffsets.offsets == [1: 2])
        try store.close()
    }

    @Test func aLevelThatBecameShorterDeliversAtOnce() throws {
        let folder = try TemporaryFolder()
        var store = try open(folder.path, levels: [3_600_000])
        try store.putDelayed("T", 0, "x", level: 1)
        try store.close()
        store = try reopen(folder.path, levels: [1_000])
        _ = store.deliverNow()
        #expect(try store.everything("T", 0).map(\.text) == ["x"])
        try store.close()
    }

    @Test func offsetsOutsideTheQueueAreCorrected() throws {
        let folder = try TemporaryFolder()
        var store = try open(folder.path)
        try store.putDelayed("T", 0, "x", level: 1)
        try store.close()
        try FileManager.default.createDirectory(atPath: folder.sub("config"), withIntermediateDirectories: true)
        try Data(#"{"offsetTable":{1:99}}"#.utf8).write(to: URL(fileURLWithPath: folder.sub("config/delayOffset.json")))
        store = try reopen(folder.path)
        #expect(store.delayOffsets.offsets == [1: 1])
        try store.close()
    }

    @Test func theFileIsTheReferencesAndItsBackupIsUsed() throws {
        let folder = try TemporaryFolder()
        let path = folder.sub("config/delayOffset.json")
        var store = try open(folder.path)
        try store.putDelayed("T", 0, "x", level: 1)
        clock.advance(.milliseconds(1_000))
        _ = store.deliverNow()
        try store.close()
        let text = try String(contentsOfFile: path, encoding: .utf8)
        #expect(text.hasPrefix("{\n\t\"offsetTable\":{1:1\n\t},\n\t\"logOffset\":") && text.hasSuffix("\n}"))
        try Data("{ torn".utf8).write(to: URL(fileURLWithPath: path))
        try Data(#"{"offsetTable":{1:1}}"#.utf8).write(to: URL(fileURLWithPath: path + ".bak"))
        store = try reopen(folder.path)
        #expect(store.delayOffsets.offsets == [1: 1])
        try store.close()
        try Data("{ torn".utf8).write(to: URL(fileURLWithPath: path))
        try Data("{ torn".utf8).write(to: URL(fileURLWithPath: path + ".bak"))
        do {
            _ = try open(folder.path, delivering: true)
            Issue.record("both files are torn")
        } catch {
            #expect("\(error)".contains(path))
        }
    }

    @Test func whoeverBecomesTheMasterDelivers() async throws {
        let folder = try TemporaryFolder()
        let store = try open(folder.path, levels: [0])
        try store.putDelayed("T", 0, "x", level: 1)
        #expect(store.maxOffset(topic: "T", queueId: 0) == 0)
        try store.startDelayedDelivery()
        try await eventually("the message is in its queue") { store.maxOffset(topic: "T", queueId: 0) == 1 }
        store.stopDelayedDelivery()
        try store.putDelayed("T", 0, "not by us", level: 1)
        #expect(try store.everything("T", 0).map(\.text) == ["x"])
        try store.close()
    }

    /// The file is read while the store opens; what it says is brought within the bounds of the queues.
    @Test("Case 2.7: each entry of delayOffset.json is checked alone", arguments: [
        ("{}", [:], 0), (#"{"offsetTable":[]}"#, [:], 0), (#"{"offsetTable":null}"#, [:], 0), ("null", [:], 0),
        (#"{"offsetTable":{1:-5}}"#, [1: 0], 1), (#"{"offsetTable":{99:5,0:3,-1:2,1:1}}"#, [1: 1], 3),
        (#"{"offsetTable":{1:99,"2":"0","x":1,3:"y",4:null,5:1.5}}"#, [1: 2, 2: 0], 5),
        ("\u{FEFF}{/* by hand */\"offsetTable\":{1:1,}} // end\n\u{0}", [1: 1], 0),
    ] as [(String, [Int: Int64], Int)])
    func eachEntryOfTheDelayOffsetsIsCheckedAlone(content: String, offsets: [Int: Int64], complaints: Int) throws {
        let folder = try TemporaryFolder()
        var store = try open(folder.path)
        for text in ["x", "y"] { try store.putDelayed("T", 0, text, level: 1) }
        try store.close()
        let path = folder.sub("config/delayOffset.json")
        try SmallFile.replace(path, with: content)
        try? FileSystem.remove(path + ".bak")
        let sink = MemorySink()
        var configuration = smallConfiguration(folder.path)
        configuration.deliversDelayedMessages = false
        store = try MessageStore(
            configuration, logger: Logger(category: "store", level: .warning, sink: sink), clocks: clock.clocks)
        try store.start()
        try store.loadDelayOffsets()
        #expect(store.delayOffsets.offsets == offsets)
        #expect(sink.messages.filter { $0.hasPrefix("\(path): entry ") }.count == complaints)
        #expect(sink.messages.count == complaints)
        try store.close()
    }

    @Test(arguments: ["{", #"{"offsetTable":5}"#, "[1]", "\u{0}"]) func aFileThatIsNoTableOfDelayOffsetsStopsTheStart(content: String) throws {
        let folder = try TemporaryFolder()
        let store = try open(folder.path)
        try SmallFile.replace(folder.sub("config/delayOffset.json"), with: content)
        #expect(throws: StoreError.self) { try store.loadDelayOffsets() }
        try store.close()
    }

    @Test func aReplicaLeavesDeliveryToItsMaster() throws {
        let folder = try TemporaryFolder()
        var store = try open(folder.path)
        try store.putDelayed("T", 0, "x", level: 1)
        try store.close()
        var configuration = smallConfiguration(folder.path)
        configuration.role = .replica
        store = try MessageStore(configuration, logger: quiet)
        try store.start()
        #expect(store.schedule.thread.withLock { $0 == nil })
        try store.close()
    }

    @Test func theFileCountsOnNothingThatIsNotOnTheDisk() throws {
        let folder = try TemporaryFolder()
        let disk = FaultyDisk()
        var store = try open(folder.path, disk: disk.calls)
        try store.putDelayed("T", 0, "x", level: 1)
        try store.saveDelayOffsets()
        #expect(store.flushedOffset == store.maxPhysicalOffset)
        try store.putDelayed("T", 0, "y", level: 1)
        clock.advance(.milliseconds(1_000))
        _ = store.deliverNow()
        #expect(store.delayOffsets.offsets == [1: 2])
        disk.set { $0.syncFailure = ("commitlog", EIO) }
        #expect(throws: StoreError.self) { try store.saveDelayOffsets() }
        #expect(try DelayOffsets.read(folder.sub("config/delayOffset.json"), quiet).offsets.isEmpty)
        // From now on nothing is taken, so nothing is delivered either.
        try? store.close()
        store = try reopen(folder.path)
        _ = store.deliverNow()
        #expect(try store.everything("T", 0).map(\.text) == ["x", "y"])
        try store.close()
    }

    @Test func underSynchronousFlushDeliveriesAreSeenOnceTheyAreOnTheDisk() async throws {
        let folder = try TemporaryFolder()
        let disk = FaultyDisk()
        let store = try open(folder.path, flush: .synchronous, disk: disk.calls)
        let arrivals = Mutex<[String]>([])
        store.setArrivalListener { topic, _, _, _ in arrivals.withLock { $0.append(topic) } }
        let waiting = try store.putDelayed("T", 0, "x", level: 1)
        try await eventually("the message is on the disk") { store.confirmedOffset == waiting.end }
        #expect(store.deliverNow() == waiting.storeTimestamp + 1_000)
        try store.saveDelayOffsets()
        disk.set { $0.isHanging = true }
        clock.advance(.milliseconds(1_000))
        _ = store.deliverNow()
        #expect(store.delayOffsets.offsets == [1: 1])
        #expect(store.maxOffset(topic: "T", queueId: 0) == 0)
        disk.set { $0.isHanging = false }
        try await eventually("the message is in its queue") { store.maxOffset(topic: "T", queueId: 0) == 1 }
        try await eventually("both arrivals") { arrivals.withLock { $0 } == ["SCHEDULE_TOPIC_XXXX", "T"] }
        try store.close()
    }

    @Test func anEntryThatIsNotReadableYetIsWaitedFor() async throws {
        let folder = try TemporaryFolder()
        let disk = FaultyDisk()
        let store = try open(folder.path, delivering: true, levels: [0], flush: .synchronous, disk: disk.calls)
        disk.set { $0.isHanging = true }
        try store.putDelayed("T", 0, "x", level: 1)
        disk.set { $0.isHanging = false }
        try await eventually("the message is in its queue") { store.maxOffset(topic: "T", queueId: 0) == 1 }
        try store.close()
    }

    @Test(arguments: [("1s", [1_000]), ("0s 2m  3h 4d", [0, 120_000, 10_800_000, 345_600_000])])
    func levelsAreReadFromTheirText(text: String, milliseconds: [Int64]) {
        #expect(StoreConfiguration.delayLevels(parsing: text) == milliseconds)
    }

    @Test(arguments: ["", " ", "1", "s", "1x", "1s 2", "-1s", "99999999999999999999s", "9999999d", "1.5s"])
    func whatAreNoLevelsIsRefused(text: String) {
        #expect(StoreConfiguration.delayLevels(parsing: text) == nil)
    }
}

extension MessageStore {
    @discardableResult
    func putDelayed(
        _ topic: String, _ queueId: Int32, _ text: String, level: Int, properties: MessageProperties = MessageProperties()
    ) throws -> AppendResult {
        let encoder = RecordEncoder()
        var attributes = testAttributes
        attributes.flag = 7
        attributes.reconsumeTimes = 2
        let draft = try properties.encoded().withUnsafeBytes { properties in
            try Array(text.utf8).withUnsafeBytes { body in
                try encodeDelayed(
                    level: level, for: queueHandle(topic: topic, queueId: queueId), attributes: attributes, body: body, properties: properties,
                    with: encoder)
            }
        }
        return try append(draft)
    }

    /// One round of the schedule's thread.
    func deliverNow() -> Int64? {
        deliverDue(RecordEncoder(maxMessageBytes: .max))
    }
}

/// The time of day is set while delayed messages wait.
@Suite(.takesTurns) struct DelaySteppingClockTests {
    let tests = DelayTests()
    var clock: HandClock { tests.clock }

    @Test("Case 4.2: a delayed message waits as long as it would have", arguments: [-3600, 3600] as [Int64])
    func aStepWhileItWaits(seconds: Int64) throws {
        let folder = try TemporaryFolder()
        let store = try tests.open(folder.path)
        // Two hours.
        try store.putDelayed("T", 0, "before", level: 18)
        clock.advance(.seconds(60))
        clock.step(.seconds(seconds))
        let stamped = try store.putDelayed("T", 0, "after", level: 18)
        #expect(stamped.storeTimestamp == clock.wallMilliseconds, "a stamp is what the clock shows")
        clock.advance(.seconds(7_139))
        _ = store.deliverNow()
        #expect(store.maxOffset(topic: "T", queueId: 0) == 0, "not before its time")
        clock.advance(.seconds(1))
        _ = store.deliverNow()
        #expect(try store.everything("T", 0).map(\.text) == ["before"])
        clock.advance(.seconds(59))
        _ = store.deliverNow()
        #expect(store.maxOffset(topic: "T", queueId: 0) == 1)
        clock.advance(.seconds(1))
        _ = store.deliverNow()
        #expect(try store.everything("T", 0).map(\.text) == ["before", "after"])
        try store.close()
    }

    @Test func manyStepsInBothDirections() throws {
        let folder = try TemporaryFolder()
        let store = try tests.open(folder.path)
        // Ten minutes each, a minute apart, and the clock set in between.
        for (number, seconds) in [0, 3600, -7200, 86_400 * 365, -86_400 * 400, 5, -5].enumerated() {
            clock.step(.seconds(seconds))
            try store.putDelayed("T", 0, "\(number)", level: 14)
            clock.advance(.seconds(60))
        }
        clock.advance(.seconds(600 - 7 * 60 - 1))
        for number in 0..<7 {
            _ = store.deliverNow()
            #expect(store.maxOffset(topic: "T", queueId: 0) == Int64(number))
            clock.advance(.seconds(1))
            _ = store.deliverNow()
            #expect(store.maxOffset(topic: "T", queueId: 0) == Int64(number + 1))
            clock.advance(.seconds(59))
        }
        try store.close()
    }

    /// As small as a time server's correction: the message is not taken for one of a level that was longer.
    @Test func aClockThatWasALittleAheadDeliversNothingEarly() throws {
        let folder = try TemporaryFolder()
        var store = try tests.open(folder.path)
        try store.putDelayed("T", 0, "x", level: 18)
        try store.close()
        clock.step(.milliseconds(-500))
        store = try tests.reopen(folder.path)
        clock.advance(.seconds(7_199))
        _ = store.deliverNow()
        #expect(store.maxOffset(topic: "T", queueId: 0) == 0)
        clock.advance(.seconds(2))
        _ = store.deliverNow()
        #expect(store.maxOffset(topic: "T", queueId: 0) == 1)
        try store.close()
    }

    /// All that is known of them is what the clock showed then and shows now.
    @Test func messagesOfAnEarlierRunGoByWhatTheyWereStampedWith() throws {
        let folder = try TemporaryFolder()
        var store = try tests.open(folder.path)
        try store.putDelayed("T", 0, "x", level: 18)
        try store.close()
        clock.step(.seconds(3600))
        store = try tests.reopen(folder.path)
        clock.step(.seconds(-1800))
        clock.advance(.seconds(3599))
        _ = store.deliverNow()
        #expect(store.maxOffset(topic: "T", queueId: 0) == 0)
        clock.advance(.seconds(1))
        _ = store.deliverNow()
        #expect(store.maxOffset(topic: "T", queueId: 0) == 1)
        try store.close()
    }

    @Test func stepsAreKeptInTheOrderOfEntries() {
        var drifts = StampDrifts()
        drifts.note(level: 1, offset: 0, drift: 3)
        #expect(drifts.drift(level: 1, offset: 0) == 0, "within what two readings differ by")
        drifts.note(level: 1, offset: 11, drift: 3_600_000)
        drifts.note(level: 1, offset: 10, drift: 3_600_002)
        #expect(drifts.drift(level: 1, offset: 9) == 0)
        #expect(drifts.drift(level: 1, offset: 10) == 3_600_000, "it came a little later than the next")
        #expect(drifts.drift(level: 2, offset: 10) == 0)
        for number in 0..<1_000 as Range<Int64> { drifts.note(level: 1, offset: 100 + number, drift: number * 10_000) }
        #expect(drifts.drift(level: 1, offset: 1_099) == 9_990_000)
        #expect(drifts.drift(level: 1, offset: 500) == 0, "so many steps are forgotten")
    }
}
