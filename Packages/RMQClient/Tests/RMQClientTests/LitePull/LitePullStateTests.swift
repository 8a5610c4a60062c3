@testable import RMQClient
import RMQCommon
import RMQTestSupport
import Testing

/// What a lite pull consumer holds, step by step and without a broker.
@Suite(.takesTurns) struct LitePullStateTests {
    private static let queue = MessageQueue(topic: "T", brokerName: "a", queueId: 0)
    private static let other = MessageQueue(topic: "T", brokerName: "a", queueId: 1)

    private static func messages(_ offsets: ClosedRange<Int64>, bytes: Int = 1) -> [StoredMessage] {
        offsets.map { StoredMessage(topic: "T", body: [UInt8](repeating: 0, count: bytes), queueOffset: $0) }
    }

    private func hold(_ state: inout LitePullState, _ queue: MessageQueue, at start: Int64? = nil) throws -> UInt64 {
        let holder = state.hold(queue, at: start)
        return try #require(holder)
    }

    private func seek(_ state: inout LitePullState, _ queue: MessageQueue, to offset: Int64) throws -> (old: UInt64, new: UInt64) {
        let holders = state.seek(queue, to: offset)
        return try #require(holders)
    }

    private func state(_ adjust: (inout CacheLimits) -> Void = { _ in }, maxCached: Int = 10_000) -> LitePullState {
        var limits = CacheLimits()
        adjust(&limits)
        return LitePullState(limits: limits, maxCached: maxCached)
    }

    @Test func batchesComeInTheOrderOfTheirPulls() throws {
        var state = state()
        let first = try hold(&state, Self.queue, at: 0)
        let second = try hold(&state, Self.other, at: 5)
        state.add(Self.messages(0...2), from: first, next: 3)
        state.add(Self.messages(5...5), from: second, next: 6)
        state.add(Self.messages(3...3), from: first, next: 4)
        #expect(state.cachedCount == 5)
        var taken: [[Int64]] = []
        while let batch = state.take() { taken.append(batch.messages.map(\.queueOffset)) }
        #expect(taken == [[0, 1, 2], [5], [3]])
        #expect(state.cachedCount == 0)
    }

    @Test func whatWasPolledCountsWithTheNextPoll() throws {
        var state = state()
        let holder = try hold(&state, Self.queue, at: 10)
        #expect(state.counted == [Self.queue: 10])
        state.add(Self.messages(10...12), from: holder, next: 15)
        state.add(Self.messages(15...15), from: holder, next: 16)
        _ = state.take()
        #expect(state.counted == [Self.queue: 10])
        state.countPolled()
        #expect(state.counted == [Self.queue: 15])
        _ = state.take()
        #expect(state.counted == [Self.queue: 15])
        state.countPolled()
        #expect(state.counted == [Self.queue: 16])
    }

    @Test func aQueueWhoseBeginningIsNotKnownCountsNothing() throws {
        var state = state()
        let holder = try hold(&state, Self.queue)
        #expect(state.counted == [:])
        state.begin(holder, at: 7)
        #expect(state.counted == [Self.queue: 7])
        state.begin(holder, at: 3)
        #expect(state.counted == [Self.queue: 7])
    }

    @Test func whatIsNotWantedIsPassedOverWhenNothingBeforeItWaits() throws {
        var state = state()
        let holder = try hold(&state, Self.queue, at: 0)
        state.skip(holder, to: 5)
        #expect(state.counted == [Self.queue: 5])
        state.add(Self.messages(5...5), from: holder, next: 6)
        state.skip(holder, to: 9)
        #expect(state.counted == [Self.queue: 5], "a message waits")
        _ = state.take()
        state.skip(holder, to: 9)
        #expect(state.counted == [Self.queue: 5], "a message was polled and may not be done with")
        state.countPolled()
        #expect(state.counted == [Self.queue: 9])
    }

    @Test func aSeekDropsWhatWasPulledAndWhatIsUnderWay() throws {
        var state = state()
        let before = try hold(&state, Self.queue, at: 0)
        let second = try hold(&state, Self.other, at: 0)
        state.add(Self.messages(0...2), from: before, next: 3)
        state.add(Self.messages(0...0), from: second, next: 1)
        let moved = try seek(&state, Self.queue, to: 50)
        #expect(moved.old == before)
        #expect(state.mayPull(before) == nil)
        state.add(Self.messages(3...4), from: before, next: 5)
        #expect(state.cachedCount == 1)
        let (batch, none) = (state.take(), state.take())
        #expect(batch?.queue == Self.other)
        #expect(none == nil)
        #expect(state.counted[Self.queue] == 50)
        let changes = state.takeChanges()
        #expect(changes.released == [before])
        let stranger = state.seek(MessageQueue(topic: "T", brokerName: "b", queueId: 0), to: 0)
        #expect(stranger == nil)
    }

