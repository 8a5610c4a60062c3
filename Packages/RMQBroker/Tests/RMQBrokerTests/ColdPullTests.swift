import CRMQSystem
import Foundation
import Glibc
@testable import RMQBroker
import RMQCommon
import RMQRemoting
import RMQStore
import RMQTestSupport
import Synchronization
import Testing

/// Pulls of what is on the disk only, on a broker with one loop: nobody else may wait for the disk.
@Suite(.takesTurns) struct ColdPullTests {
    /// Whether the file system lets go of a file's pages when asked to. One in memory cannot.
    static let hasDisk: Bool = {
        guard let folder = try? TemporaryFolder() else { return false }
        let descriptor = open(folder.sub("file"), O_RDWR | O_CREAT, 0o600)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        let bytes = [UInt8](repeating: 1, count: 4_096)
        guard write(descriptor, bytes, bytes.count) == bytes.count, evict(descriptor) else { return false }
        guard let base = mmap(nil, bytes.count, PROT_READ, MAP_SHARED, descriptor, 0), base != MAP_FAILED else { return false }
        defer { munmap(base, bytes.count) }
        var page: UInt8 = 0
        return crmq_mincore(base, bytes.count, &page) == 0 && page & 1 == 0
    }()

    private static func evict(_ descriptor: Int32) -> Bool {
        fdatasync(descriptor) == 0 && posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED) == 0
    }

    /// A broker whose first messages are on the disk only, behind so much else that it asks.
    private func withColdMessages(_ change: (inout BrokerConfiguration) -> Void = { _ in }, _ body: (Peer) async throws -> Void) async throws {
        try await withPeer({ $0.eventLoops = 1; $0.store.segmentBytes = 128 << 20; change(&$0) }) { peer in
            for number in 0..<20 { _ = try await peer.send("Old", "\(number)", properties: number == 12 ? "TAGS\u{1}rare\u{2}" : "") }
            let filler = [UInt8](repeating: 7, count: 3 << 20)
            for _ in 0..<24 { #expect(try await peer.ask(.sendMessageV2, Peer.sendFields("Filler"), body: filler).code == 0) }
            // Opened anew, so that no page is mapped; such pages the kernel keeps.
            try peer.restart()
            try evict(peer.storeRoot + "/commitlog")
            try await body(peer)
        }
    }

    private func evict(_ folder: String) throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
            let descriptor = open(folder + "/" + name, O_RDWR)
            try #require(descriptor >= 0)
            defer { close(descriptor) }
            try #require(Self.evict(descriptor))
        }
    }

    /// Keeps all readers of a broker busy until it is opened.
    private func holdUpReaders(_ broker: Broker) throws -> Latch {
        let gate = Latch()
        for _ in 0..<4 { try #require(broker.state.workers.readers.run { gate.wait(for: .generous); gate.open() }) }
        return gate
    }

    @Test(.enabled(if: hasDisk)) func aPullThatWaitsForTheDiskHoldsNobodyUp() async throws {
        try await withColdMessages { peer in
            let gate = try holdUpReaders(peer.broker)
            async let old = peer.pull("Old", from: 0)
            try await eventually("the pull waits for a reader") { peer.broker.state.workers.readers.waitingCount == 1 }
            // The same loop serves on.
            #expect(try await peer.send("New", "x").code == 0)
            #expect(try await peer.pull("New", from: 0).messages.map(\.text) == ["x"])
            gate.open()
            #expect(try await old.messages.map(\.text) == (0..<20).map { "\($0)" })
            // What was read once is in memory.
            let again = try holdUpReaders(peer.broker)
            #expect(try await peer.pull("Old", from: 5).messages.count == 15)
            again.open()
            guard case .histogram(_, let waits, _) = peer.broker.state.statistics.diskWaits.reading else { return }
            #expect(waits.reduce(0, +) == 1, "one of these pulls waited for the disk")
        }
    }

    @Test(.enabled(if: hasDisk)) func aFilterAppliesToWhatIsReadFromTheDisk() async throws {
        try await withColdMessages { peer in
            let answer = try await peer.pull("Old", from: 0, tags: "rare")
            #expect(try answer.messages.map(\.text) == ["12"])
            #expect(answer.fields?["nextBeginOffset"] == "20")
        }
    }

    @Test(.enabled(if: hasDisk)) func anExpressionAppliesToWhatIsReadFromTheDisk() async throws {
        try await withColdMessages({ $0.filtersByExpression = true }) { peer in
            let answer = try await peer.pull("Old", from: 0, changing: ["expressionType": "SQL92", "subscription": "TAGS IN ('rare', 'other')"])
            #expect(try answer.messages.map(\.text) == ["12"])
            #expect(answer.fields?["nextBeginOffset"] == "20")
        }
    }

    /// The disk hangs: nothing can be read, but every client hears that.
    @Test(.enabled(if: hasDisk)) func aPullWaitsOnlySoLongForAReader() async throws {
        try await withColdMessages({ $0.pullWaitMilliseconds = 200 }) { peer in
            let gate = try holdUpReaders(peer.broker)
            for _ in 0..<2 {
                let answer = try await peer.pull("Old", from: 0)
                #expect(answer.responseCode == .systemBusy)
                let remark = answer.remark ?? ""
                #expect(remark.hasPrefix("[TIMEOUT_CLEAN_QUEUE]broker busy, start flow control for a while, period in queue: "), "\(remark)")
                #expect(remark.hasSuffix("; waitTimeMillsInPullQueue is 200 ms"), "\(remark)")
            }
            gate.open()
            try await eventually("the disk reads again") { try await peer.pull("Old", from: 0).messages.count == 20 }
        }
    }

    @Test(.enabled(if: hasDisk)) func aBrokerStopsAndAConnectionEndsWhilePullsWaitForTheDisk() async throws {
        try await withColdMessages { peer in
            let gate = try holdUpReaders(peer.broker)
            let client = peer.anotherClient()
            let pull = Task { try await peer.pull("Old", from: 0, client: client) }
            try await eventually("the pull waits for a reader") { peer.broker.state.workers.readers.waitingCount == 1 }
            client.close()
            await #expect(throws: RemotingError.self) { try await pull.value }
            #expect(try await peer.send("New", "x").code == 0)
            gate.open()
            #expect(try await peer.pull("Old", from: 0).messages.count == 20)
        }
    }
}
