import Foundation
import RMQCommon
@testable import RMQStore
import RMQTestSupport
import Synchronization
import Testing

/// A store that changes its role while it runs.
@Suite(.takesTurns) struct RoleTests {
    private func open(_ path: String, _ role: StoreRole, _ change: (inout StoreConfiguration) -> Void = { _ in }) throws -> MessageStore {
        var configuration = smallConfiguration(path)
        configuration.role = role
        change(&configuration)
        let store = try MessageStore(configuration, logger: quiet)
        try store.start()
        return store
    }

    /// Copies what `replica` lacks of `master`'s log.
    private func follow(_ master: MessageStore, _ replica: MessageStore, upTo end: Int64 = .max, piece: Int = 5_000) throws {
        while let range = master.bytes(from: replica.maxPhysicalOffset, maxBytes: Int(min(Int64(piece), end - replica.maxPhysicalOffset))) {
            try replica.appendRaw(range.bytes, at: replica.maxPhysicalOffset)
        }
    }

    private func texts(_ store: MessageStore) throws -> [[String]] {
        try (Int32(0)...2).map { try store.everything("T", $0).map(\.text) }
    }

    @Test func aReplicaRefusesSendsAndAMasterRawBytes() throws {
        let folder = try TemporaryFolder()
        let first = try open(folder.sub("a"), .master), second = try open(folder.sub("b"), .replica)
        #expect(first.role == .master && first.publishesAtAppend && second.role == .replica && !second.publishesAtAppend)
        try first.put("T", 0, text: "from a")
        try follow(first, second)
        // Staged while a is the master, appended when it is none any more.
        let batch = AppendBatch(for: first, maxMessageBytes: 1 << 20)
        for number in 0..<3 {
            try Array("staged \(number)".utf8).withUnsafeBytes { body in
                try batch.add(batch.encoder.encode(
                    queue: first.queueHandle(topic: "T", queueId: 0), attributes: testAttributes, body: body, properties: UnsafeRawBufferPointer(start: nil, count: 0)))
            }
        }
        try first.becomeReplica()
        try first.becomeReplica()
        first.append(batch)
        #expect((0..<3).allSatisfy { batch.outcome($0) == .failure(.isReplica) })
        #expect(throws: StoreError.isReplica) { try first.checkAccepting() }
        #expect(throws: StoreError.isReplica) { try first.tryPut("T", 0, [1]) }
        #expect(try texts(first) == [["from a"], [], []], "what was readable stays so")
        let epoch = second.epoch
        try second.becomeMaster()
        try second.becomeMaster()
        #expect(second.epoch == epoch + 1, "what was read of the log meanwhile is not all of it")
        let range = try #require(first.bytes(from: 0, maxBytes: 1 << 20))
        #expect(throws: StoreError.notReplica) { try second.appendRaw(range.bytes, at: second.maxPhysicalOffset) }
        let result = try second.put("T", 0, text: "from b")
        #expect(result.queueOffset == 1 && result.physicalOffset == first.maxPhysicalOffset)
        // Exactly at the end.
        let bytes = try #require(second.bytes(from: result.physicalOffset, maxBytes: 1 << 20))
        for offset in [result.physicalOffset - 1, result.physicalOffset + 1, 0] {
            #expect(throws: StoreError.notContiguous(offset: offset, logEnd: result.physicalOffset)) { try first.appendRaw(bytes.bytes, at: offset) }
        }
        try follow(second, first)
        #expect(try texts(first) == [["from a", "from b"], [], []])
        try first.close()
        #expect(throws: StoreError.notRunning) { try first.becomeMaster() }
        try second.close()
        #expect(throws: StoreError.notRunning) { try second.becomeReplica() }
    }

