import Foundation
import Glibc
import RMQCommon
@testable import RMQStore
import RMQTestSupport
import Synchronization
import Testing

/// Several messages with one write, as an event loop appends those of a wake-up.
@Suite(.takesTurns) struct AppendBatchTests {
    struct Fixture {
        let folder: TemporaryFolder
        let disk = FaultyDisk()
        let store: MessageStore
        let batch: AppendBatch

        init(_ change: (inout StoreConfiguration) -> Void = { _ in }) throws {
            folder = try TemporaryFolder()
            var configuration = smallConfiguration(folder.sub("store"))
            configuration.segmentRetryPause = .zero
            change(&configuration)
            store = try MessageStore(configuration, logger: quiet, clocks: .system, diskUsage: .system, disk: disk.calls)
            try store.start()
            batch = AppendBatch(for: store, maxMessageBytes: 4 << 20)
        }

        /// Encodes a message and adds it.
        func stage(_ topic: String, _ body: [UInt8], more: [(String, String)] = [], needingPrevious: Bool = false) throws {
            let properties = MessageProperties(more).encoded()
            var draft = try properties.withUnsafeBytes { properties in
                try body.withUnsafeBytes {
                    try batch.encoder.encode(
                        queue: store.queueHandle(topic: topic, queueId: 0), attributes: testAttributes, body: $0, properties: properties)
                }
            }
            draft.needsPrevious = needingPrevious
            try batch.add(draft)
        }

        /// Appends what is staged; the outcomes.
        func append() -> [Result<AppendResult, StoreError>] {
            store.append(batch)
            defer { batch.removeAll() }
            return (0..<batch.count).map { batch.outcome($0) }
        }

        /// What a kill -9 at this moment would leave, opened again.
        func afterKill() throws -> MessageStore {
            let target = folder.sub("copy\(UInt64.random(in: 0 ... .max))")
            try copyDirectory(folder.sub("store"), to: target)
            return try openStore(target)
        }
    }

    static func body(_ number: Int, count: Int = 100) -> [UInt8] { [UInt8](repeating: UInt8(number & 255), count: count) }

