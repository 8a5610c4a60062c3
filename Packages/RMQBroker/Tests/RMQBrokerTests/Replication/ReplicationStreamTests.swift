import Glibc
@testable import RMQBroker
import RMQCommon
import RMQRemoting
@testable import RMQStore
import RMQTestSupport
import Synchronization
import Testing

/// The stream itself: peers that say what they should not, networks that cut and spoil it.
@Suite(.takesTurns) struct ReplicationStreamTests {
    /// The log of a broker that got `count` messages, and where each begins.
    private func log(_ count: Int) async throws -> (bytes: [UInt8], starts: [Int]) {
        let result = Mutex<(bytes: [UInt8], starts: [Int])>(([], []))
        try await withPeer { peer in
            _ = try await peer.createTopic("T")
            try await peer.send("T", 0..<count)
            let range = try #require(peer.store.bytes(from: 0, maxBytes: 1 << 20))
            let starts = peer.store.recordOffsets(from: 0).map { Int($0) }
            result.withLock { $0 = (Array(range.bytes), starts) }
        }
        return result.withLock { $0 }
    }

    private func withSlave(
        of master: ScriptedMaster, logger: Logger = quiet, _ change: (inout BrokerConfiguration) -> Void = { _ in }, _ body: (Peer) async throws -> Void
    ) async throws {
        defer { master.stop() }
        try await withPeer(logger: logger, { configuration in
            configuration.role = .slave
            configuration.brokerId = 1
            configuration.replication.beImpatient()
            configuration.replication.longestPause = .milliseconds(20)
            configuration.replication.masterAddress = master.address
            configuration.store.segmentBytes = 1 << 20
            change(&configuration)
        }, body)
    }

    // MARK: As a slave

    /// The connection ends behind every byte of a header, and behind some of the body.
    @Test func aStreamThatIsCutAnywhereGoesOnWhereItWas() async throws {
        let (bytes, starts) = try await log(3)
        let whole = ScriptedMaster.frame(0, bytes[..<starts[1]])
        let second = ScriptedMaster.frame(Int64(starts[1]), bytes[starts[1]..<starts[2]])
        let cuts = Array(0...ReplicationHeader.byteCount) + [ReplicationHeader.byteCount + 50, second.count - 1]
        let master = try ScriptedMaster(log: bytes) { connection, end in
            let rest = ScriptedMaster.frame(end, bytes[Int(end)...])
            guard connection < cuts.count else { return .init(bytes: rest) }
            return .init(bytes: (end == 0 ? whole : []) + second[..<cuts[connection]], closes: true)
        }
        try await withSlave(of: master) { slave in
            try await eventually("it has all") { slave.store.dispatchedOffset == bytes.count }
            #expect(try slave.storedTexts("T") == ["0", "1", "2"])
            #expect(master.reports.dropFirst().prefix(cuts.count).allSatisfy { $0.first == Int64(starts[1]) })
        }
    }

    /// Cut frames of any size give the same log: they know nothing of records.
    @Test(arguments: [1, 7, 150, 32_768]) func framesMayEndAnywhere(size: Int) async throws {
        let (bytes, _) = try await log(20)
        let master = try ScriptedMaster(log: bytes) { _, end in
            var stream: [UInt8] = []
            for start in stride(from: Int(end), to: bytes.count, by: size) {
                let next = min(start + size, bytes.count)
                stream += ScriptedMaster.frame(Int64(start), bytes[start..<next])
                // Heartbeats between them.
                if start % 3 == 0 { stream += ScriptedMaster.frame(Int64(next), []) }
            }
            return .init(bytes: stream)
        }
        try await withSlave(of: master) { slave in
            try await eventually("it has all") { slave.store.dispatchedOffset == bytes.count }
            #expect(try slave.storedTexts("T") == (0..<20).map { "\($0)" })
            #expect(master.reports.count == 1)
            let reports = master.reports[0]
            #expect(reports == reports.sorted(), "a report never goes back")
            try await eventually("it says that it has all") { master.reports[0].last == Int64(bytes.count) }
        }
    }

