import Foundation
import RMQCommon
@testable import RMQStore
import RMQTestSupport
import Synchronization
import Testing

/// The seams that replication plugs into, without a network.
@Suite(.takesTurns) struct ReplicationTests {
    func open(_ path: String, _ change: (inout StoreConfiguration) -> Void = { _ in }) throws -> MessageStore {
        var configuration = smallConfiguration(path)
        change(&configuration)
        let store = try MessageStore(configuration, logger: quiet)
        try store.start()
        return store
    }

    func fill(_ store: MessageStore, _ range: Range<Int>) throws {
        for index in range { try store.put("T\(index & 1)", Int32(index >> 1 & 1), text: "\(index) " + String(repeating: "x", count: index % 700), tags: "t") }
    }

    func numbers(_ store: MessageStore) throws -> [Int] {
        try ["T0", "T1"].flatMap { topic in
            try (Int32(0)...1).flatMap { try store.everything(topic, $0).map { Int($0.text.prefix { $0 != " " }) ?? -1 } }
        }.sorted()
    }

    /// Copies everything that `replica` lacks, in pieces of these sizes in turn.
    func follow(_ master: MessageStore, _ replica: MessageStore, pieces: [Int]) throws {
        var turn = 0
        while let range = master.bytes(from: replica.maxPhysicalOffset, maxBytes: pieces[turn % pieces.count]) {
            try replica.appendRaw(range.bytes, at: replica.maxPhysicalOffset)
            turn += 1
        }
    }