    @Test func aSeekKeepsAQueuePaused() throws {
        var state = state()
        let holder = try hold(&state, Self.queue, at: 0)
        state.setPaused(true, [Self.queue, Self.other])
        #expect(state.mayPull(holder) == false)
        let moved = try seek(&state, Self.queue, to: 1)
        #expect(state.mayPull(moved.new) == false)
        state.setPaused(false, [Self.queue])
        #expect(state.mayPull(moved.new) == true)
        let changes = state.takeChanges()
        #expect(changes.freed == [moved.new])
    }

    @Test(arguments: ["count", "bytes", "span", "all"]) func pullsPauseAboveALimitAndNotAtIt(limit: String) throws {
        var state = state({ limits in
            limits.messagesPerQueue = limit.isExactly("count") ? 3 : 1_000
            limits.bytesPerQueue = limit.isExactly("bytes") ? 30 : 1_000_000
            limits.maxOffsetSpan = limit.isExactly("span") ? 2 : 2_000
        }, maxCached: limit.isExactly("all") ? 3 : 1_000)
        let holder = try hold(&state, Self.queue, at: 0)
        state.add(Self.messages(0...2, bytes: 10), from: holder, next: 3)
        #expect(state.mayPull(holder) == true)
        state.add(Self.messages(3...3, bytes: 10), from: holder, next: 4)
        #expect(state.mayPull(holder) == false)
        _ = state.takeChanges()
        _ = state.take()
        #expect(state.mayPull(holder) == true)
        let changes = state.takeChanges()
        #expect(changes.freed == [holder])
        #expect(changes.freesAll == limit.isExactly("all"))
    }

    @Test func aMessageLargerThanTheLimitsIsPulledAllTheSame() throws {
        var state = state { $0.bytesPerQueue = 1 }
        let holder = try hold(&state, Self.queue, at: 0)
        #expect(state.mayPull(holder) == true)
        state.add(Self.messages(0...0, bytes: 100), from: holder, next: 1)
        #expect(state.mayPull(holder) == false)
        _ = state.take()
        #expect(state.mayPull(holder) == true)
    }

    @Test func aQueueThatIsGivenUpLeavesNothing() throws {
        var state = state(maxCached: 1)
        let holder = try hold(&state, Self.queue, at: 0)
        state.add(Self.messages(0...4), from: holder, next: 5)
        let found = state.release(Self.queue)
        let released = try #require(found)
        #expect(released.holder == holder)
        #expect(released.counted == 0)
        #expect(state.cachedCount == 0)
        let batch = state.take()
        #expect(batch == nil)
        #expect(state.queues == [])
        let changes = state.takeChanges()
        #expect(changes.freesAll)
        let again = (release: state.release(Self.queue), hold: state.hold(Self.queue, at: 3))
        #expect(again.release == nil)
        #expect(again.hold != holder)
    }

    @Test func whatALoopLeavesBehindIsPolledAgainAndDoesNotCount() throws {
        var state = state()
        let holder = try hold(&state, Self.queue, at: 0)
        state.add(Self.messages(0...3), from: holder, next: 4)
        state.add(Self.messages(4...4), from: holder, next: 5)
        let first = state.take()
        let batch = try #require(first)
        state.putBack(batch, from: 2)
        #expect(state.cachedCount == 3)
        state.countPolled()
        #expect(state.counted == [Self.queue: 2])
        let (rest, next) = (state.take(), state.take())
        #expect(rest?.messages.map(\.queueOffset) == [2, 3])
        #expect(next?.messages.map(\.queueOffset) == [4])
        // Whole batches, and those from before a seek, are not taken back.
        state.putBack(batch, from: 4)
        _ = state.seek(Self.queue, to: 0)
        state.putBack(batch, from: 0)
        let none = state.take()
        #expect(none == nil)
    }

    @Test func nothingIsHeldAfterTheEnd() throws {
        var state = state()
        let holder = try hold(&state, Self.queue, at: 4)
        let counted = state.finish()
        #expect(counted == [Self.queue: 4])
        #expect(state.mayPull(holder) == nil)
        let again = state.hold(Self.queue)
        #expect(again == nil)
        #expect(state.queues == [])
    }

    /// Many batches through one state: what was taken and what waits add up, and the order holds.
    @Test func longRunsKeepOrderAndCounts() throws {
        var random = SeededRandom(seed: 7)
        var state = state()
        let holder = try hold(&state, Self.queue, at: 0)
        var (pulled, polled): (Int64, Int64) = (0, 0)
        for _ in 0..<5_000 {
            if Bool.random(using: &random) {
                let count = Int64.random(in: 1...40, using: &random)
                state.add(Self.messages(pulled...pulled + count - 1), from: holder, next: pulled + count)
                pulled += count
            } else if let batch = state.take() {
                #expect(batch.messages[0].queueOffset == polled)
                polled = batch.next
            }
            #expect(Int64(state.cachedCount) == pulled - polled)
        }
    }
}
