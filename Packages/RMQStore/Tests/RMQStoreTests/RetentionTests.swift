import Foundation
import RMQCommon
import RMQStore
import RMQTestSupport
import Synchronization
import Testing

/// What is deleted when, and what readers and queues see of it.
@Suite(.takesTurns) struct RetentionTests {
    /// A disk that is as full as a test says.
    final class HandDisk: Sendable {
        private let percent = Atomic<Int>(20)
        private let questions = Atomic<Int>(0)
        func fill(toPercent used: Int) { percent.store(used, ordering: .relaxed) }
        var usage: DiskUsage {
            DiskUsage { _ in
                self.questions.wrappingAdd(1, ordering: .relaxed)
                return Double(self.percent.load(ordering: .relaxed)) / 100
            }
        }

        /// Waits until the store has looked at the disk, and done what followed, so many times. A look is a question for
        /// each of two directories; the first one may have begun before.
        func lookedAt(times: Int) async throws {
            let start = questions.load(ordering: .relaxed)
            try await eventually("\(times) looks at the disk") { questions.load(ordering: .relaxed) >= start + 2 * (times + 2) }
        }
    }

    /// A store that looks at everything every 5 ms, on a clock and a disk that the test holds.
    final class Fixture {
        let folder: TemporaryFolder
        let clock = HandClock(WallClock.nowMilliseconds())
        let disk = HandDisk()
        private(set) var store: MessageStore

        init(_ change: (inout StoreConfiguration) -> Void = { _ in }) throws {
            folder = try TemporaryFolder()
            var configuration = smallConfiguration(folder.path)
            configuration.retention.interval = .milliseconds(5)
            configuration.retention.pauseBetweenSegments = .zero
            configuration.retention.pauseBetweenQueues = .zero
            configuration.retention.deletionHours = []
            change(&configuration)
            store = try MessageStore(configuration, logger: quiet, clocks: clock.clocks, diskUsage: disk.usage)
            try store.start()
        }

        func reopen() throws {
            try store.close()
            store = try MessageStore(store.configuration, logger: quiet, clocks: clock.clocks, diskUsage: disk.usage)
            try store.start()
        }

        /// Five segments and a little: `Early` has messages in the first only, `Both` in all.
        func fill() throws {
            for index in 0..<20 { try store.put("Early", 0, text: "\(index)") }
            while store.maxPhysicalOffset < 5 * 65536 { try store.put("Both", 1, [UInt8](repeating: 7, count: 50)) }
            for _ in 0..<10 { try store.put("Both", 1, [UInt8](repeating: 7, count: 50)) }
        }

        var lastSegment: Int64 { store.maxPhysicalOffset / 65536 * 65536 }

        func expectOnlyTheLastSegment() throws {
            #expect(store.minPhysicalOffset == lastSegment)
            let min = store.minOffset(topic: "Both", queueId: 1)
            let max = store.maxOffset(topic: "Both", queueId: 1)
            let queue = try #require(store.queue(topic: "Both", queueId: 1))
            #expect(store.physicalOffset(queue, offset: min) == lastSegment && max - min >= 10)
            #expect(try store.everything("Both", 1).count == Int(max - min))
            let before = store.read(topic: "Both", queueId: 1, offset: 3, maxCount: 1)
            #expect(before.status == .offsetTooSmall && before.nextOffset == min)
            // Whole files of the queue went with the log; the one with the first message stayed.
            let files = try FileManager.default.contentsOfDirectory(atPath: folder.sub("consumequeue/Both/1")).sorted()
            #expect(files.first.flatMap { Int64($0) } == min * 20 / 6000 * 6000)
            // Nothing of this queue is left, but its next offset is.
            #expect(store.minOffset(topic: "Early", queueId: 0) == 20 && store.maxOffset(topic: "Early", queueId: 0) == 20)
        }

        func isCut() throws -> Bool {
            try store.minPhysicalOffset == lastSegment && store.minOffset(topic: "Early", queueId: 0) == 20
                && store.minOffset(topic: "Both", queueId: 1) > 0
                && FileManager.default.contentsOfDirectory(atPath: folder.sub("consumequeue/Both/1")).count < 5
        }
    }

    @Test func expiredFilesGoAtTheHourAndQueuesFollow() async throws {
        let fixture = try Fixture {
            // The clock passes each hour only once.
            $0.retention.deletionHours = Array(0...23)
        }
        try fixture.fill()
        try #require(fixture.store.minPhysicalOffset == 0)
        fixture.clock.advance(.milliseconds(73 * 3_600_000))
        try await eventually("the old segments are deleted") { try fixture.isCut() }
        try fixture.expectOnlyTheLastSegment()
        #expect(try fixture.store.put("Early", 0, text: "next").queueOffset == 20)
        #expect(fixture.store.minOffset(topic: "Early", queueId: 0) == 20)
        try fixture.store.close()
    }

