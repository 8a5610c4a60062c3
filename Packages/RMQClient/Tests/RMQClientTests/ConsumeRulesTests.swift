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

    @Test func aQueueIsStuckWhenItsLoopNeitherPullsNorWaitsForRoom() async throws {
        let now = MonotonicInstant.now
        var full = CacheLimits()
        full.messagesPerQueue = 0
        let assigned = AssignedQueue(queue: queues(1)[0], startOffset: 0, limits: full, now: now)
        #expect(!assigned.isStuck(now: now + .seconds(119)))
        #expect(assigned.isStuck(now: now + .seconds(121)))
        assigned.loopMoves(now: now + .seconds(100))
        #expect(!assigned.isStuck(now: now + .seconds(219)))
        #expect(assigned.isStuck(now: now + .seconds(221)))
        let run = try #require(assigned.cache(pulled([7])))
        let waiting = Task { await assigned.waitForRoom() }
        while assigned.isStuck(now: now + .seconds(10_000)) { await Task.yield() }
        // As long as it waits for room it is not stuck, and afterwards it has just moved.
        let offsets = OffsetTable()
        #expect(run.settle(0, run.handOut(0, now: 1)))
        assigned.advance(moving: offsets)
        #expect(offsets[assigned.queue] == 8)
        await waiting.value
        #expect(!assigned.isStuck())
    }

    @Test func aPausedQueueIsNotPulledAndNotStuck() async {
        let now = MonotonicInstant.now
        let assigned = AssignedQueue(queue: queues(1)[0], startOffset: 0, isPaused: true, now: now)
        let waiting = Task { await assigned.waitForRoom() }
        while assigned.isStuck(now: now + .seconds(10_000)) { await Task.yield() }
        assigned.adjust(isPaused: false)
        await waiting.value
        #expect(assigned.isStuck(now: now + .seconds(10_000)))
    }

    @Test func theLimitsOfATopicAreSharedOutAmongItsQueues() {
        var limits = CacheLimits()
        #expect(limits.shared(by: 4).messagesPerQueue == 1000)
        (limits.messagesPerTopic, limits.bytesPerTopic) = (100, 4000)
        let shared = limits.shared(by: 3)
        #expect(shared.messagesPerQueue == 33)
        #expect(shared.bytesPerQueue == 1333)
        #expect(limits.shared(by: 1000).messagesPerQueue == 1)
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

/// Messages as a pull brings them.
private func pulled(_ offsets: [Int64], bytes: Int = 1) -> [StoredMessage] {
    offsets.map { offset in
        var message = StoredMessage(topic: "T", body: [UInt8](repeating: 1, count: bytes))
        message.queueOffset = offset
        return message
    }
}

@Suite(.takesTurns) struct QueueCacheTests {
    private let queue = AssignedQueue(queue: MessageQueue(topic: "T", brokerName: "b", queueId: 0), startOffset: 0)

    @Test func theSmallestOpenOffsetIsCommitted() throws {
        var cache = QueueCache()
        let first = cache.commitOffset()
        #expect(first == nil)
        let runAdded = cache.add(pulled([10, 11, 13], bytes: 100), of: queue)
        let run = try #require(runAdded)
        let marks = run.messages.indices.map { run.handOut($0, now: 1) }
        var commits: [Int64?] = []
        for index in [1, 0, 2] {
            #expect(run.settle(index, marks[index]))
            commits.append(cache.commitOffset())
        }
        #expect(commits == [10, 13, 14])
        let isEmpty = cache.isEmpty()
        #expect(isEmpty)
        #expect(cache.byteCount == 0)
        #expect(!run.settle(2, marks[2]))
    }

    @Test func aHandOutEndsOnce() throws {
        let run = PulledRun(pulled([1, 2]), of: queue)
        let first = run.handOut(0, now: 1)
        let returning = try #require(run.beginReturn(0, first))
        #expect(run.beginReturn(0, first) == nil)
        #expect(!run.settle(0, first))
        #expect(run.openCount == 2)
        run.fail(0, returning)
        #expect(run.mark(of: 0).kind == .waiting)
        let second = run.handOut(0, attempt: run.mark(of: 0).attempt, now: 1)
        #expect(!run.settle(0, first))
        #expect(!run.settle(0, returning))
        #expect(run.message(0, attempt: second.attempt).reconsumeTimes == 1)
        #expect(run.settle(0, second))
        #expect(!run.settle(0, second))
        #expect(run.openCount == 1)
    }

    @Test func aQueueThatWasTakenAwayMovesNoOffset() throws {
        let offsets = OffsetTable()
        let run = try #require(queue.cache(pulled([0, 1])))
        let marks = [0, 1].map { run.handOut($0, now: 1) }
        #expect(run.settle(0, marks[0]))
        queue.drop(moving: offsets)
        #expect(run.settle(1, marks[1]))
        queue.advance(moving: offsets)
        queue.skip(to: 9, moving: offsets)
        #expect(offsets[queue.queue] == 1)
        #expect(queue.cache(pulled([2])) == nil)
    }

    @Test func aQueueThatWasTakenAwayHandsOutNothing() throws {
        let run = try #require(queue.cache(pulled([0, 1])))
        #expect(run.claim(atMost: 1) == 0..<1)
        queue.drop(moving: OffsetTable())
        #expect(run.claim(atMost: 1) == nil)
    }

    /// No broker sends them; they must not end the process.
    @Test func offsetsThatCannotBeAreLeftOut() {
        var cache = QueueCache()
        let run = cache.add(pulled([5, 3, 7, .min, 7, .max], bytes: 1), of: queue)
        #expect(run?.messages.map(\.queueOffset) == [5, 7])
        #expect(cache.offsets == 5...7)
        let none = cache.add(pulled([.max], bytes: 1), of: queue)
        #expect(none == nil)
    }

    @Test func aMessageIsCachedOnce() {
        var cache = QueueCache()
        let added = [[Int64(1)], [1], [0], [1, 2]].map { cache.add(pulled($0), of: queue)?.messages.map(\.queueOffset) }
        #expect(added == [[1], nil, nil, [2]])
    }

    @Test func messagesAreTakenOnceAndInOrder() {
        let run = PulledRun(pulled([1, 2, 3, 4, 5]), of: queue)
        #expect(run.claim(atMost: 2) == 0..<2)
        #expect(run.hasUnclaimed)
        #expect(run.claim(atMost: 2) == 2..<4)
        #expect(run.claim(atMost: 2) == 4..<5)
        #expect(run.claim(atMost: 2) == nil)
        #expect(!run.hasUnclaimed)
    }

    @Test func limitsPausePulling() {
        var limits = CacheLimits()
        limits.messagesPerQueue = 2
        limits.bytesPerQueue = 1000
        limits.maxOffsetSpan = 50
        func isFull(_ messages: [StoredMessage]) -> Bool {
            var cache = QueueCache()
            for message in messages { _ = cache.add([message], of: queue) }
            return cache.isFull(limits)
        }
        #expect(!isFull(pulled([1, 2], bytes: 500)))
        #expect(isFull(pulled([1, 2, 3])))
        #expect(isFull(pulled([1], bytes: 1001)))
        #expect(isFull(pulled([1, 52])))
    }

    /// What is on its way here counts as if it were here.
    @Test func whatComesSoonPausesPulling() {
        var limits = CacheLimits()
        limits.messagesPerQueue = 4
        limits.bytesPerQueue = 1000
        limits.maxOffsetSpan = 50
        func isFull(_ messages: [StoredMessage], beside offsets: ClosedRange<Int64>, bytes: Int = 10) -> Bool {
            var cache = QueueCache()
            _ = cache.add(messages, of: queue)
            return cache.isFull(limits, beside: ComingMessages(offsets: offsets, bytes: bytes))
        }
        #expect(!isFull(pulled([1, 2], bytes: 400), beside: 3...4))
        #expect(isFull(pulled([1, 2]), beside: 3...5))
        #expect(isFull(pulled([1, 2], bytes: 400), beside: 3...3, bytes: 201))
        #expect(isFull(pulled([1]), beside: 52...52))
        #expect(isFull([], beside: 1...5))
        #expect(!isFull([], beside: 1...4))
    }

    @Test func bytesThatAreSettledMakeRoom() throws {
        var limits = CacheLimits()
        limits.bytesPerQueue = 1000
        var cache = QueueCache()
        let runAdded = cache.add(pulled([1, 2, 3], bytes: 400), of: queue)
        let run = try #require(runAdded)
        let before = cache.isFull(limits)
        #expect(before)
        run.settle(1, run.handOut(1, now: 1))
        let after = cache.isFull(limits)
        #expect(!after)
    }

    @Test func theOldestOpenMessagesComeFirstWhereOrderCounts() throws {
        var cache = QueueCache()
        let firstAdded = cache.add(pulled([1, 2, 3]), of: queue)
        let first = try #require(firstAdded)
        _ = cache.add(pulled([4, 5]), of: queue)
        first.settle(1, first.handOut(1, now: 1))
        let (some, all) = (cache.open(atMost: 3), cache.open(atMost: 9))
        #expect(some.map { $0.run.messages[$0.index].queueOffset } == [1, 3, 4])
        #expect(all.count == 4)
    }

    @Test func onlyWhatIsInHandForLongIsGivenBack() {
        let run = PulledRun(pulled([1, 2, 3]), of: queue)
        _ = run.handOut(0, now: 100)
        let late = run.handOut(1, now: 300)
        #expect(run.inHand(before: 100).isEmpty)
        #expect(run.inHand(before: 300).map(\.index) == [0])
        #expect(run.inHand(before: 301).map(\.index) == [0, 1])
        run.settle(1, late)
        #expect(run.inHand(before: 301).map(\.index) == [0])
    }

    @Test func anyOrderOfSettlingEndsBehindTheLastMessage() throws {
        var generator = try SeededRandom.replayable(1)
        for _ in 0..<50 {
            var cache = QueueCache()
            var next: Int64 = 0
            var places: [(run: PulledRun, index: Int, offset: Int64)] = []
            while places.count < 600 {
                let offsets = (0..<Int.random(in: 1...40, using: &generator)).map { _ in
                    next += Int64.random(in: 1...3, using: &generator)
                    return next
                }
                let runAdded = cache.add(pulled(offsets), of: queue)
                let run = try #require(runAdded)
                places += offsets.enumerated().map { (run, $0.offset, $0.element) }
            }
            var open = Set(places.map(\.offset))
            for (run, index, offset) in places.shuffled(using: &generator) {
                open.remove(offset)
                run.settle(index, run.handOut(index, now: 1))
                let commit = cache.commitOffset()
                #expect(commit == open.min() ?? next + 1)
                #expect(cache.count == open.count)
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
