@testable import RMQClient
import RMQCommon
import RMQTestSupport
import Testing

@Suite(.takesTurns) struct SubscriptionFilterTests {
    @Test(arguments: ["", "*", "  "])
    func everythingMatches(expression: String) throws {
        let filter = try SubscriptionFilter(expression)
        #expect(filter == .all)
        #expect(filter.accepts(tag: nil))
        #expect(filter.accepts(tag: "x"))
    }

    @Test func tagsAreComparedExactlyNotByHash() throws {
        let filter = try SubscriptionFilter("AaAa || green ||")
        #expect(filter == .tags(["AaAa", "green"]))
        // "AaAa" and "BBBB" have the same hash.
        #expect(JavaString.hash("AaAa") == JavaString.hash("BBBB"))
        #expect(filter.accepts(tag: "AaAa"))
        #expect(filter.accepts(tag: "green"))
        #expect(!filter.accepts(tag: "BBBB"))
        #expect(!filter.accepts(tag: nil))
        #expect(!filter.accepts(tag: "gree"))
        #expect(filter.expression == "AaAa || green")
        #expect(filter.tagHashes == [JavaString.hash("AaAa"), JavaString.hash("green")])
    }

    @Test func barsAloneAreAnError() {
        #expect(throws: ClientError.self) { _ = try SubscriptionFilter("||") }
        #expect(throws: ClientError.self) { _ = try SubscriptionFilter(" || || ") }
    }
}

@Suite(.takesTurns) struct RebalanceTests {
    private func queues(_ count: Int32) -> [MessageQueue] {
        (0..<count).map { MessageQueue(topic: "T", brokerName: "a", queueId: $0) }
    }

    @Test(arguments: [
        (8, 3, [[0, 1, 2], [3, 4, 5], [6, 7]]), (2, 3, [[0], [1], []]), (6, 3, [[0, 1], [2, 3], [4, 5]]), (4, 1, [[0, 1, 2, 3]]),
    ] as [(Int32, Int, [[Int32]])])
    func averagedSharesAreThoseOfTheReference(queueCount: Int32, memberCount: Int, expected: [[Int32]]) {
        let members = (0..<memberCount).map { "m\($0)" }
        let shares = members.map { AveragedAllocation().allocate(queues: queues(queueCount), members: members, to: $0).map(\.queueId) }
        #expect(shares == expected)
    }

    @Test func everyQueueHasExactlyOneMemberWhateverTheNumbers() throws {
        for queueCount in Int32(0)...17 {
            for memberCount in 1...9 {
                let members = (0..<memberCount).map { "m\($0)" }
                for allocation in [AveragedAllocation(), CircularAllocation()] as [any QueueAllocation] {
                    let all = try members.flatMap { try allocation.allocate(queues: queues(queueCount), members: members, to: $0) }
                    #expect(all.sorted() == queues(queueCount))
                }
            }
        }
    }

    @Test func membersSortAlikeWhateverOrderTheyCameIn() throws {
        let share = { (members: [String]) in
            try RebalancePlan.share(of: "m2", queues: self.queues(5).reversed(), members: members, allocation: .averaged)
        }
        #expect(try share(["m10", "m2", "m1"]) == share(["m1", "m10", "m2"]))
        #expect(try share(["m1"]) == [])
        #expect(try RebalancePlan.share(of: "x", queues: queues(3), members: nil, allocation: .averaged) == queues(3))
    }

    @Test func thePlanIsTheDifference() {
        let all = queues(4)
        let plan = RebalancePlan(held: all[..<3], mine: Array(all[1...]))
        #expect(plan.dropped == [all[0]])
        #expect(plan.added == [all[3]])
        #expect(RebalancePlan(held: all, mine: all.reversed()).isEmpty)
    }

    @Test func aStuckQueueIsGivenUpAndTakenAnew() {
        let all = queues(4)
        let plan = RebalancePlan(held: all[..<3], stuck: [all[0], all[1]], mine: Array(all[1...]))
        #expect(plan.dropped == [all[0], all[1]])
        #expect(plan.added == [all[1], all[3]])
        #expect(plan.renewed == [all[1]])
    }