    /// A bit is another one on the way: in the header, or in what the record says of itself. It is never stored as good.
    @Test func whatWasSpoiledOnTheWayComesAgain() async throws {
        let (bytes, starts) = try await log(40)
        // Magic, size, place in the log, checksum, body.
        let ofRecord: [Int] = [0, 3, 4, 7, 8, 11, 28, 35, 84, 87, 88]
        let spoiled: [Int] = Array(0..<12) + ofRecord.map { 12 + $0 }
        let sent = Mutex<Set<Int>>([])
        let master = try ScriptedMaster(log: bytes) { _, end in
            // One record at a time; the first time it is another one.
            guard let index = starts.firstIndex(of: Int(end)), index < spoiled.count else { return .init(bytes: ScriptedMaster.frame(end, bytes[Int(end)...])) }
            var frame = ScriptedMaster.frame(end, bytes[Int(end)..<starts[index + 1]])
            if sent.withLock({ $0.insert(index).inserted }) {
                frame[spoiled[index]] ^= 0x10
                // What follows is no frame for who lost count.
                return .init(bytes: frame + ScriptedMaster.frame(Int64(starts[index + 1]), []))
            }
            return .init(bytes: frame, closes: true)
        }
        try await withSlave(of: master, { $0.replication.housekeepingInterval = .milliseconds(400) }) { slave in
            try await eventually("it has all") { slave.store.dispatchedOffset == bytes.count }
            #expect(try slave.storedTexts("T") == (0..<40).map { "\($0)" })
            let range = try #require(slave.store.bytes(from: 0, maxBytes: bytes.count))
            #expect(range.bytes.elementsEqual(bytes))
        }
    }

    /// The first half of a record was spoiled and is stored already when the second half shows that.
    @Test func theUnfinishedRecordIsTakenBackWhenItIsNone() async throws {
        let (bytes, starts) = try await log(3)
        let master = try ScriptedMaster(log: bytes) { connection, end in
            guard connection == 0 else { return .init(bytes: ScriptedMaster.frame(end, bytes[Int(end)...])) }
            var damaged = bytes
            damaged[starts[1] + 88] ^= 1
            let middle = starts[1] + 100
            return .init(bytes: ScriptedMaster.frame(0, damaged[..<middle]) + ScriptedMaster.frame(Int64(middle), damaged[middle...]))
        }
        try await withSlave(of: master) { slave in
            try await eventually("it has all") { slave.store.dispatchedOffset == bytes.count }
            #expect(try slave.storedTexts("T") == ["0", "1", "2"])
            #expect(master.reports[1].first == Int64(starts[1]))
        }
    }

    /// A master that went away had closed its segment; the next one still found room in it. What closed it was no message, so nothing is lost.
    @Test func theEndOfASegmentIsTakenBackWhenTheNextMasterWentOnInIt() async throws {
        let (whole, lastEnd, count) = try await logOverASegment()
        let segment = Array(whole[..<(1 << 20)])
        // The next master's: the same records, and a small one in the place of the filler.
        let (small, _) = try await log(1)
        let next = Array(whole[..<lastEnd]) + moved(small, to: lastEnd, number: count)
        let master = try ScriptedMaster(log: segment) { connection, end in
            connection == 0 ? .init(bytes: ScriptedMaster.frame(0, segment)) : .init(bytes: ScriptedMaster.frame(end, next[Int(end)...]))
        }
        try await withSlave(of: master, { $0.replication.housekeepingInterval = .milliseconds(400) }) { slave in
            try await eventually("it has the segment") { master.reports.joined().contains(1 << 20) }
            master.setLog(next)
            try await eventually("it has what the next one wrote") { slave.store.dispatchedOffset == next.count }
            #expect(master.reports.dropFirst().contains { $0.first == Int64(lastEnd) })
            let range = try #require(slave.store.bytes(from: 0, maxBytes: next.count))
            #expect(range.bytes.elementsEqual(next))
        }
    }