    /// Wherever the old master's bytes end, a replica becomes what it would be when it were opened again.
    @Test(arguments: [FlushPolicy.asynchronous, .synchronous]) func aPromotedReplicaEqualsAReopenedOne(flush: FlushPolicy) throws {
        let folder = try TemporaryFolder()
        let master = try open(folder.sub("master"), .master)
        var ends: [Int64] = []
        while master.maxPhysicalOffset < 80_000 {
            let number = ends.count
            ends.append(try master.put("T", Int32(number % 3), text: "\(number) " + String(repeating: "x", count: number * 7 % 900)).end)
        }
        let segment: Int64 = 65_536
        let last = try #require(ends.last { $0 < segment })
        // Behind a record, in one, before, in and behind the filler, at the very beginning of the second segment.
        for cut in [ends[20], ends[20] + 3, ends[20] + 90, last, last + 5, last + 8, last + 20, segment, segment + 1, ends[ends.count - 1]] {
            let names = ["promoted \(cut)", "reopened \(cut)"].map { folder.sub($0) }
            let promoted = try open(names[0], .replica) { $0.flush = flush }
            try follow(master, promoted, upTo: cut)
            var reopened = try open(names[1], .replica) { $0.flush = flush }
            try follow(master, reopened, upTo: cut)
            #expect(promoted.maxPhysicalOffset == cut)
            try promoted.becomeMaster()
            try reopened.close()
            reopened = try open(names[1], .master) { $0.flush = flush }
            #expect(promoted.maxPhysicalOffset == reopened.maxPhysicalOffset, "cut at \(cut)")
            #expect(promoted.dispatchedOffset == promoted.maxPhysicalOffset && promoted.confirmedOffset == promoted.maxPhysicalOffset)
            #expect(try texts(promoted) == texts(reopened), "cut at \(cut)")
            for queueId: Int32 in 0...3 {
                let ours = try promoted.putAndWait("T", queueId, "next"), theirs = try reopened.putAndWait("T", queueId, "next")
                #expect(ours.status == .ok && ours.result.queueOffset == theirs.result.queueOffset)
                #expect(ours.result.physicalOffset == theirs.result.physicalOffset, "cut at \(cut)")
            }
            #expect(try texts(promoted) == texts(reopened))
            try promoted.close()
            try reopened.close()
            let again = try open(names[0], .replica)
            #expect(try texts(again).map(\.last) == ["next", "next", "next"])
            try again.close()
        }
        try master.close()
    }

