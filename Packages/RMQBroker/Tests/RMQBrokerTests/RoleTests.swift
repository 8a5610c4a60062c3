@testable import RMQBroker
import RMQCommon
import RMQRemoting
import RMQStore
import RMQTestSupport
import Synchronization
import Testing

/// What clients see while the store of a running broker changes its role.
@Suite(.takesTurns) struct RoleTests {
    @Test(arguments: FlushPolicy.allCases) func aStoreThatChangesItsRoleLosesNothing(flush: FlushPolicy) async throws {
        try await withPeer({ $0.store.flush = flush }) { peer in
            let store = peer.broker.state.store
            #expect(try await peer.send("Kept", "0").code == 0)
            for round in 1...5 {
                try store.becomeReplica()
                let refused = try await peer.send("Kept", "no")
                #expect(refused.responseCode == .serviceNotAvailable)
                #expect(refused.remark?.contains("replica") == true, "\(refused.remark ?? "")")
                #expect(try await peer.pull("Kept", from: Int64(round) - 1).messages.map(\.text) == ["\(round - 1)"])
                try store.becomeMaster()
                async let held = peer.pull("Kept", from: Int64(round), holdingMilliseconds: 600_000)
                #expect(try await peer.send("Kept", "\(round)").fields?["queueOffset"] == "\(round)")
                #expect(try await held.messages.map(\.text) == ["\(round)"])
            }
        }
    }

    /// One that waited for a sync of the log is not told of another master's.
    @Test func aSendThatWaitsIsNotAnsweredByAReplica() async throws {
        try await withPeer({ $0.store.flush = .synchronous }) { peer in
            _ = try await peer.createTopic("Split")
            let store = peer.broker.state.store
            let answers: [RemotingCommand] = await withTaskGroup(of: RemotingCommand?.self) { group in
                for number in 0..<200 { group.addTask { try? await peer.send("Split", "\(number)") } }
                group.addTask {
                    try? store.becomeReplica()
                    return nil
                }
                return await group.reduce(into: [RemotingCommand]()) { answers, answer in if let answer { answers.append(answer) } }
            }
            #expect(answers.count == 200)
            let stored = answers.filter { $0.responseCode == .success }
            #expect(answers.allSatisfy { [.success, .serviceNotAvailable].contains($0.responseCode) })
            try store.becomeMaster()
            var texts = Set<String>()
            var next: Int64 = 0
            while case let page = try await peer.pull("Split", from: next), page.responseCode == .success {
                texts.formUnion(try page.messages.map(\.text))
                next = page.fields?["nextBeginOffset"].flatMap { Int64($0) } ?? next + 1
            }
            #expect(texts.count >= stored.count, "what was acknowledged is there")
        }
    }

    /// The loop is busy while the store is a replica, loses the message, gets others to its place, and is a master again.
    @Test(arguments: [true, false]) func aSendIsNotAnsweredByWhatCameToItsPlace(isCut: Bool) async throws {
        let folder = try TemporaryFolder()
        let other = try open(folder.sub("other"))
        let store = try open(folder.sub("store")) { $0.flush = .synchronous }
        for number in 0..<5 { _ = try append("foreign \(number)", to: other) }
        let group = EventLoopGroup(count: 1, name: "sends")
        let loop = group.loops[0]
        let outcomes = Mutex<[String]>([])
        await withCheckedContinuation { done in
            loop.execute { [self] in
                let live = LiveConfiguration(BrokerConfiguration(), clock: Clocks.system.wall)
                let settings = LoopSettings(live) { HostAddress(ipv4: (127, 0, 0, 1), port: 1) }
                let durability = DurabilityWaits(
                    loopIndex: 0, loop: loop, store: store, loops: LoopSet(), answers: WriteAnswers(loop: loop, settings: settings),
                    waiting: WaitingSends())
                func add(_ name: String, _ result: AppendResult) {
                    let completion = WriteCompletion.call { outcome in
                        switch outcome {
                        case .stored(_, let status): outcomes.withLock { $0.append("\(name) \(status)") }
                        case .failed(let refusal): outcomes.withLock { $0.append("\(name) \(refusal.code)") }
                        }
                    }
                    durability.add(WrittenMessage(queueId: 0, result: result), completion, end: result.end)
                }
                do {
                    let lost = try append("lost", to: store), late = try append("of a topic that was not written down", to: store)
                    add("lost", lost)
                    try store.becomeReplica()
                    if isCut {
                        try store.truncate(to: 0)
                        let bytes = try #require(other.bytes(from: 0, maxBytes: 1 << 20))
                        try store.appendRaw(bytes.bytes, at: 0)
                    }
                    try store.becomeMaster()
                    #expect(store.flushedOffset >= lost.end)
                    #expect(store.role == .master)
                    durability.completeConfirmed()
                    let new = try append("new", to: store)
                    #expect(try store.waitUntilConfirmed(new) == .ok)
                    add("new", new)
                    add("late", late)
                    durability.completeConfirmed()
                } catch {
                    Issue.record("\(error)")
                }
                done.resume()
            }
        }
        let refused = "\(ResponseCode.serviceNotAvailable)"
        try await eventually("all are answered") { outcomes.withLock { $0.count } == 3 }
        #expect(outcomes.withLock { $0.sorted() } == ["late \(refused)", "lost \(refused)", "new ok"])
        group.stop()
        for store in [store, other] { try store.close() }
    }

    private func open(_ path: String, _ change: (inout StoreConfiguration) -> Void = { _ in }) throws -> MessageStore {
        var configuration = StoreConfiguration(rootDirectory: path)
        configuration.segmentBytes = 1 << 20
        change(&configuration)
        let store = try MessageStore(configuration, logger: Logger(category: "store", sink: DiscardSink()))
        try store.start()
        return store
    }

    private func append(_ text: String, to store: MessageStore) throws -> AppendResult {
        let host = HostAddress(ipv4: (127, 0, 0, 1), port: 1)
        let attributes = RecordAttributes(bornTimestamp: 1_700_000_000_000, bornHost: host, storeHost: host)
        let encoder = RecordEncoder()
        return try Array(text.utf8).withUnsafeBytes { body in
            let none = UnsafeRawBufferPointer(start: nil, count: 0)
            return try store.append(encoder.encode(queue: store.queueHandle(topic: "T", queueId: 0), attributes: attributes, body: body, properties: none))
        }
    }
}