    /// A log of which the first segment ends with a filler, where that begins, and how many messages are before it.
    private func logOverASegment() async throws -> (bytes: [UInt8], lastEnd: Int, count: Int) {
        let result = Mutex<(bytes: [UInt8], lastEnd: Int, count: Int)>(([], 0, 0))
        try await withPeer({ $0.store.segmentBytes = 1 << 20 }) { peer in
            _ = try await peer.createTopic("T")
            for number in 0..<20 { _ = try await peer.send("T", "\(number) " + String(repeating: "x", count: 60_000)) }
            try #require(peer.store.maxPhysicalOffset > 1 << 20)
            let starts = peer.store.recordOffsets(from: 0)
            let last = try #require(starts.last)
            let record = try #require(peer.store.record(at: last))
            let range = try #require(peer.store.bytes(from: 0, maxBytes: 1 << 20))
            let bytes = Array(range.bytes)
            let end = Int(last) + record.bytes.count
            result.withLock { $0 = (bytes, end, starts.count) }
        }
        return result.withLock { $0 }
    }

    /// A record as it would be at another place of its queue and of the log.
    private func moved(_ record: [UInt8], to offset: Int, number: Int) -> [UInt8] {
        var record = record
        record.replaceSubrange(20..<28, with: withUnsafeBytes(of: Int64(number).bigEndian) { [UInt8]($0) })
        record.replaceSubrange(28..<36, with: withUnsafeBytes(of: Int64(offset).bigEndian) { [UInt8]($0) })
        return record
    }

    @Test func aMasterWithOtherSegmentsIsNotFollowed() async throws {
        try await withReplicaSet { set in
            let master = try set.start(.asyncMaster) { $0.store.segmentBytes = 1 << 17 }
            for number in 0..<4 { _ = try await master.send("T", "\(number) " + String(repeating: "x", count: 50_000)) }
            let sink = MemorySink()
            let slave = try set.start(.slave, id: 1, logger: Logger(category: "test", level: .warning, sink: sink))
            try await eventually("it stops") { if case .stopped = slave.broker.state.replication.link { true } else { false } }
            try await eventually("the log says what to do") { sink.records.contains { $0.level == .error && $0.message.containsBytes(of: "mappedFileSizeCommitLog") } }
            #expect(slave.store.maxPhysicalOffset == 0)
        }
    }

    /// It was the same while there was one segment.
    @Test func aMasterWhoseSegmentsEndElsewhereIsFollowedNoFurther() async throws {
        try await withReplicaSet { set in
            let master = try set.start(.asyncMaster) { $0.store.segmentBytes = 1 << 17 }
            try await master.send("T", 0..<2)
            let slave = try set.start(.slave, id: 1)
            try await slave.follows(master)
            for number in 0..<4 { _ = try await master.send("T", "\(number) " + String(repeating: "x", count: 50_000)) }
            try await eventually("it stops") { if case .stopped = slave.broker.state.replication.link { true } else { false } }
            #expect(slave.store.maxPhysicalOffset < 1 << 17)
        }
    }

    @Test(arguments: [
        [UInt8](repeating: 0xFF, count: 12), ScriptedMaster.frame(7, [1, 2, 3]), ScriptedMaster.frame(0, [UInt8](repeating: 0xAB, count: 200)),
        ScriptedMaster.frame(-8, []), [0, 0, 0, 0, 0, 0, 0, 0, 0x7F, 0xFF, 0xFF, 0xFF],
    ])
    func aMasterThatSendsGarbageChangesNothing(garbage: [UInt8]) async throws {
        let (bytes, _) = try await log(2)
        let master = try ScriptedMaster(log: bytes) { connection, end in .init(bytes: connection < 3 ? garbage : ScriptedMaster.frame(end, bytes)) }
        try await withSlave(of: master, { $0.replication.pauseOnDifference = .milliseconds(20) }) { slave in
            try await eventually("it has what came then") { slave.store.dispatchedOffset == bytes.count }
            #expect(try slave.storedTexts("T") == ["0", "1"])
        }
    }

