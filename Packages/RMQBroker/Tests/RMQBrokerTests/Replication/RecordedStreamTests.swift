@testable import RMQBroker
import RMQCommon
import RMQRemoting
import RMQStore
import RMQTestSupport
import Synchronization
import Testing

/// Our master and our slave against what the reference's slave and master said.
@Suite(.takesTurns) struct RecordedStreamTests {
    /// The recorded master sends; our slave ends with the same log, queues and index, and reports what the recorded slave did, where it has
    /// got so far in one read.
    @Test func aRecordedMasterIsFollowed() async throws {
        let stream = try RecordedStream()
        #expect(stream.recordedBytes > 300_000)
        let connections = stream.connections.map { events in
            events.compactMap { event in if case .frame(let offset, let body) = event { (offset, ScriptedMaster.frame(offset, body)) } else { nil } }
        }
        // Closing may cut off what was not read yet, so the first connection may have to be had in parts.
        let firstEnd: Int64 = 960_090
        let master = try ScriptedMaster(log: stream.log) { _, end in
            let frames = connections[end < firstEnd ? 0 : 1]
            return .init(bytes: frames.filter { $0.0 >= end }.flatMap(\.1), closes: end < firstEnd)
        }
        defer { master.stop() }
        try await withPeer({ configuration in
            configuration.role = .slave
            configuration.brokerId = 1
            configuration.replication.beImpatient()
            configuration.replication.masterAddress = master.address
            configuration.store.segmentBytes = 1 << 20
        }) { slave in
            let log = stream.log
            try await eventually("it has all") { slave.store.dispatchedOffset == log.count }
            let range = try #require(slave.store.bytes(from: 0, maxBytes: log.count))
            #expect(range.bytes.elementsEqual(log))
            for (queue, count) in stream.recordCounts { #expect(slave.store.maxOffset(topic: "HaTopic", queueId: queue) == count) }
            #expect(stream.recordCounts.values.reduce(0, +) == 350)
            try await eventually("it is indexed") {
                let found = slave.store.query(topic: "HaTopic", key: "w7", maxCount: 10, from: 0, to: .max).records
                return try found.first.map { try MessageRecord.decodeAll([UInt8]($0.bytes), decompressing: true).first?.text.hasBytePrefix("with slave 7 ") == true } ?? false
            }
            // The reference's slave said so after each frame.
            let recorded = stream.connections.joined().compactMap { event in if case .report(let offset) = event { offset } else { nil } }
            try await eventually("the last report is the recorded one") { master.reports.last?.last == recorded.last }
            #expect(master.reports.joined().allSatisfy(Set(recorded).contains))
            #expect(master.reports.first?.first == 0 && master.reports.contains { $0.first == firstEnd })
        }
    }

    /// The recorded slave reports; our master sends the recorded frames, with the log growing as it did then. Left out are the heartbeats of
    /// silence, which depend on the clock alone.
    @Test func aRecordedSlaveIsServed() async throws {
        let stream = try RecordedStream()
        try await withPeer({ configuration in
            // A slave without a master: its log grows as the test says, and who follows it is served like a master's.
            configuration.role = .slave
            configuration.brokerId = 1
            configuration.replication.heartbeatInterval = .seconds(3600)
            configuration.store.segmentBytes = 1 << 20
        }) { master in
            for events in stream.connections {
                let slave = try RawSlave(master)
                defer { slave.stop() }
                var expected: [(offset: Int64, body: [UInt8])] = []
                // What was there when it came.
                for event in events.prefix(3) { if case .frame(let offset, let body) = event, !body.isEmpty { try append(body, at: offset, to: master) } }
                for event in events {
                    switch event {
                    case .report(let offset):
                        if let last = expected.last { try await eventually("it was sent that") { slave.frames.last.map { $0.offset + Int64($0.body.count) } ?? 0 >= last.offset + Int64(last.body.count) } }
                        slave.report(offset)
                    case .frame(let offset, let body):
                        if body.isEmpty, !expected.isEmpty { continue }
                        if !body.isEmpty { try append(body, at: offset, to: master) }
                        expected.append((offset, body))
                    }
                }
                let count = expected.count
                try await eventually("all frames came") { slave.frames.count >= count }
                let frames = slave.frames
                #expect(frames.map(\.offset) == expected.map(\.offset))
                #expect(frames.map(\.body) == expected.map(\.body))
                #expect(!slave.isClosed)
            }
            #expect(master.store.maxPhysicalOffset == stream.log.count)
        }
    }

    private func append(_ body: [UInt8], at offset: Int64, to peer: Peer) throws {
        guard offset >= peer.store.maxPhysicalOffset else { return }
        try body.withUnsafeBytes { try peer.store.appendRaw($0, at: offset) }
    }
}
