@testable import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Synchronization
import Testing

/// How the pulls of one queue follow each other.
@Suite(.takesTurns) struct PullCourseTests {
    private func answered(_ course: inout PullCourse, _ pull: PullCourse.Pull, step: Int64, end: Int64) {
        course.answered(pull, next: pull.offset + step, end: end)
    }

    @Test func inAnEvenBacklogTwoPullsAreOnTheirWay() {
        var course = PullCourse(at: 100)
        let first = course.goOn()
        #expect(first.offset == 100)
        #expect(course.wish == nil, "nothing is known yet")
        answered(&course, first, step: 32, end: 1000)
        let second = course.goOn()
        #expect(second.offset == 132)
        #expect(course.wish == nil, "one answer is not even")
        answered(&course, second, step: 32, end: 1000)
        let third = course.goOn(), ahead = course.goOn()
        #expect(third.offset == 164)
        #expect(ahead.offset == 196)
        #expect(course.wish == nil, "two are enough")
        answered(&course, third, step: 32, end: 1000)
        #expect(course.isNext(ahead))
        #expect(course.wish == 228)
    }

    @Test func nothingIsPulledAheadThatIsNotThereForCertain() {
        var course = PullCourse(at: 0)
        for end in [20, 30] as [Int64] { answered(&course, course.goOn(), step: 10, end: end) }
        #expect(course.goOn().offset == 20)
        #expect(course.wish == nil, "the queue ends at 30")
    }

    @Test func anAnswerOfAnotherLengthMakesThePullAheadVain() {
        var course = PullCourse(at: 0)
        for _ in 0..<2 { answered(&course, course.goOn(), step: 10, end: 1000) }
        let next = course.goOn(), ahead = course.goOn()
        answered(&course, next, step: 7, end: 1000)
        #expect(!course.isValid(ahead))
        #expect(!course.isPulling)
        #expect(course.wish == 27)
        for _ in 0..<5 { answered(&course, course.goOn(), step: 10, end: 1000) }
        _ = course.goOn()
        #expect(course.wish == nil, "once was enough")
    }

    @Test func aPullAheadThatFailsLeavesTheOneBeforeItAsItIs() {
        var course = PullCourse(at: 0)
        for _ in 0..<2 { answered(&course, course.goOn(), step: 10, end: 1000) }
        let next = course.goOn(), ahead = course.goOn()
        let isOver = course.failed(ahead)
        #expect(!isOver)
        answered(&course, next, step: 10, end: 1000)
        #expect(course.wish == 30)
        let last = course.goOn()
        #expect(last.offset == 30)
        #expect(course.wish == nil, "none goes ahead any more")
        let isOverWithTheOnlyOne = course.failed(last)
        #expect(isOverWithTheOnlyOne)
    }

    /// Whatever brokers answer: what is taken follows without a gap, and no more than two pulls are on their way.
    @Test func whatIsTakenHasNoGaps() throws {
        var random = try SeededRandom.replayable(5)
        for _ in 0..<300 {
            let end = Int64.random(in: 0...400, using: &random)
            var course = PullCourse(at: 0)
            var flying: [PullCourse.Pull] = []
            var taken: Int64 = 0
            while taken < end {
                while let wish = course.wish, flying.isEmpty || Bool.random(using: &random) {
                    #expect(wish >= taken)
                    #expect(wish < end)
                    flying.append(course.goOn())
                }
                let answer = flying.removeFirst()
                guard course.isValid(answer) else { continue }
                #expect(course.isNext(answer))
                #expect(answer.offset == taken)
                let most: Int64 = Int.random(in: 0..<20, using: &random) == 0 ? 3 : 8
                taken = min(end, answer.offset + most)
                course.answered(answer, next: taken, end: end)
                #expect(flying.filter { course.isValid($0) }.count <= 1)
            }
        }
    }