    @Test func aMasterThatSaysNothingIsLeft() async throws {
        let master = try ScriptedMaster { _, _ in .init(bytes: []) }
        try await withSlave(of: master, { $0.replication.housekeepingInterval = .milliseconds(300) }) { slave in
            try await eventually("it tried again") { master.reports.count >= 2 }
            #expect(master.reports[0].count >= 2, "it reported again meanwhile")
            #expect(slave.store.maxPhysicalOffset == 0)
        }
    }

    // MARK: As a master

    @Test(arguments: [
        Array("GET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8), [UInt8](repeating: 0xFF, count: 8), [0, 0, 0, 0, 0, 0, 0xFF, 0xFF],
        // A slave that says that it has what it was not sent.
        [0, 0, 0, 0, 0, 0, 0, 0, 0x70, 0, 0, 0, 0, 0, 0, 0],
    ])
    func aPeerThatIsNoSlaveIsClosed(garbage: [UInt8]) async throws {
        try await withPeer { peer in
            _ = try await peer.createTopic("T")
            try await peer.send("T", 0..<5)
            let slave = try RawSlave(peer)
            defer { slave.stop() }
            slave.say(garbage)
            try await eventually("it is closed") { slave.isClosed }
            #expect(try await peer.send("T", "5").responseCode == .success)
        }
    }

    @Test func aReportMayComeByteByByte() async throws {
        try await withPeer { peer in
            _ = try await peer.createTopic("T")
            try await peer.send("T", 0..<5)
            let slave = try RawSlave(peer)
            defer { slave.stop() }
            for byte in [UInt8](repeating: 0, count: 8) {
                slave.say([byte])
                // A packet each: the broker answers another connection in between.
                _ = try await peer.ask(.getMaxOffset, ["topic": "T", "queueId": "0"])
            }
            try await eventually("it gets the log") { slave.frames.map(\.body.count).reduce(0, +) == Int(peer.store.maxPhysicalOffset) }
            #expect(slave.frames.first.map { $0.offset == 0 && $0.body.isEmpty } == true, "a heartbeat comes first, as at the reference")
        }
    }

    @Test func aPeerThatSaysNothingIsClosed() async throws {
        try await withPeer({ $0.replication.housekeepingInterval = .milliseconds(200) }) { peer in
            let slave = try RawSlave(peer)
            defer { slave.stop() }
            try await eventually("it is closed") { slave.isClosed }
            #expect(slave.received.isEmpty)
        }
    }

    @Test func onlyListedAddressesMayFollow() async throws {
        try await withPeer({ $0.replication.allowedAddresses = AddressList("10.0.0.1;10.1.*.*")! }) { peer in
            let slave = try RawSlave(peer)
            defer { slave.stop() }
            try await eventually("it is closed") { slave.isClosed }
        }
        try await withPeer({ $0.replication.allowedAddresses = AddressList("10.0.0.1; 127.0.0.*")! }) { peer in
            let slave = try RawSlave(peer)
            defer { slave.stop() }
            slave.report(0)
            try await eventually("it is served") { !slave.received.isEmpty }
        }
    }

    /// What waits for a slave that does not read is bounded, and no other slave waits for it.
    @Test func aSlaveThatDoesNotReadCostsLittle() async throws {
        try await withReplicaSet { set in
            let master = try set.start(.asyncMaster) { $0.store.segmentBytes = 64 << 20 }
            let silent = try SilentSocket(port: master.broker.state.replication.listenPort)
            silent.send([UInt8](repeating: 0, count: 8))
            try await eventually("the master has heard it") { !master.broker.state.replication.slaves.all.isEmpty }
            let text = String(repeating: "x", count: 1 << 20)
            for _ in 0..<32 { _ = try await master.send("T", text) }
            let slave = try set.start(.slave, id: 1) { $0.store.segmentBytes = 64 << 20 }
            try await slave.follows(master)
            // The kernel takes some MiB for both sides.
            let sent = try #require(master.broker.state.replication.slaves.all.first)
            #expect(sent.sentOffset < 24 << 20 && sent.acknowledgedOffset == 0)
        }
    }

    /// All of the log counts as one that is not in memory.
    @Test func aSlaveGetsWhatIsOnTheDiskOnly() async throws {
        try await withReplicaSet { set in
            let master = try set.start(.asyncMaster) { $0.store.recentBytes = -1 }
            try await master.send("T", 0..<3)
            let slave = try set.start(.slave, id: 1)
            try await slave.follows(master)
            slave.broker.stop()
            // More than what is read at once, over several segments.
            for number in 3..<120 { _ = try await master.send("T", "\(number) " + String(repeating: "x", count: 60_000)) }
            try slave.restart()
            try await slave.follows(master)
            _ = try await master.send("T", "120")
            try await slave.follows(master)
            #expect(try slave.storedTexts("T").map { $0.prefix { $0 != " " } } == (0..<121).map { "\($0)" })
        }
    }

    /// Consumers' pulls wait for a disk that hangs.
    @Test func aSlaveWaitsForNoPull() async throws {
        try await withReplicaSet { set in
            let master = try set.start(.asyncMaster) { $0.store.recentBytes = -1 }
            for number in 0..<20 { _ = try await master.send("T", "\(number) " + String(repeating: "x", count: 60_000)) }
            let gate = Latch()
            defer { gate.open() }
            for _ in 0..<Workers.threadLimit { try #require(master.broker.state.workers.readers.run { gate.wait(for: .generous); gate.open() }) }
            let slave = try set.start(.slave, id: 1)
            try await slave.follows(master)
        }
    }

    /// What was written before the broker started may be on the disk only, however near the log's end.
    @Test func whatAnEarlierBrokerWroteIsReadByAWorker() async throws {
        try await withPeer { peer in
            for number in 0..<3 { _ = try await peer.send("T", "\(number)") }
            try peer.restart()
            let store = peer.store
            let loops = EventLoopGroup(count: 1, name: "master")
            defer { loops.stop() }
            let reader = WorkerPool(name: "slave read", threadLimit: 1, queueLimit: 1)
            defer { reader.stop() }
            let came = Latch()
            let seen = Mutex<[Int]>([])
            let ahead = LoopBound(LogReadAhead(store, readers: reader, loop: loops.loops[0]) { came.open() }, loop: loops.loops[0])
            let look: @Sendable (Int64) -> Void = { offset in ahead.post { ahead in seen.withLock { $0.append(ahead.available(from: offset)) } } }
            look(0)
            came.wait(for: .generous)
            look(0)
            let end = store.maxPhysicalOffset
            // Where the log ends, there is nothing to wait for.
            look(end)
            _ = try await peer.send("T", "3")
            look(end)
            try await eventually("it was asked") { seen.withLock { $0.count } == 4 }
            #expect(seen.withLock { $0 } == [0, 4 << 20, .max, .max])
        }
    }

    @Test func aSlaveMayBeSentSoMuchASecond() async throws {
        try await withReplicaSet { set in
            let master = try set.start(.asyncMaster) { $0.replication.bytesPerSecond = 1 << 20 }
            let text = String(repeating: "x", count: 100_000)
            for _ in 0..<6 { _ = try await master.send("T", text) }
            let start = MonotonicInstant.now
            let slave = try set.start(.slave, id: 1)
            try await slave.follows(master)
            #expect(MonotonicInstant.now - start > .milliseconds(400))
        }
    }

    private final class SilentSocket {
        private let descriptor: Int32

        init(port: UInt16) throws {
            descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            let connected = withUnsafeBytes(of: &address) {
                connect(descriptor, $0.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t(MemoryLayout<sockaddr_in>.size))
            }
            try #require(connected == 0)
        }

        deinit { close(descriptor) }

        func send(_ bytes: [UInt8]) { _ = bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress!, $0.count, Int32(MSG_NOSIGNAL)) } }
    }
}