    @Test func allThatIsStagedIsOneWriteInItsOrder() throws {
        let fixture = try Fixture()
        let arrivals = Mutex<[String]>([])
        fixture.store.setArrivalListener { topic, _, end, _ in arrivals.withLock { $0.append("\(topic) \(end)") } }
        for number in 0..<9 { try fixture.stage("T\(number % 3)", Self.body(number, count: number * 20)) }
        #expect(fixture.store.maxPhysicalOffset == 0 && fixture.batch.count == 9)
        let results = try fixture.append().map { try $0.get() }
        #expect(fixture.disk.writes == [0..<fixture.store.maxPhysicalOffset])
        #expect(results.map(\.queueOffset) == [0, 0, 0, 1, 1, 1, 2, 2, 2])
        #expect(zip(results, results.dropFirst()).allSatisfy { $0.end == $1.physicalOffset })
        #expect(arrivals.withLock { $0 } == ["T0 1", "T1 1", "T2 1", "T0 2", "T1 2", "T2 2", "T0 3", "T1 3", "T2 3"])
        for topic in 0..<3 { #expect(try fixture.store.everything("T\(topic)", 0).map(\.body.count) == [topic * 20, topic * 20 + 60, topic * 20 + 120]) }
        #expect(fixture.batch.isEmpty && fixture.append().isEmpty)
        try fixture.store.close()
    }

    @Test func shortWritesAndSignalsGoOn() throws {
        let fixture = try Fixture()
        fixture.disk.set { $0.writeFaults = [.short(1), .error(EINTR), .short(70), .short(300)] }
        for number in 0..<5 { try fixture.stage("T", Self.body(number)) }
        #expect(fixture.append().allSatisfy { (try? $0.get()) != nil })
        #expect(fixture.disk.writes.count == 4)
        let again = try fixture.afterKill()
        for store in [fixture.store, again] { #expect(try store.everything("T", 0).map { Int($0.body[0]) } == Array(0..<5)) }
        try again.close()
        try fixture.store.close()
    }

    /// Two whole records of the failed batch reach the file; what is appended next is as long as the first of them, so the
    /// second one would begin exactly where the log then ends.
    @Test(arguments: [false, true]) func anErrorIsToldToAllAndLeavesNothing(clearingFailsToo: Bool) throws {
        let fixture = try Fixture()
        try fixture.stage("T", Self.body(1))
        let first = try fixture.append()[0].get()
        for number in 2...4 { try fixture.stage(number == 3 ? "Other" : "T", Self.body(number)) }
        let reached = 2 * (first.byteCount + 4)
        fixture.disk.set { $0.writeFaults = [.short(reached), .error(EIO)] + (clearingFailsToo ? [.error(EIO)] : []) }
        let path = fixture.folder.sub("store/commitlog/00000000000000000000")
        for outcome in fixture.append() { #expect(throws: StoreError.system(call: "pwrite", path: path, code: EIO)) { try outcome.get() } }
        #expect(fixture.store.maxPhysicalOffset == first.end && fixture.store.maxOffset(topic: "T", queueId: 0) == 1)
        #expect(fixture.store.statistics.failedAppends == 1 && fixture.store.statistics.appendedMessages == 1)

        try fixture.stage("T", Self.body(5))
        let next = try fixture.append()[0].get()
        #expect(next.physicalOffset == first.end && next.queueOffset == 1)
        let again = try fixture.afterKill()
        #expect(again.maxPhysicalOffset == next.end)
        #expect(try again.everything("T", 0).map { $0.body[0] } == [1, 5])
        #expect(again.maxOffset(topic: "Other", queueId: 0) == 0)
        try again.close()
        // Zeros that overwrote what may have reached the disk reach it with the next sync.
        _ = try fixture.store.flushLog()
        #expect(fixture.disk.behaviour.withLock { $0.syncedEnd } >= first.end + Int64(reached))
        try fixture.store.close()
    }

    @Test func aFullDiskIsToldByName() throws {
        let fixture = try Fixture()
        for number in 0..<3 { try fixture.stage("T", Self.body(number)) }
        fixture.disk.set { $0.writeFaults = [.short(10), .error(ENOSPC)] }
        for outcome in fixture.append() {
            guard case .failure(let error) = outcome else { Issue.record("stored"); continue }
            #expect(error.appendStatus == .serviceNotAvailable && "\(error)".contains("no room"))
        }
        try fixture.stage("T", Self.body(7))
        #expect(try fixture.append()[0].get().queueOffset == 0)
        try fixture.store.close()
    }

    @Test func oneThatCannotBeStoredLeavesTheOthers() throws {
        let fixture = try Fixture()
        fixture.disk.set { $0.allocationFailure = ("consumequeue/Full", ENOSPC) }
        for (number, topic) in ["T", "Full", "T", "../..", "T"].enumerated() { try fixture.stage(topic, Self.body(number)) }
        let outcomes = fixture.append()
        #expect(throws: StoreError.diskFull(path: fixture.folder.sub("store/consumequeue/Full/0/00000000000000000000"))) { try outcomes[1].get() }
        #expect(throws: StoreError.unsafeQueueName(topic: "../..", queueId: 0)) { try outcomes[3].get() }
        #expect(try [0, 2, 4].map { try outcomes[$0].get().queueOffset } == [0, 1, 2])
        #expect(try fixture.store.everything("T", 0).map { $0.body[0] } == [0, 2, 4])
        #expect(throws: StoreError.recordTooLarge(bytes: 70_092, limit: 65_528)) { try fixture.stage("T", Self.body(0, count: 70_000)) }
        #expect(fixture.append().isEmpty)
        try fixture.store.close()
    }

    /// What says that a message is there is not stored without that message, whatever keeps it from being stored.
    @Test func oneThatNeedsThePreviousIsNotStoredWithoutIt() throws {
        let fixture = try Fixture()
        func stageAll() throws {
            try fixture.stage("T", Self.body(0))
            try fixture.stage("Full", Self.body(1))
            try fixture.stage("T", Self.body(2), needingPrevious: true)
            try fixture.stage("T", Self.body(3), needingPrevious: true)
            try fixture.stage("T", Self.body(4))
        }
        fixture.disk.set { $0.allocationFailure = ("consumequeue/Full", ENOSPC) }
        try stageAll()
        let full = StoreError.diskFull(path: fixture.folder.sub("store/consumequeue/Full/0/00000000000000000000"))
        let outcomes = fixture.append()
        for index in 1...3 { #expect(throws: full) { try outcomes[index].get() } }
        #expect(try [0, 4].map { try outcomes[$0].get().queueOffset } == [0, 1])
        fixture.disk.set { $0.allocationFailure = nil }
        try stageAll()
        #expect(fixture.append().allSatisfy { (try? $0.get()) != nil })
        #expect(try fixture.store.everything("T", 0).map { $0.body[0] } == [0, 4, 0, 2, 3, 4])
        try fixture.store.close()
    }

    @Test func aBatchMayFillSeveralSegments() throws {
        let fixture = try Fixture()
        for number in 0..<200 { try fixture.stage("T\(number & 1)", Self.body(number, count: 1000)) }
        let results = try fixture.append().map { try $0.get() }
        #expect(results.last!.end > 3 << 16)
        #expect(results.allSatisfy { $0.physicalOffset >> 16 == ($0.end - 1) >> 16 })
        let again = try fixture.afterKill()
        for store in [fixture.store, again] {
            for topic in 0..<2 {
                #expect(try store.everything("T\(topic)", 0).map { Int($0.body[0]) } == (0..<200).filter { $0 & 1 == topic })
            }
        }
        try again.close()
        try fixture.store.close()
    }

    @Test func withoutANextSegmentTheFirstOnesAreStored() throws {
        let fixture = try Fixture { $0.segmentWait = .generous }
        for number in 0..<40 { try fixture.stage("T", Self.body(number, count: 1000)) }
        _ = fixture.append()
        fixture.disk.set { $0.allocationFailure = ("commitlog", ENOSPC) }
        for number in 40..<240 { try fixture.stage("T", Self.body(number, count: 1000)) }
        let outcomes = fixture.append()
        let stored = outcomes.prefix { (try? $0.get()) != nil }.count
        #expect(stored > 15 && stored < 90)
        for outcome in outcomes.dropFirst(stored) {
            guard case .failure(let error) = outcome else { Issue.record("stored"); continue }
            #expect(error.appendStatus == .createSegmentFailed)
        }
        #expect(fixture.store.maxOffset(topic: "T", queueId: 0) == Int64(40 + stored))
        fixture.disk.set { $0.allocationFailure = nil }
        try fixture.stage("T", Self.body(9))
        #expect(try fixture.append()[0].get().queueOffset == Int64(40 + stored))
        #expect(try fixture.store.everything("T", 0).map { Int($0.body[0]) } == Array(0..<40 + stored) + [9])
        try fixture.store.close()
    }

    @Test func messagesOfABatchMayEnterSeveralQueues() throws {
        let fixture = try Fixture { $0.dispatchesToSeveral = true; $0.lightQueues = true }
        let names = ["%LMQ%a,%LMQ%b", "", "%LMQ%b,T", "%LMQ%a"]
        for (number, names) in names.enumerated() {
            try fixture.stage("T", Self.body(number), more: names.isEmpty ? [] : [("INNER_MULTI_DISPATCH", names)])
        }
        #expect(try fixture.append().map { try $0.get().queueOffset } == [0, 1, 2, 3])
        let messages = try fixture.store.everything("T", 0)
        #expect(messages.map { $0.properties["INNER_MULTI_QUEUE_OFFSET"] } == ["0,0", nil, "1,2", "1"])
        #expect(try fixture.store.everything("%LMQ%a", 0).map { $0.body[0] } == [0, 3])
        #expect(try fixture.store.everything("%LMQ%b", 0).map { $0.body[0] } == [0, 2])

        // A failed one gives those offsets back, too.
        try fixture.stage("T", Self.body(4), more: [("INNER_MULTI_DISPATCH", "%LMQ%a")])
        fixture.disk.set { $0.writeFaults = [.error(EIO)] }
        #expect(fixture.append().allSatisfy { (try? $0.get()) == nil })
        try fixture.stage("T", Self.body(5), more: [("INNER_MULTI_DISPATCH", "%LMQ%a")])
        #expect(try fixture.append()[0].get().queueOffset == 4)
        #expect(try fixture.store.everything("%LMQ%a", 0).map { $0.body[0] } == [0, 3, 5])
        try fixture.store.close()
    }

    @Test func aTopicDeletedMeanwhileBeginsAgain() throws {
        let fixture = try Fixture()
        for _ in 0..<3 { try fixture.stage("Gone", [1]) }
        _ = fixture.append()
        try fixture.stage("Gone", [2])
        try fixture.stage("Gone", [3])
        try fixture.store.deleteTopic("Gone")
        #expect(try fixture.append().map { try $0.get().queueOffset } == [0, 1])
        #expect(try fixture.store.everything("Gone", 0).map { $0.body[0] } == [2, 3])
        try fixture.store.close()
    }

    @Test func aClosedStoreTellsAll() throws {
        let fixture = try Fixture()
        for _ in 0..<3 { try fixture.stage("T", [1]) }
        try fixture.store.close()
        for outcome in fixture.append() { #expect(throws: StoreError.notRunning) { try outcome.get() } }
    }

    @Test func underSynchronousFlushOneSyncConfirmsABatch() throws {
        let fixture = try Fixture { $0.flush = .synchronous }
        for number in 0..<5 { try fixture.stage("T", Self.body(number)) }
        let results = try fixture.append().map { try $0.get() }
        #expect(try fixture.store.waitUntilConfirmed(results[4].end) == .ok)
        #expect(try fixture.store.everything("T", 0).map { Int($0.body[0]) } == Array(0..<5))
        // One that failed is given no entry by whoever dispatches later.
        try fixture.stage("T", Self.body(5))
        fixture.disk.set { $0.writeFaults = [.short(50), .error(EIO)] }
        #expect(fixture.append().allSatisfy { (try? $0.get()) == nil })
        try fixture.stage("T", Self.body(6))
        let next = try fixture.append()[0].get()
        #expect(next.queueOffset == 5 && next.physicalOffset == results[4].end)
        #expect(try fixture.store.waitUntilConfirmed(next.end) == .ok)
        #expect(try fixture.store.everything("T", 0).map { Int($0.body[0]) } == [0, 1, 2, 3, 4, 6])
        try fixture.store.close()
    }

    /// What a message's answer says: everything before it is written. Each write begins where the one before it ended, and none
    /// begins while another is under way.
    @Test func noMessageIsAcknowledgedBehindAHole() async throws {
        let fixture = try Fixture { $0.segmentBytes = 1 << 20 }
        let (store, disk) = (fixture.store, fixture.disk)
        let segmentBytes: Int64 = 1 << 20
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<4 {
                group.addTask {
                    let batch = AppendBatch(for: store, maxMessageBytes: 4 << 20)
                    for round in 0..<300 {
                        for number in 0...round % 5 {
                            let body = Self.body(task, count: 50 + number * 30)
                            try body.withUnsafeBytes {
                                try batch.add(
                                    batch.encoder.encode(
                                        queue: store.queueHandle(topic: "T\(task & 1)", queueId: 0), attributes: testAttributes, body: $0,
                                        properties: UnsafeRawBufferPointer(start: nil, count: 0)))
                            }
                        }
                        store.append(batch)
                        let end = try (0..<batch.count).map { try batch.outcome($0).get().end }.max()!
                        batch.removeAll()
                        let written = disk.behaviour.withLock { $0.writes.last!.upperBound }
                        guard written >= end else { throw Hole(end: end, written: written) }
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(disk.behaviour.withLock { $0.mostWriters } == 1)
        var end: Int64 = 0
        var holes = 0
        for write in disk.writes {
            if write.lowerBound != end, write.lowerBound != (end + segmentBytes - 1) / segmentBytes * segmentBytes { holes += 1 }
            end = write.upperBound
        }
        #expect(holes == 0)
        #expect(store.maxOffset(topic: "T0", queueId: 0) + store.maxOffset(topic: "T1", queueId: 0) == Int64(4 * 300 * 3))
        try store.close()
    }

    struct Hole: Error {
        let end: Int64
        let written: Int64
    }

    @Test func theStagingMemoryHasABound() throws {
        let fixture = try Fixture { $0.segmentBytes = 8 << 20 }
        var staged = 0
        while fixture.batch.hasRoom(forBody: 4000) {
            try fixture.stage("T", Self.body(staged, count: 4000))
            staged += 1
        }
        #expect(staged > 200 && staged * 4000 < AppendBatch.stagingByteLimit)
        #expect(!fixture.batch.hasRoom(forBody: 3 << 20))
        #expect(fixture.append().allSatisfy { (try? $0.get()) != nil })
        // Alone, a message may be longer than the staging memory.
        #expect(fixture.batch.hasRoom(forBody: 3 << 20))
        try fixture.stage("T", Self.body(7, count: 3 << 20))
        #expect(try fixture.append()[0].get().queueOffset == Int64(staged))
        let messages = try fixture.store.everything("T", 0)
        #expect(messages.count == staged + 1 && messages[staged].body.count == 3 << 20 && messages[5].body == Self.body(5, count: 4000))
        var small = 0
        while fixture.batch.hasRoom(forBody: 0), small < 100_000 {
            try fixture.stage("T", [])
            small += 1
        }
        #expect(small < 100_000)
        #expect(fixture.append().count == small)
        try fixture.store.close()
    }
}