    @Test(arguments: [(Int64.max - 5, Int64.min, Int64.max), (-10, 5, -1), (0, 0, 0), (5, 3, 100), (0, .max, .max)])
    func offsetsThatMakeNoSenseLeadNowhere(offset: Int64, next: Int64, end: Int64) {
        var course = PullCourse(at: offset)
        for _ in 0..<2 {
            course.answered(course.goOn(), next: next, end: end)
            course.answered(course.goOn(), next: next, end: end)
            #expect(course.wish == next)
            _ = course.goOn()
            #expect(course.wish == nil)
            course = PullCourse(at: offset)
        }
    }

    // MARK: Consumers

    private static let queue = MessageQueue(topic: "T", brokerName: "a", queueId: 0)
    private static let texts = (0..<1500).map { "\($0) " + String(repeating: "x", count: 100) }

    /// A queue with a backlog, whose broker answers pulls in whatever order: so many out of seven come late.
    private func withBacklog(lateOnes: Int, _ body: (FakeCluster, RocketMQClient) async throws -> Void) async throws {
        let pulls = Atomic(0)
        try await withFakeCluster { _, command in
            guard command.requestCode == .pullMessage else { return .usual }
            return pulls.add(1, ordering: .relaxed).newValue % 7 < lateOnes ? .late(.milliseconds(2)) : .usual
        } _: { cluster in
            cluster.fill("T", with: Self.texts)
            try await cluster.withClient { try await body(cluster, $0) }
        }
    }

    @Test(arguments: [1, 7])
    func pollsGetABacklogOnceAndInItsOrder(lateOnes: Int) async throws {
        try await withBacklog(lateOnes: lateOnes) { _, client in
            var settings = LitePullConfiguration()
            settings.start = .first
            let consumer = try await client.makeLitePullConsumer(group: "polls", settings)
            try await consumer.subscribe(to: "T")
            var seen: [String] = []
            try await eventually("all messages") {
                seen += try await consumer.poll(timeout: .milliseconds(50)).map(\.text)
                return seen.count >= Self.texts.count
            }
            #expect(seen == Self.texts)
            await consumer.close()
        }
    }

    @Test(arguments: [1, 7])
    func handlersGetABacklogOnceAndInItsOrder(lateOnes: Int) async throws {
        try await withBacklog(lateOnes: lateOnes) { cluster, client in
            let seen = Lines()
            let consumer = try await client.makePushConsumer(group: "handlers", pushSettings)
            try await consumer.subscribe(to: "T")
            let running = Task {
                try await consumer.runOrdered { messages in
                    for message in messages { seen.add(message.text) }
                    return .success
                }
            }
            try await eventually("all messages") { seen.count >= Self.texts.count }
            #expect(seen.texts == Self.texts)
            await consumer.close()
            try await running.value
            #expect(cluster.offset(of: Self.queue) == Int64(Self.texts.count))
        }
    }

    /// One pull is never answered: what lies behind it is only asked for if another one went ahead.
    @Test func inABacklogAnotherPullIsSentBeforeTheAnswerToTheOneBeforeIt() async throws {
        let unanswered: Int64 = 640
        let furthest = Atomic<Int64>(0)
        try await withFakeCluster { _, command in
            guard command.requestCode == .pullMessage, let header = try? command.header(PullMessageHeader.self) else { return .usual }
            furthest.max(header.queueOffset, ordering: .relaxed)
            return header.queueOffset == unanswered ? .silent : .usual
        } _: { cluster in
            cluster.fill("T", with: Self.texts)
            try await cluster.withClient { client in
                let consumer = try await client.makePushConsumer(group: "ahead", pushSettings)
                try await consumer.subscribe(to: "T")
                let running = Task { try await consumer.run { _ in .success } }
                try await eventually("a pull from behind the one without an answer") { furthest.load(ordering: .relaxed) > unanswered }
                await consumer.close()
                try await running.value
            }
        }
    }

    private var pushSettings: ConsumerConfiguration {
        var settings = ConsumerConfiguration()
        settings.start = .first
        settings.batchSize = 16
        return settings
    }
}