    @Test(arguments: [[1 << 20], [32_768], [1000, 3, 777], [7]]) func aReplicaBecomesTheSame(pieces: [Int]) throws {
        let folder = try TemporaryFolder()
        let master = try open(folder.sub("master"))
        let replica = try open(folder.sub("replica")) { $0.role = .replica }
        try fill(master, 0..<40)
        try follow(master, replica, pieces: pieces)
        #expect(replica.maxPhysicalOffset == master.maxPhysicalOffset && replica.dispatchedOffset == master.maxPhysicalOffset)
        #expect(try numbers(replica) == Array(0..<40))
        try fill(master, 40..<300)
        try follow(master, replica, pieces: pieces)
        #expect(try numbers(replica) == Array(0..<300))
        #expect(throws: StoreError.isReplica) { try replica.put("T0", 0, text: "mine") }
        try replica.close()
        try master.close()
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.sub("master/commitlog")) {
            let same = FileManager.default.contentsEqual(atPath: folder.sub("master/commitlog/" + name), andPath: folder.sub("replica/commitlog/" + name))
            #expect(same, "\(name)")
        }
        // It can become a master.
        let promoted = try open(folder.sub("replica"))
        try fill(promoted, 300..<310)
        #expect(try numbers(promoted) == Array(0..<310))
        try promoted.close()
    }

    @Test func aReplicaTakesNoGapsAndNoGarbage() throws {
        let folder = try TemporaryFolder()
        let master = try open(folder.sub("master"))
        let replica = try open(folder.sub("replica")) { $0.role = .replica }
        try fill(master, 0..<10)
        let range = try #require(master.bytes(from: 0, maxBytes: 1 << 20))
        let bytes = Array(range.bytes)
        func append(_ bytes: [UInt8], at offset: Int64) throws { try bytes.withUnsafeBytes { try replica.appendRaw($0, at: offset) } }
        #expect(throws: StoreError.segmentMismatch(offset: 100, segmentBytes: 65_536)) { try append(bytes, at: 100) }
        var damaged = bytes
        damaged[88] ^= 1  // in the first body
        #expect(throws: StoreError.malformedRecord(offset: 0, reason: "the checksum of the body does not match")) { try append(damaged, at: 0) }
        #expect(replica.maxPhysicalOffset == 0)
        try append(Array(bytes[..<150]), at: 0)
        #expect(throws: StoreError.notContiguous(offset: 151, logEnd: 150)) { try append([1, 2], at: 151) }
        #expect(throws: StoreError.notContiguous(offset: 0, logEnd: 150)) { try append(bytes, at: 0) }
        #expect(throws: StoreError.self) { try append([UInt8](repeating: 0xAB, count: 200), at: 150) }
        try append(Array(bytes[150...]), at: 150)
        #expect(try numbers(replica) == Array(0..<10))
        #expect(throws: StoreError.notReplica) { try bytes.withUnsafeBytes { try master.appendRaw($0, at: master.maxPhysicalOffset) } }
        try replica.close()
        #expect(throws: StoreError.notRunning) { try append(bytes, at: replica.maxPhysicalOffset) }
        try master.close()
    }

    @Test func anEmptyReplicaMayBeginAtALaterSegment() throws {
        let folder = try TemporaryFolder()
        let master = try open(folder.sub("master"))
        for index in 0..<400 { try master.put("T0", 0, text: "\(index) " + String(repeating: "x", count: 300)) }
        let replica = try open(folder.sub("replica")) { $0.role = .replica }
        let start = master.maxPhysicalOffset / 65_536 * 65_536
        #expect(start > 0)
        let first = try #require(master.bytes(from: start, maxBytes: 1000))
        try replica.appendRaw(first.bytes, at: start)
        try follow(master, replica, pieces: [5000])
        let queue = replica.queueHandle(topic: "T0", queueId: 0)
        #expect(replica.minPhysicalOffset == start && queue.minOffset > 0 && queue.maxOffset == 400)
        #expect(try replica.everything("T0", 0).map(\.queueOffset) == Array(queue.minOffset..<400))
        try replica.close()
        let again = try open(folder.sub("replica")) { $0.role = .replica }
        #expect(again.maxPhysicalOffset == master.maxPhysicalOffset && again.maxOffset(topic: "T0", queueId: 0) == 400)
        try again.close()
        try master.close()
    }

    @Test(arguments: [0, 50, 299]) func theLogCanBeCut(keeping count: Int) throws {
        let folder = try TemporaryFolder()
        let master = try open(folder.sub("master"))
        var ends: [Int64] = [0]
        for index in 0..<300 { ends.append(try master.put("T\(index & 1)", Int32(index >> 1 & 1), text: "\(index) " + String(repeating: "y", count: 500)).end) }
        let replica = try open(folder.sub("replica")) {
            $0.role = .replica
            // The flusher is busy all the while.
            $0.flushInterval = .microseconds(50)
            $0.flushLeastPages = 0
        }
        try follow(master, replica, pieces: [10_000])
        #expect(throws: StoreError.self) { try replica.truncate(to: master.maxPhysicalOffset + 1) }
        try replica.truncate(to: ends[count])
        #expect(replica.maxPhysicalOffset == ends[count] && replica.dispatchedOffset == ends[count] && replica.flushedOffset <= ends[count])
        #expect(try numbers(replica) == Array(0..<count))
        try follow(master, replica, pieces: [10_000])
        #expect(try numbers(replica) == Array(0..<300))
        try replica.close()
        let again = try open(folder.sub("replica"))
        #expect(try numbers(again) == Array(0..<300))
        try again.close()
        try master.close()
    }

    @Test func aMessageIsSeenOnceReplicasHaveIt() throws {
        let folder = try TemporaryFolder()
        let store = try open(folder.path) {
            $0.requiredReplicas = 1
            $0.replicaTimeout = .milliseconds(20)
            $0.replicaFallBehindLimit = 1000
        }
        #expect(try store.putAndWait("T", 0, "nobody there").status == .replicaNotAvailable)
        try store.acknowledge(replica: 1, offset: 0)
        let second = try store.putAndWait("T", 0, "not yet")
        #expect(second.status == .flushReplicaTimeout)
        #expect(store.maxOffset(topic: "T", queueId: 0) == 0 && store.confirmedOffset == 0)
        try store.acknowledge(replica: 1, offset: second.result.end)
        #expect(try store.waitUntilConfirmed(second.result.end) == .ok)
        #expect(try store.everything("T", 0).map(\.text) == ["nobody there", "not yet"])
        #expect(throws: StoreError.notContiguous(offset: second.result.end + 1, logEnd: second.result.end)) {
            try store.acknowledge(replica: 1, offset: second.result.end + 1)
        }
        // One that is too far behind is not waited for, nor one that left.
        let third = try store.put("T", 0, [UInt8](repeating: 1, count: 2000))
        #expect(try store.waitUntilConfirmed(third.end) == .replicaNotAvailable)
        try store.acknowledge(replica: 1, offset: third.end)
        store.replicaLeft(1)
        #expect(store.confirmedOffset == third.end)
        #expect(try store.putAndWait("T", 0, "alone").status == .replicaNotAvailable)
        try store.close()
    }

    @Test func somebodyElseMayDecideWhatIsConfirmed() throws {
        let folder = try TemporaryFolder()
        let store = try open(folder.path) { $0.requiredReplicas = 2 }
        let first = try store.put("T", 0, text: "agreed upon").end, second = try store.put("T", 0, text: "not yet").end
        let calls = Mutex(0)
        let follower = store.follow(.confirmed) { _ in calls.withLock { $0 += 1 } }
        #expect(follower.arm(beyond: 0) == .willCall)
        try store.confirm(to: first)
        #expect(store.confirmedOffset == first && calls.withLock { $0 } == 1)
        #expect(try store.everything("T", 0).map(\.text) == ["agreed upon"])
        try store.confirm(to: first - 1)
        #expect(store.confirmedOffset == first, "nothing is taken back")
        #expect(throws: StoreError.notContiguous(offset: second + 1, logEnd: second)) { try store.confirm(to: second + 1) }
        try store.confirm(to: second)
        #expect(try store.everything("T", 0).map(\.text) == ["agreed upon", "not yet"])
        try store.close()
    }

    @Test func severalReplicasMayBeAskedFor() throws {
        let folder = try TemporaryFolder()
        let store = try open(folder.path) { $0.requiredReplicas = 2 }
        let end = try store.put("T", 0, text: "x").end
        try store.acknowledge(replica: 1, offset: end)
        try store.acknowledge(replica: 2, offset: 10)
        #expect(store.confirmedOffset == 10 && store.replicas.furthestOffset == end)
        try store.acknowledge(replica: 3, offset: end)
        #expect(store.confirmedOffset == end && store.maxOffset(topic: "T", queueId: 0) == 1)
        try store.close()
    }

    // MARK: What a slave's broker asks

    @Test func theRecordsOfALogAreKnownByTheirPlaces() throws {
        let folder = try TemporaryFolder()
        let master = try open(folder.sub("master"))
        #expect(master.lastRecordOffset == nil && master.segmentOffsets.isEmpty)
        try fill(master, 0..<400)
        let replica = try open(folder.sub("replica")) { $0.role = .replica }
        try follow(master, replica, pieces: [10_000])
        #expect(replica.segmentOffsets == master.segmentOffsets && replica.segmentOffsets.count > 1)
        let starts = replica.segmentOffsets.flatMap { replica.recordOffsets(from: $0) }
        #expect(starts.count == 400 && starts == starts.sorted() && replica.lastRecordOffset == starts.last)
        for start in [starts[0], starts[200], starts[399]] { #expect(replica.record(at: start)?.bytes.elementsEqual(master.record(at: start)!.bytes) == true) }
        #expect(replica.recordOffsets(from: starts[10]).first == starts[10])
        #expect(replica.recordOffsets(from: -1).isEmpty && replica.recordOffsets(from: replica.maxPhysicalOffset).isEmpty)
        try replica.close()
        try master.close()
    }

    @Test func theUnfinishedRecordCanBeTakenBack() throws {
        let folder = try TemporaryFolder()
        let master = try open(folder.sub("master"))
        try fill(master, 0..<5)
        let replica = try open(folder.sub("replica")) { $0.role = .replica }
        let bytes = try Array(#require(master.bytes(from: 0, maxBytes: 1 << 20)).bytes)
        let starts = master.recordOffsets(from: 0)
        let cut = Int(starts[3]) + 40
        try bytes[..<cut].withUnsafeBytes { try replica.appendRaw($0, at: 0) }
        #expect(replica.maxPhysicalOffset == cut && replica.receivedOffset == starts[3] && replica.lastRecordOffset == starts[2])
        try replica.dropUnfinishedRecord()
        #expect(replica.maxPhysicalOffset == starts[3])
        try replica.dropUnfinishedRecord()
        try follow(master, replica, pieces: [7])
        #expect(try numbers(replica) == Array(0..<5))
        #expect(throws: StoreError.notReplica) { try master.dropUnfinishedRecord() }
        try replica.close()
        try master.close()
    }

    /// One bit of an offset is another one on the way to an empty replica.
    @Test func anEmptyReplicaDoesNotBeginWhereTheRecordsDoNotBelong() throws {
        let folder = try TemporaryFolder()
        let master = try open(folder.sub("master"))
        try fill(master, 0..<5)
        let replica = try open(folder.sub("replica")) { $0.role = .replica }
        let range = try #require(master.bytes(from: 0, maxBytes: 1 << 20))
        #expect(throws: StoreError.self) { try replica.appendRaw(range.bytes, at: 65_536 * 16) }
        #expect(replica.maxPhysicalOffset == 0)
        try follow(master, replica, pieces: [1 << 20])
        #expect(try numbers(replica) == Array(0..<5))
        try replica.close()
        try master.close()
    }

    /// The same as long as there was one segment.
    @Test func aReplicaWhoseSegmentsEndElsewhereSaysSo() throws {
        let folder = try TemporaryFolder()
        let master = try open(folder.sub("master"))
        try fill(master, 0..<400)
        let replica = try open(folder.sub("replica")) {
            $0.role = .replica
            $0.segmentBytes = 1 << 20
        }
        #expect(throws: StoreError.segmentMismatch(offset: 65_536, segmentBytes: 1 << 20)) { try follow(master, replica, pieces: [5_000]) }
        #expect(replica.maxPhysicalOffset < 65_536)
        try replica.close()
        try master.close()
    }

    @Test func aReplicaMayBecomeAMasterThatWaitsForReplicas() throws {
        let folder = try TemporaryFolder()
        let master = try open(folder.sub("master"))
        try fill(master, 0..<3)
        let replica = try open(folder.sub("replica")) {
            $0.role = .replica
            $0.replicaTimeout = .milliseconds(50)
        }
        try follow(master, replica, pieces: [1 << 20])
        try replica.becomeMaster(requiredReplicas: 1)
        #expect(replica.confirmedOffset == master.maxPhysicalOffset)
        let result = try replica.put("T0", 0, text: "3")
        #expect(try replica.waitUntilConfirmed(result) == .replicaNotAvailable)
        #expect(try numbers(replica) == Array(0..<3), "nobody else has it")
        try replica.acknowledge(replica: 9, offset: result.end)
        #expect(try numbers(replica) == Array(0..<4))
        try replica.becomeReplica()
        try replica.becomeMaster(requiredReplicas: 0)
        #expect(try replica.waitUntilConfirmed(replica.put("T0", 0, text: "4")) == .ok)
        #expect(try numbers(replica) == Array(0..<5))
        try replica.close()
        try master.close()
    }

    @Test func howFarDeliveriesAreIsKeptOnceTheLogIsAsFar() async throws {
        let folder = try TemporaryFolder()
        let replica = try open(folder.sub("replica")) { $0.role = .replica }
        let master = try open(folder.sub("master"))
        try fill(master, 0..<3)
        func text(_ end: Int64) -> [UInt8] { Array(#"{"offsetTable":{1:4},"logOffset":\#(end)}"#.utf8) }
        let end = master.maxPhysicalOffset
        #expect(try !replica.keepDelayOffsets(text(end)))
        #expect(throws: StoreError.self) { try replica.keepDelayOffsets([0x7B]) }
        #expect(!FileManager.default.fileExists(atPath: folder.sub("replica/config/delayOffset.json")))
        try follow(master, replica, pieces: [1 << 20])
        try await eventually("it is on the disk") { try replica.keepDelayOffsets(text(end)) }
        #expect(FileManager.default.fileExists(atPath: folder.sub("replica/config/delayOffset.json")))
        #expect(throws: StoreError.notReplica) { try master.keepDelayOffsets(text(end)) }
        try replica.close()
        try master.close()
    }
}