    @Test(arguments: [true, false]) func theCutOutlivesTheProcess(clean: Bool) async throws {
        let fixture = try Fixture()
        try fixture.fill()
        fixture.clock.advance(.milliseconds(73 * 3_600_000))
        fixture.store.requestDeletion()
        try await eventually("the old segments are deleted") { try fixture.isCut() }
        let copy = fixture.folder.sub("copy")
        if clean { try fixture.store.close() }
        try FileManager.default.createDirectory(atPath: copy, withIntermediateDirectories: true)
        for name in ["checkpoint", "abort", "consumequeue", "commitlog"] where FileManager.default.fileExists(atPath: fixture.folder.sub(name)) {
            try FileManager.default.copyItem(atPath: fixture.folder.sub(name), toPath: copy + "/" + name)
        }
        let reopened = try openStore(copy)
        #expect(reopened.minPhysicalOffset == fixture.lastSegment)
        #expect(reopened.minOffset(topic: "Both", queueId: 1) == fixture.store.minOffset(topic: "Both", queueId: 1))
        #expect(reopened.minOffset(topic: "Early", queueId: 0) == 20)
        #expect(try reopened.everything("Both", 1).count == fixture.store.everything("Both", 1).count)
        try reopened.close()
        try fixture.store.close()
    }