    /// Two stores that change places, while two threads send to whichever takes it and two read.
    @Test(arguments: [
        (FlushPolicy.asynchronous, Duration.milliseconds(20), 0), (.synchronous, .milliseconds(500), 0), (.asynchronous, .milliseconds(500), 1),
    ]) func nothingIsLostOrDoubledWhenTheyChangePlaces(flush: FlushPolicy, flushInterval: Duration, required: Int) async throws {
        let folder = try TemporaryFolder()
        func change(_ configuration: inout StoreConfiguration) {
            configuration.flush = flush
            configuration.flushInterval = flushInterval
            configuration.requiredReplicas = required
        }
        let stores = try [open(folder.sub("a"), .master, change), open(folder.sub("b"), .replica, change)]
        let isOver = Atomic<Bool>(false)
        let sent = Mutex<Set<String>>([])
        let senders = try (Int32(0)...1).map { thread in
            try SystemThread.starting("sender") {
                let encoder = RecordEncoder()
                var number = 0
                while !isOver.load(ordering: .relaxed) {
                    let text = "\(thread) \(number)"
                    let store = stores.first { $0.role == .master } ?? stores[0]
                    do {
                        try store.put("T", thread, Array(text.utf8), encoder: encoder)
                        sent.withLock { _ = $0.insert(text) }
                        number += 1
                    } catch StoreError.isReplica {
                    } catch {
                        Issue.record("\(error)")
                        return
                    }
                }
            }
        }
        let readers = try stores.map { store in
            try SystemThread.starting("reader") {
                var next: [Int64] = [0, 0]
                while !isOver.load(ordering: .relaxed) {
                    for queueId in 0...1 {
                        let result = store.read(topic: "T", queueId: Int32(queueId), offset: next[queueId], maxCount: 32)
                        guard result.status == .found, let messages = try? result.messages() else { continue }
                        // In order, each once, with nothing between.
                        if messages.map(\.queueOffset) != (0..<messages.count).map({ next[queueId] + Int64($0) }) || !messages.allSatisfy({ $0.text.hasPrefix("\(queueId) ") }) {
                            Issue.record("read \(messages.map(\.text)) at \(next[queueId])")
                            return
                        }
                        next[queueId] += Int64(messages.count)
                    }
                }
            }
        }
        for round in 0..<8 {
            let (old, new) = (stores[round % 2], stores[1 - round % 2])
            let goal = old.maxPhysicalOffset + 20_000
            while old.maxPhysicalOffset < goal {
                try follow(old, new, piece: 3_001)
                if required > 0 { try old.acknowledge(replica: 7, offset: new.maxPhysicalOffset) }
            }
            try old.becomeReplica()
            try follow(old, new)
            if round == 3 {
                for (name, store) in zip(["a", "b"], stores) { try copyDirectory(store.configuration.rootDirectory, to: folder.sub("killed \(name)")) }
            }
            try new.becomeMaster()
        }
        // What the last master had not confirmed becomes readable on its side when the new one goes on behind it.
        let goal = stores[0].maxPhysicalOffset + 1
        try await eventually("the last master goes on") { stores[0].maxPhysicalOffset >= goal }
        isOver.store(true, ordering: .relaxed)
        for thread in senders + readers { thread.join() }
        let (master, replica) = (stores[0], stores[1])
        #expect(master.role == .master)
        try follow(master, replica)
        if required > 0 { try master.acknowledge(replica: 7, offset: replica.maxPhysicalOffset) }
        _ = try master.waitUntilConfirmed(master.maxPhysicalOffset)
        _ = try replica.flushLog()
        let all = try texts(master)
        #expect(try texts(replica) == all)
        #expect(all.flatMap(\.self).count == sent.withLock { $0.count } && Set(all.flatMap(\.self)) == sent.withLock { $0 })
        for store in stores { try store.close() }
        // Opened again, in the role that it had or in the other one, it is the same; so is what a kill leaves.
        for (name, role) in [("a", StoreRole.replica), ("b", .master)] {
            let again = try open(folder.sub(name), role, change)
            #expect(try texts(again) == all)
            try again.close()
            let killed = try open(folder.sub("killed \(name)"), role, change)
            for (messages, whole) in zip(try texts(killed), all) { #expect(messages == Array(whole.prefix(messages.count))) }
            #expect(try texts(killed)[0].count > 10 && texts(killed)[1].count > 10)
            try killed.close()
        }
    }

    /// What a synchronous master has not confirmed is not shown because it became a replica.
    @Test func unconfirmedMessagesBecomeReadableWhenAMasterGoesOnBehindThem() throws {
        let folder = try TemporaryFolder()
        let first = try open(folder.sub("a"), .master) { $0.requiredReplicas = 1 }, second = try open(folder.sub("b"), .replica) { $0.requiredReplicas = 1 }
        let confirmed = try first.put("T", 0, text: "confirmed").end
        try follow(first, second)
        try first.acknowledge(replica: 1, offset: confirmed)
        try first.put("T", 0, text: "in both")
        try follow(first, second)
        let end = first.maxPhysicalOffset
        try first.put("T", 0, text: "lost with the old master")
        try first.becomeReplica()
        #expect(first.confirmedOffset == confirmed)
        #expect(try texts(first)[0] == ["confirmed"])
        try second.becomeMaster()
        #expect(try texts(second)[0] == ["confirmed", "in both"])
        try second.put("T", 0, text: "of the new one")
        try first.truncate(to: end)
        try follow(second, first)
        #expect(try texts(first)[0] == ["confirmed", "in both", "of the new one"])
        try first.close()
        try second.close()
    }

    /// A thread that waits for a message is not told of what came to its place.
    @Test(arguments: [true, false]) func aMessageThatWasCutAwayIsNotConfirmed(isAwaited: Bool) async throws {
        let folder = try TemporaryFolder()
        let store = try open(folder.sub("store"), .master) {
            $0.requiredReplicas = 1
            $0.replicaTimeout = .seconds(20)
        }
        let other = try open(folder.sub("other"), .master)
        for number in 0..<9 { try other.put("T", 0, text: "of the other one \(number)") }
        try store.acknowledge(replica: 1, offset: 0)
        let end = store.maxPhysicalOffset
        let outcome = Mutex<Result<AppendStatus, StoreError>?>(nil)
        let kept = isAwaited ? nil : try store.put("T", 0, text: "kept back")
        let thread = try isAwaited ? SystemThread.starting("sender") {
            do {
                let status = try store.putAndWait("T", 0, "mine").status
                outcome.withLock { $0 = .success(status) }
            } catch {
                outcome.withLock { $0 = (error as? StoreError).map { .failure($0) } }
            }
        } : nil
        try await eventually("it is appended") { store.maxPhysicalOffset > end }
        let start = MonotonicInstant.now
        try store.becomeReplica()
        try store.truncate(to: end)
        try follow(other, store)
        try store.becomeMaster()
        #expect(store.confirmedOffset == other.maxPhysicalOffset)
        thread?.join()
        #expect(MonotonicInstant.now - start < .seconds(15), "who waits is told at once")
        if let kept {
            #expect(throws: StoreError.roleChanged) { try store.waitUntilConfirmed(kept) }
        } else {
            #expect(outcome.withLock { $0 } == .failure(.roleChanged))
        }
        #expect(try texts(store)[0].count == 9)
        try store.close()
        try other.close()
    }

    @Test func aReplicaWhoseQueuesCannotBeWrittenStaysOneUntilTheyCan() throws {
        let folder = try TemporaryFolder()
        let master = try open(folder.sub("master"), .master)
        let disk = FaultyDisk()
        var configuration = smallConfiguration(folder.sub("replica"))
        configuration.role = .replica
        let replica = try MessageStore(configuration, logger: quiet, clocks: .system, diskUsage: .system, disk: disk.calls)
        try replica.start()
        disk.set { $0.allocationFailure = ("consumequeue", ENOSPC) }
        try master.put("T", 0, text: "0")
        try follow(master, replica)
        #expect(throws: StoreError.self) { try replica.becomeMaster() }
        #expect(replica.role == .replica && replica.flags.current.contains(.queueError))
        #expect(throws: StoreError.isReplica) { try replica.checkAccepting() }
        try master.put("T", 0, text: "1")
        try follow(master, replica)
        disk.set { $0.allocationFailure = nil }
        try replica.becomeMaster()
        #expect(try replica.put("T", 0, text: "2").queueOffset == 2)
        #expect(try texts(replica)[0] == ["0", "1", "2"])
        try replica.close()
        try master.close()
    }

    // MARK: Delayed messages

    private func openDelaying(_ path: String, _ role: StoreRole) throws -> MessageStore {
        try open(path, role) {
            $0.delayLevelMilliseconds = [1, 400, 3_600_000]
            $0.delayOffsetInterval = .milliseconds(100)
        }
    }

    private func sendDelayed(_ store: MessageStore, _ numbers: Range<Int>, level: Int) throws {
        for number in numbers { try store.putDelayed("T", 0, "\(number)", level: level) }
    }

    private func delivered(_ store: MessageStore) throws -> [String] { try store.everything("T", 0).map(\.text) }

    @Test func delayedMessagesArriveOnceOverManyChanges() async throws {
        let folder = try TemporaryFolder()
        let stores = try [openDelaying(folder.sub("a"), .master), openDelaying(folder.sub("b"), .replica)]
        for round in 0..<6 {
            let (old, new) = (stores[round % 2], stores[1 - round % 2])
            try sendDelayed(old, round * 40..<round * 40 + 20, level: 1)
            try sendDelayed(old, round * 40 + 20..<round * 40 + 40, level: 2)
            // Some are delivered by the one, the rest by the other.
            try await eventually("some have arrived") { old.maxOffset(topic: "T", queueId: 0) >= Int64(round * 40 + 5) }
            try old.becomeReplica()
            let end = old.maxPhysicalOffset
            try follow(old, new)
            try new.becomeMaster()
            #expect(old.maxPhysicalOffset == end, "a replica delivers nothing")
        }
        try await eventually("all have arrived") { stores[0].maxOffset(topic: "T", queueId: 0) >= 240 }
        try follow(stores[0], stores[1])
        for store in stores {
            let texts = try delivered(store)
            #expect(texts.count == 240 && Set(texts) == Set((0..<240).map { "\($0)" }))
            try store.close()
        }
        // Nor does one that is opened as a master begin again.
        let again = try openDelaying(folder.sub("b"), .master)
        try again.putDelayed("T", 0, "240", level: 1)
        try await eventually("the next one has arrived") { again.maxOffset(topic: "T", queueId: 0) >= 241 }
        #expect(try delivered(again).last == "240" && delivered(again).count == 241)
        try again.close()
    }

    /// A delivery that is cut off with the end of the log was none.
    @Test func whatWasDeliveredBehindACutArrivesAgain() async throws {
        let folder = try TemporaryFolder()
        let store = try openDelaying(folder.path, .master)
        try sendDelayed(store, 0..<3, level: 1)
        try await eventually("they have arrived") { store.maxOffset(topic: "T", queueId: 0) == 3 }
        let end = store.maxPhysicalOffset
        try sendDelayed(store, 3..<6, level: 2)
        let waiting = store.maxPhysicalOffset
        try await eventually("these, too") { store.maxOffset(topic: "T", queueId: 0) == 6 }
        try store.becomeReplica()
        #expect(waiting > end)
        try store.truncate(to: waiting)
        #expect(try delivered(store) == ["0", "1", "2"])
        try store.becomeMaster()
        try await eventually("they arrive again") { store.maxOffset(topic: "T", queueId: 0) == 6 }
        #expect(try delivered(store) == (0..<6).map { "\($0)" })
        try store.close()
    }

    /// It takes no message that would then be a replica's.
    @Test func aReplicaThatCannotDeliverStaysOneAllTheTime() async throws {
        let folder = try TemporaryFolder()
        let disk = FaultyDisk()
        var configuration = smallConfiguration(folder.path)
        configuration.role = .replica
        configuration.delayLevelMilliseconds = [1]
        let store = try MessageStore(configuration, logger: quiet, clocks: .system, diskUsage: .system, disk: disk.calls)
        try store.start()
        let failure = StoreError.system(call: "pthread_create", path: "store-schedule", code: EAGAIN)
        let refusals = Mutex<[StoreError?]>([])
        disk.set {
            $0.threadFailure = { [unowned store] in
                var refusal: StoreError?
                do throws(StoreError) { try store.tryPut("T", 0, [1]) } catch { refusal = error }
                refusals.withLock { $0.append(refusal) }
                return failure
            }
        }
        #expect(throws: failure) { try store.becomeMaster() }
        #expect(refusals.withLock { $0 } == [.isReplica])
        #expect(store.role == .replica && store.maxPhysicalOffset == 0 && !store.publishesAtAppend)
        disk.set { $0.threadFailure = nil }
        try store.becomeMaster()
        try store.putDelayed("T", 0, "delayed", level: 1)
        try await eventually("it is delivered") { store.maxOffset(topic: "T", queueId: 0) == 1 }
        try store.close()
    }

    @Test func aReplicaWhoseDelayFileIsDamagedStaysOne() throws {
        let folder = try TemporaryFolder()
        let store = try openDelaying(folder.path, .replica)
        try FileManager.default.createDirectory(atPath: folder.sub("config"), withIntermediateDirectories: true)
        let path = folder.sub("config/delayOffset.json")
        try Data("{".utf8).write(to: URL(fileURLWithPath: path))
        #expect(throws: StoreError.self) { try store.becomeMaster() }
        #expect(store.role == .replica)
        #expect(throws: StoreError.isReplica) { try store.checkAccepting() }
        try FileManager.default.removeItem(atPath: path)
        try store.becomeMaster()
        #expect(try store.put("T", 0, text: "x").queueOffset == 0)
        try store.close()
    }
}