    @Test func aQueueIsStuckWhenItsLoopNeitherPullsNorWaitsForRoom() async {
        let now = MonotonicInstant.now
        let assigned = AssignedQueue(queue: queues(1)[0], startOffset: 0, now: now)
        #expect(!assigned.isStuck(now: now + .seconds(119)))
        #expect(assigned.isStuck(now: now + .seconds(121)))
        assigned.loopMoves(now: now + .seconds(100))
        #expect(!assigned.isStuck(now: now + .seconds(219)))
        #expect(assigned.isStuck(now: now + .seconds(221)))
        var limits = CacheLimits()
        limits.messagesPerQueue = 0
        var message = StoredMessage(topic: "T", body: [1])
        message.queueOffset = 7
        #expect(assigned.cache([message]).count == 1)
        let full = limits
        let waiting = Task { await assigned.waitForRoom(full) }
        while assigned.isStuck(now: now + .seconds(10_000)) { await Task.yield() }
        // As long as it waits for room it is not stuck, and afterwards it has just moved.
        let offsets = OffsetTable()
        #expect(assigned.settle(offset: 7, attempt: 0, limits: full, moving: offsets))
        #expect(offsets[assigned.queue] == 8)
        await waiting.value
        #expect(!assigned.isStuck())
    }

    @Test func startRulesFollowTheTable() {
        #expect(StartRule(stored: 5, position: .last, isRetryTopic: false) == .at(5))
        #expect(StartRule(stored: 0, position: .timestamp(9), isRetryTopic: true) == .at(0))
        #expect(StartRule(stored: nil, position: .last, isRetryTopic: false) == .end)
        #expect(StartRule(stored: nil, position: .last, isRetryTopic: true) == .at(0))
        #expect(StartRule(stored: nil, position: .first, isRetryTopic: false) == .at(0))
        #expect(StartRule(stored: nil, position: .timestamp(9), isRetryTopic: false) == .timestamp(9))
        #expect(StartRule(stored: nil, position: .timestamp(9), isRetryTopic: true) == .end)
    }
}

@Suite(.takesTurns) struct QueueCacheTests {
    @Test func theSmallestOpenOffsetIsCommitted() {
        var cache = QueueCache()
        for offset in [Int64(10), 11, 13] { _ = cache.add(offset: offset, bytes: 100) }
        let commits = [Int64(11), 10, 13].map { cache.settle(offset: $0) }
        #expect(commits == [10, 13, 14])
        #expect(cache.isEmpty)
        #expect(cache.bytes == 0)
        let unknown = (cache.settle(offset: 13), cache.settle(offset: 99))
        #expect(unknown.0 == nil)
        #expect(unknown.1 == nil)
    }

    @Test func aHandOutEndsOnce() {
        var cache = QueueCache()
        for offset in [Int64(1), 2] { _ = cache.add(offset: offset, bytes: 1) }
        let first = (cache.retry(offset: 1, attempt: 0), cache.retry(offset: 1, attempt: 0), cache.settle(offset: 1, attempt: 0))
        #expect(first.0)
        #expect(!first.1)
        #expect(first.2 == nil)
        let second = (cache.settle(offset: 2), cache.settle(offset: 1, attempt: 1), cache.settle(offset: 1, attempt: 1))
        #expect(second.0 == 1)
        #expect(second.1 == 3)
        #expect(second.2 == nil)
    }

    @Test func aQueueThatWasTakenAwayMovesNoOffset() {
        let assigned = AssignedQueue(queue: MessageQueue(topic: "T", brokerName: "b", queueId: 0), startOffset: 0)
        let offsets = OffsetTable()
        let messages = (0..<2).map { offset in
            var message = StoredMessage(topic: "T", body: [1])
            message.queueOffset = Int64(offset)
            return message
        }
        #expect(assigned.cache(messages).count == 2)
        #expect(assigned.settle(offset: 0, attempt: 0, limits: CacheLimits(), moving: offsets))
        assigned.drop()
        #expect(assigned.settle(offset: 1, attempt: 0, limits: CacheLimits(), moving: offsets))
        assigned.skip(to: 9, moving: offsets)
        #expect(offsets[assigned.queue] == 1)
    }

    @Test func aMessageIsCachedOnce() {
        var cache = QueueCache()
        let added = [cache.add(offset: 1, bytes: 1), cache.add(offset: 1, bytes: 1), cache.add(offset: 0, bytes: 1)]
        #expect(added == [true, false, false])
    }