    @Test func extensionsFollowTheirQueues() async throws {
        let fixture = try Fixture {
            $0.retention.deletionHours = Array(0...23)
            $0.writesQueueExtensions = true
            $0.extensionFileBytes = 1024
        }
        try fixture.fill()
        let directory = fixture.folder.sub("consumequeue_ext/Both/1")
        let before = try FileManager.default.contentsOfDirectory(atPath: directory).count
        fixture.clock.advance(.milliseconds(73 * 3_600_000))
        try await eventually("the old segments are deleted") { try fixture.isCut() }
        // What is left begins with the file that the first message's entry leads to.
        let queue = try #require(fixture.store.queue(topic: "Both", queueId: 1))
        try await eventually("the files of the extension are deleted") { try FileManager.default.contentsOfDirectory(atPath: directory).count <= 2 }
        #expect(before > 10)
        for offset in queue.minOffset..<queue.maxOffset { #expect(queue.extensionUnit(at: offset) != nil) }
        try fixture.store.close()
    }

    @Test func notAtAnotherHourUnlessAskedByHand() async throws {
        let fixture = try Fixture()
        try fixture.fill()
        // Too young for anybody: twenty looks and more find nothing.
        fixture.store.requestDeletion()
        try await fixture.disk.lookedAt(times: 20)
        fixture.clock.advance(.milliseconds(73 * 3_600_000))
        try await fixture.disk.lookedAt(times: 1)
        #expect(fixture.store.minPhysicalOffset == 0)
        fixture.store.requestDeletion()
        try await eventually("the old segments are deleted") { try fixture.isCut() }
        try fixture.store.close()
    }

    @Test func whoReadsADeletedFileIsNotDisturbed() async throws {
        let fixture = try Fixture()
        try fixture.fill()
        let held = fixture.store.read(topic: "Early", queueId: 0, offset: 0, maxCount: 20)
        fixture.clock.advance(.milliseconds(73 * 3_600_000))
        fixture.store.requestDeletion()
        try await eventually("the old segments are deleted") { try fixture.isCut() }
        #expect(try !FileManager.default.fileExists(atPath: #require(held.chunks.first).owner.path))
        #expect(try held.messages().map(\.text) == (0..<20).map { "\($0)" })
        #expect(fixture.store.read(topic: "Early", queueId: 0, offset: 0, maxCount: 20).status == .offsetTooSmall)
        try fixture.store.close()
    }

    @Test func watermarks() async throws {
        let fixture = try Fixture()
        try fixture.fill()
        fixture.disk.fill(toPercent: 80)
        try await fixture.disk.lookedAt(times: 1)
        #expect(fixture.store.minPhysicalOffset == 0, "above the first mark only what has expired goes")
        fixture.disk.fill(toPercent: 86)
        try await eventually("the old segments are deleted") { try fixture.isCut() }
        try fixture.expectOnlyTheLastSegment()
        #expect(fixture.store.flags.current.isEmpty)
        try fixture.store.put("Both", 1, text: "still accepted")
        fixture.disk.fill(toPercent: 92)
        try await eventually("the disk is found full") { fixture.store.flags.current == .diskFull }
        #expect(throws: StoreError.notWriteable(.diskFull)) { try fixture.store.put("Both", 1, text: "refused") }
        fixture.disk.fill(toPercent: 60)
        try await eventually("the disk is found to have room") { fixture.store.flags.current.isEmpty }
        try fixture.store.put("Both", 1, text: "accepted again")
        // A store that opens on a full disk refuses from the first message on.
        fixture.disk.fill(toPercent: 91)
        try fixture.reopen()
        #expect(throws: StoreError.notWriteable(.diskFull)) { try fixture.store.put("Both", 1, text: "refused") }
        try fixture.store.close()
    }

    @Test func aFullDiskKeepsYoungFilesIfToldSo() async throws {
        let fixture = try Fixture { $0.retention.deletesForcibly = false }
        try fixture.fill()
        fixture.disk.fill(toPercent: 95)
        try await eventually("the disk is found full") { fixture.store.flags.current == .diskFull }
        try await fixture.disk.lookedAt(times: 1)
        #expect(fixture.store.minPhysicalOffset == 0)
        fixture.clock.advance(.milliseconds(73 * 3_600_000))
        try await eventually("the old segments are deleted") { try fixture.isCut() }
        try fixture.store.close()
    }

    @Test func aFileThatCannotBeDeletedIsTriedAgain() async throws {
        let fixture = try Fixture { $0.retention.retryInterval = .seconds(60) }
        try fixture.fill()
        // A directory in its place cannot be unlinked.
        let oldest = fixture.folder.sub("commitlog/00000000000000000000")
        try FileManager.default.moveItem(atPath: oldest, toPath: fixture.folder.sub("aside"))
        try FileManager.default.createDirectory(atPath: oldest, withIntermediateDirectories: false)
        fixture.clock.advance(.milliseconds(73 * 3_600_000))
        fixture.disk.fill(toPercent: 76)
        try await fixture.disk.lookedAt(times: 1)
        #expect(fixture.store.minPhysicalOffset == 0)
        #expect(try fixture.store.everything("Early", 0).count == 20)
        try FileManager.default.removeItem(atPath: oldest)
        try FileManager.default.moveItem(atPath: fixture.folder.sub("aside"), toPath: oldest)
        fixture.clock.advance(.milliseconds(61_000))
        try await eventually("the old segments are deleted") { try fixture.isCut() }
        try fixture.store.close()
    }

    @Test("Case 4.2: a clock that is set ahead makes no file older", arguments: [-100, 100] as [Int64])
    func aSetClockDeletesNothing(hours: Int64) async throws {
        let fixture = try Fixture()
        try fixture.fill()
        fixture.clock.step(.seconds(hours * 3600))
        fixture.store.requestDeletion()
        try await fixture.disk.lookedAt(times: 3)
        #expect(fixture.store.minPhysicalOffset == 0)
        // A clock that was set back holds up nothing for longer than that.
        fixture.clock.advance(.seconds((73 + max(0, -hours)) * 3600))
        fixture.store.requestDeletion()
        try await eventually("the old segments are deleted") { try fixture.isCut() }
        try fixture.store.close()
    }

    @Test func expiredQueuesAreRemovedOnRequest() async throws {
        let fixture = try Fixture()
        try fixture.fill()
        let handle = fixture.store.queueHandle(topic: "Early", queueId: 0)
        try fixture.store.removeExpiredQueues()
        #expect(fixture.store.topics == ["Both", "Early"])
        fixture.clock.advance(.milliseconds(73 * 3_600_000))
        fixture.store.requestDeletion()
        try await eventually("the old segments are deleted") { try fixture.isCut() }
        try fixture.store.removeExpiredQueues()
        #expect(fixture.store.topics == ["Both"] && handle.maxOffset == 0)
        #expect(!FileManager.default.fileExists(atPath: fixture.folder.sub("consumequeue/Early")))
        #expect(try fixture.store.put("Early", 0, text: "anew").queueOffset == 0)
        #expect(handle.maxOffset == 1)
        try fixture.reopen()
        #expect(try fixture.store.everything("Early", 0).map(\.text) == ["anew"])
        try fixture.store.close()
    }

    /// The checkpoint counts the queue no more when the removal returns, so that a kill has no topic of the log made again.
    @Test func aRemovedQueueIsNotMissedAfterAKill() async throws {
        let fixture = try Fixture { $0.flushInterval = .seconds(3600) }
        try fixture.fill()
        try fixture.store.put("Deleted", 0, text: "x")
        try fixture.store.deleteTopic("Deleted")
        fixture.clock.advance(.milliseconds(73 * 3_600_000))
        fixture.store.requestDeletion()
        try await eventually("the old segments are deleted") { try fixture.isCut() }
        try fixture.store.removeExpiredQueues()
        let killed = try TemporaryFolder()
        try copyDirectory(fixture.folder.path, to: killed.sub("store"))
        try fixture.store.close()
        let sink = MemorySink()
        let store = try MessageStore(smallConfiguration(killed.sub("store")), logger: Logger(category: "store", sink: sink))
        #expect(store.topics == ["Both"])
        #expect(!sink.messages.contains { $0.contains("written again") }, "\(sink.messages)")
        try store.close()
    }

    /// Queue files of a folder that this process has mapped.
    func mappedQueueFiles(_ folder: TemporaryFolder) throws -> Int {
        // Its length is not known in advance.
        let maps = try #require(FileHandle(forReadingAtPath: "/proc/self/maps")).readToEnd() ?? Data()
        return String(decoding: maps, as: UTF8.self).split(separator: "\n").filter { $0.contains(folder.sub("consumequeue/")) }.count
    }

    @Test func idleQueuesKeepNothingMapped() async throws {
        let fixture = try Fixture()
        for index in 0..<1000 { try fixture.store.put("Idle", Int32(index % 5), text: "\(index)") }
        try await eventually("a queue file is mapped") {
            try fixture.store.put("Used", 0, text: "x")
            return try self.mappedQueueFiles(fixture.folder) > 0
        }
        try await eventually("no queue file is mapped") { try self.mappedQueueFiles(fixture.folder) == 0 }
        for index in 1000..<1010 { try fixture.store.put("Idle", Int32(index % 5), text: "\(index)") }
        let all = try (0..<5).flatMap { try fixture.store.everything("Idle", Int32($0)) }
        #expect(Set(all.map(\.text)) == Set((0..<1010).map { "\($0)" }))
        try fixture.reopen()
        #expect(try mappedQueueFiles(fixture.folder) == 0, "opening after a clean stop maps no queue")
        #expect(try fixture.store.everything("Idle", 3).count == 202)
        try fixture.store.close()
    }

    @Test func appendTimesAreToldByTheMinute() async throws {
        let fixture = try Fixture()
        for _ in 0..<50 { try fixture.store.put("Times", 0, text: "x") }
        #expect(fixture.store.statistics.appendTimes == nil)
        fixture.clock.advance(.milliseconds(60_000))
        try await eventually("append times") { fixture.store.statistics.appendTimes != nil }
        let times = try #require(fixture.store.statistics.appendTimes)
        #expect(times.coarse.reduce(0, +) == 50 && times.coarse.count == LatencyDistribution.labels.count)
        #expect(times.percentile(0.99) >= 0)
        fixture.clock.advance(.milliseconds(60_000))
        try await eventually("a new period") { fixture.store.statistics.appendTimes?.coarse.reduce(0, +) == 0 }
        try fixture.store.close()
    }

    @Test func warmedUpSegmentsTakeMessagesLikeOthers() async throws {
        // Whether this process may lock memory or not.
        let fixture = try Fixture {
            $0.warmsSegments = true
            $0.warmUpPages = 4
        }
        try fixture.fill()
        #expect(try fixture.store.everything("Early", 0).count == 20)
        let count = try fixture.store.everything("Both", 1).count
        // So do those after it was switched off and on again.
        for isOn in [false, true] {
            var changed = fixture.store.configuration
            changed.warmsSegments = isOn
            try fixture.store.reconfigure(changed)
            for _ in 0..<2_000 { try fixture.store.put("Both", 1, [UInt8](repeating: 7, count: 50)) }
        }
        #expect(try fixture.store.everything("Both", 1).count == count + 4_000)
        try fixture.reopen()
        #expect(try fixture.store.everything("Both", 1).count == count + 4_000)
        try fixture.store.close()
    }

    @Test func readersOfOldMessagesAreTold() throws {
        // Everything but the newest byte counts as old.
        let fixture = try Fixture { $0.transferLimits.memoryPercent = 0 }
        try fixture.fill()
        var result = fixture.store.read(topic: "Both", queueId: 1, offset: 0, maxCount: 32)
        #expect(result.suggestsReplica && result.messageCount == 8 && result.bytesBehind > 4 * 65536)
        let end = fixture.store.maxOffset(topic: "Both", queueId: 1)
        result = fixture.store.read(topic: "Both", queueId: 1, offset: end - 1, maxCount: 32)
        #expect(result.messageCount == 1 && result.bytesBehind < 1000)
        let all = try fixture.store.everything("Both", 1)
        #expect(all.count == Int(end))
        try fixture.store.close()
    }
}