    @Test func limitsPausePulling() {
        var limits = CacheLimits()
        limits.messagesPerQueue = 2
        limits.bytesPerQueue = 1000
        limits.maxOffsetSpan = 50
        func isFull(_ messages: [(Int64, Int)]) -> Bool {
            var cache = QueueCache()
            for (offset, bytes) in messages { _ = cache.add(offset: offset, bytes: bytes) }
            return cache.isFull(limits)
        }
        #expect(!isFull([(1, 500), (2, 500)]))
        #expect(isFull([(1, 1), (2, 1), (3, 1)]))
        #expect(isFull([(1, 1001)]))
        #expect(isFull([(1, 1), (52, 1)]))
    }

    @Test func anyOrderOfSettlingEndsBehindTheLastMessage() throws {
        var generator = try SeededRandom.replayable(1)
        for _ in 0..<50 {
            var cache = QueueCache()
            var offsets: [Int64] = []
            var next: Int64 = 0
            for _ in 0..<600 {
                next += Int64.random(in: 1...3, using: &generator)
                offsets.append(next)
                _ = cache.add(offset: next, bytes: 1)
            }
            var open = Set(offsets)
            for offset in offsets.shuffled(using: &generator) {
                open.remove(offset)
                let commit = cache.settle(offset: offset)
                #expect(commit == open.min() ?? next + 1)
            }
        }
    }
}

@Suite(.takesTurns) struct OffsetFileTests {
    /// As the reference wrote it.
    private static let golden = """
        {
        \t"offsetTable":{{
        \t\t\t"brokerName":"golden-a",
        \t\t\t"queueId":3,
        \t\t\t"topic":"GoldenBatch"
        \t\t}:0,{
        \t\t\t"brokerName":"golden-a",
        \t\t\t"queueId":2,
        \t\t\t"topic":"GoldenBatch"
        \t\t}:10
        \t}
        }
        """

    @Test func theReferencesFileIsRead() throws {
        let folder = try TemporaryFolder()
        try SmallFile.replace(folder.path + "/offsets.json", with: Self.golden)
        let offsets = try OffsetFile.load(folder.path + "/offsets.json", logger: .silent)
        #expect(offsets == [
            MessageQueue(topic: "GoldenBatch", brokerName: "golden-a", queueId: 3): 0,
            MessageQueue(topic: "GoldenBatch", brokerName: "golden-a", queueId: 2): 10,
        ])
    }

    @Test func oneBadEntryDoesNotCondemnTheFile() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/offsets.json", sink = MemorySink()
        try SmallFile.replace(path, with: #"{"offsetTable":{{"topic":"T","queueId":1}:5,{"topic":"T","queueId":"x"}:6,{"topic":"T"}:-7,"no queue":8}}"#)
        let offsets = try OffsetFile.load(path, logger: Logger(category: "c", sink: sink))
        #expect(offsets == [MessageQueue(topic: "T", brokerName: "", queueId: 1): 5])
        #expect(sink.messages.count == 3)
        #expect(sink.messages.last?.hasPrefix(#"\#(path): entry "no queue" is left out: "#) == true)
    }

    @Test func whatIsSavedIsLoadedAndOldContentIsKeptBesideIt() throws {
        let folder = try TemporaryFolder()
        let path = OffsetFile.path(directory: folder.path, clientId: "10.0.0.1@fixed", group: "g")
        #expect(try OffsetFile.load(path, logger: .silent).isEmpty)
        let queue = MessageQueue(topic: "T", brokerName: "b", queueId: 1)
        try OffsetFile.save([queue: 41], to: path)
        try OffsetFile.save([queue: 42], to: path)
        #expect(try OffsetFile.load(path, logger: .silent) == [queue: 42])
        try SmallFile.replace(path, with: "{broken")
        #expect(try OffsetFile.load(path, logger: .silent) == [queue: 42])
    }

    @Test func offsetsMoveForwardUnlessTheBrokerCorrectsThem() {
        let table = OffsetTable()
        let queue = MessageQueue(topic: "T", brokerName: "b", queueId: 1)
        table.advance(queue, to: 7)
        table.advance(queue, to: 5)
        #expect(table.takeUnsaved() == [queue: 7])
        #expect(table.takeUnsaved().isEmpty)
        table.reset(queue, to: 3)
        #expect(table.takeUnsaved(of: [queue]) == [queue: 3])
        table.storingFailed([queue])
        #expect(table.takeUnsaved() == [queue: 3])
    }
}
