@testable import RMQBench
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

@Suite(.takesTurns) struct IdleLimitTests {
    @Test func onlySilenceCounts() {
        let second: Int64 = 1_000_000_000
        var idle = IdleLimit(.seconds(30), now: 100 * second)
        var reached: [Bool] = []
        // Nothing at first, a message at 129 s, another at 158 s, then silence.
        for (count, time) in [(0, 129), (1, 129), (1, 158), (2, 158), (2, 187), (2, 188)] as [(Int64, Int64)] {
            reached.append(idle.isReached(count: count, now: time * second))
        }
        #expect(reached == [false, false, false, false, false, true])
    }
}

@Suite(.takesTurns) struct PaceTests {
    @Test func sendsAreDueAtEvenTimes() {
        var pace = Pace(rate: 3, start: 1000)
        let times = (0..<5).compactMap { _ in pace.take(now: .max) }
        #expect(times == [1000, 333_334_333, 666_667_666, 1_000_001_000, 1_333_334_333])
    }

    @Test func nothingIsTakenBeforeItIsDue() {
        var pace = Pace(rate: 1000, start: 0)
        let taken = [0, 999_999, 1_000_000].map { pace.take(now: $0) }
        #expect(taken == [0, nil, 1_000_000])
        #expect(pace.next == 2_000_000)
    }

    /// After a stall everything is due at once, each with its own time.
    @Test func whatIsLateKeepsItsTime() {
        var pace = Pace(rate: 1000, start: 0)
        let now: Int64 = 5_000_000
        var times: [Int64] = []
        while let due = pace.take(now: now) { times.append(due) }
        #expect(times == [0, 1_000_000, 2_000_000, 3_000_000, 4_000_000, 5_000_000])
        #expect(pace.waiting(now: now) == 0)
    }

    @Test(arguments: [1, 3, 7, 1000, 99_991])
    func asManyWaitAsCanBeTaken(rate: Int) {
        for now in [-1, 0, 1, 99, 333_333_332, 333_333_333, 1_000_000_007] as [Int64] {
            var pace = Pace(rate: rate, start: 0)
            for _ in 0..<2 { _ = pace.take(now: now) }
            let waiting = pace.waiting(now: now)
            var taken = 0
            while pace.take(now: now) != nil { taken += 1 }
            #expect(waiting == taken, "rate \(rate), \(now) ns")
        }
    }

    @Test func aLongRunDoesNotOverflow() {
        let day: Int64 = 86_400 * 1_000_000_000
        let pace = Pace(rate: 10_000_000, start: 0)
        #expect(pace.waiting(now: 365 * day) == 365 * 86_400 * 10_000_000 + 1)
    }
}

@Suite(.takesTurns) struct SendPlanTests {
    @Test func theSharesOfThreadsAreTheWhole() {
        let plan = SendPlan(
            topic: "T", targets: [], size: 1, connections: 10, depth: 7, serialization: .json, messages: 101, duration: .seconds(3), rate: 1000)
        let shares = (0..<3).map { plan.share(of: $0, threads: 3) }
        #expect(shares.map(\.connections) == [4, 3, 3])
        #expect(shares.map(\.messages) == [34, 34, 33])
        #expect(shares.map(\.rate) == [334, 333, 333])
        #expect(shares.allSatisfy { $0.depth == 7 && $0.duration == .seconds(3) })
    }
}

/// A load at a rate, against a server that does as a test wants.
@Suite(.takesTurns) struct OpenLoopTests {
    /// The server keeps all answers back for 300 ms, and with one send in flight nothing goes out meanwhile.
    @Test func aStallCountsForAllThatWereDue() async throws {
        try await withFakeCluster { _, command in
            command.opaque == FrameTemplate.firstOpaque ? .late(.milliseconds(300)) : .usual
        } _: { cluster in
            let result = try await run(cluster, rate: 1000, depth: 1, messages: 300)
            #expect(result.completed == 300)
            #expect(result.latency.maximum >= 300_000_000)
            // The send of the middle was due at 150 ms.
            #expect(result.latency.p50 >= 100_000_000)
        }
    }

    @Test func whatNeverFoundRoomIsTold() async throws {
        try await withFakeCluster { _, _ in .late(.milliseconds(400)) } _: { cluster in
            let result = try await run(cluster, rate: 100, depth: 2, duration: .seconds(1))
            #expect(result.completed + result.unsent == 100)
            // Two at a time, three times until the end.
            #expect(result.completed < 10)
        }
    }

    private func run(
        _ cluster: FakeCluster, rate: Int, depth: Int, messages: Int? = nil, duration: Duration? = nil
    ) async throws -> LoadResult {
        let address = try #require(HostAddress(cluster.address(of: "a")))
        let plan = SendPlan(
            topic: "T", targets: [SendTarget(address: address, queueId: 0)], size: 8, connections: 1, depth: depth, serialization: .rocketmq,
            messages: messages, duration: duration, rate: rate)
        return try await BenchThread.run { () throws(BenchError) in try SendLoad(plan, done: Counter()).run() }
    }
}

@Suite(.takesTurns) struct DrainLoadTests {
    /// Queues of different lengths, an empty one, and more or fewer connections than queues.
    @Test(arguments: [nil, 1, 2, 9])
    func everyMessageIsReadOnce(connections: Int?) async throws {
        try await withFakeCluster(topics: ["T": 4]) { cluster in
            for (queue, count) in [5, 0, 3, 1].enumerated() {
                cluster.fill("T", queue: Int32(queue), with: (0..<count).map { "\(queue)-\($0)" })
            }
            let address = try #require(HostAddress(cluster.address(of: "a")))
            let targets = (0..<4).map { DrainTarget(address: address, queueId: $0) }
            let result = try await BenchThread.run { () throws(BenchError) in
                try DrainLoad(
                    topic: "T", targets: targets, connections: connections, batch: 2, serialization: .json, duration: nil, done: Counter()
                ).run()
            }
            #expect(result.completed == 9)
            #expect(result.bytes > 9 * MessageRecord.minimumByteCount)
            #expect(cluster.connectionCount <= min(connections ?? 4, 4))
        }
    }
}

@Suite(.takesTurns) struct BenchCommandTests {
    @Test(arguments: [
        ["nonsense"], ["producer", "--size", "0"], ["producer", "--size"], ["producer", "topic"], ["producer", "--colour", "red"],
        ["consumer", "--serialization", "xml"], ["raw", "--address", "nowhere"], ["raw", "--rate", "0"],
        ["producer", "--client", "--rate", "10"], ["producer", "--batch", "2"], ["raw", "--batch", "2"], ["drain", "--address", "nowhere"], ["drain", "--tags", "a", "--sql", "a = 1"], ["drain", "--queue", "1"], [],
    ])
    func whatIsAskedForWronglyEndsWithTwo(words: [String]) async {
        #expect(await BenchCommand.run(words) == 2)
    }

    @Test(arguments: [["--help"], ["help"], ["producer", "-h"]])
    func helpEndsWithZero(words: [String]) async {
        #expect(await BenchCommand.run(words) == 0)
    }

    @Test func aClusterThatIsNotThereEndsWithOne() async {
        #expect(await BenchCommand.run(["producer", "--namesrv", "127.0.0.1:1"]) == 1)
        #expect(await BenchCommand.run(["raw", "--address", "127.0.0.1:1"]) == 1)
    }

    @Test(arguments: [["--client"], ["--connections", "3", "--depth", "4"], ["--serialization", "binary", "--threads", "2", "--connections", "2"],
        ["--rate", "2000", "--threads", "2", "--connections", "3"]])
    func asManyMessagesAreSentAsAskedFor(options: [String]) async throws {
        try await withFakeCluster(topics: ["BenchTopic": 4]) { cluster in
            let words = ["producer", "--namesrv", cluster.address(of: FakeCluster.nameServer), "--topic", "BenchTopic", "--messages", "101"]
            #expect(await BenchCommand.run(words + options) == 0)
            #expect(cluster.asked(.sendMessageV2).count == 101)
        }
    }

    @Test func batchesOfTheClientHaveAsManyMessagesAsAskedFor() async throws {
        try await withFakeCluster(topics: ["BenchTopic": 4]) { _, command in
            guard command.requestCode == .sendBatchMessage else { return .usual }
            return .answer(.response(.success, header: SendMessageResponseHeader { $0.messageId = "AB" }))
        } _: { cluster in
            let words = ["producer", "--namesrv", cluster.address(of: FakeCluster.nameServer), "--topic", "BenchTopic", "--messages", "101"]
            #expect(await BenchCommand.run(words + ["--client", "--batch", "16", "--connections", "2"]) == 0)
            let sizes = try cluster.asked(.sendBatchMessage).map { try BatchBody.decode($0.body, topic: "BenchTopic").count }
            #expect(sizes.reduce(0, +) == 101)
            #expect(sizes.max() == 16)
        }
    }

    @Test(arguments: ["each", "batch", "ordered", "poll"])
    func aConsumerEndsWhenAllHasCome(mode: String) async throws {
        try await withFakeCluster(topics: ["BenchTopic": 2]) { cluster in
            for queue in 0..<2 { cluster.fill("BenchTopic", queue: Int32(queue), with: (0..<40).map { "\(queue)-\($0)" }) }
            let words = ["consumer", "--namesrv", cluster.address(of: FakeCluster.nameServer), "--topic", "BenchTopic", "--messages", "80"]
            #expect(await BenchCommand.run(words + ["--mode", mode, "--pull", "16"]) == 0)
            let sizes = try cluster.asked(.pullMessage).map { try $0.header(PullMessageHeader.self).maxMessages }
            #expect(Set(sizes) == [16])
        }
    }

    @Test func anIdleClientPullsFromAllItsTopics() async throws {
        let topics = ["T_idle_0", "T_idle_1", "T_idle_2"]
        try await withFakeCluster(topics: Dictionary(uniqueKeysWithValues: topics.map { ($0, 2) })) { _, command in
            guard command.requestCode == .getBrokerClusterInfo else { return .usual }
            return .answer(.response(.success, body: ClusterInfo().body))
        } _: { cluster in
            let words = ["idle", "--namesrv", cluster.address(of: FakeCluster.nameServer), "--topic", "T", "--subscriptions", "3", "--seconds", "1"]
            #expect(await BenchCommand.run(words) == 0)
            let pulled = try cluster.asked(.pullMessage).map { try $0.header(PullMessageHeader.self).topic }
            #expect(Set(pulled).isSuperset(of: topics))
        }
    }

    @Test func aDrainNeedsNoNameServer() async throws {
        try await withFakeCluster(topics: ["BenchTopic": 2]) { cluster in
            cluster.fill("BenchTopic", queue: 1, with: ["a", "b"])
            let words = ["drain", "--address", cluster.address(of: "a"), "--topic", "BenchTopic", "--queues", "2", "--connections", "1"]
            #expect(await BenchCommand.run(words) == 0)
            // The messages, and that there are no more.
            #expect(cluster.asked(.pullMessage).count == 3)
            #expect(cluster.asked(.getRouteinfoByTopic).isEmpty)
        }
    }

    @Test(arguments: [["--client"], []])
    func refusedMessagesEndWithOne(options: [String]) async throws {
        try await withFakeCluster(topics: ["BenchTopic": 4]) { _, command in
            command.requestCode == .sendMessageV2 ? .answer(.response(.systemBusy, remark: "busy")) : .usual
        } _: { cluster in
            let words = ["producer", "--namesrv", cluster.address(of: FakeCluster.nameServer), "--topic", "BenchTopic", "--messages", "5"]
            #expect(await BenchCommand.run(words + options) == 1)
            #expect(cluster.asked(.sendMessageV2).count == 5)
        }
    }
}

@Suite(.takesTurns) struct ReportTests {
    @Test(arguments: [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567"), (-1000, "-1,000")])
    func longNumbersAreGrouped(number: Int, text: String) {
        #expect(Report.grouped(number) == text)
    }
}

/// The reference's benchmark programs.
@Suite(.takesTurns) struct BenchmarkTests {
    @Test func wordsAreThoseOfTheReference() throws {
        let words = try BenchmarkWords(["-t", "Orders", "-ak", "me", "--threadCount", "8", "-k", "TRUE"], declared: BenchmarkProducer.options)
        #expect(words.topic == "Orders")
        #expect(words.text("ak") == "me")
        #expect(try words.number("w", default: 64, in: 1...4096) == 8)
        #expect(words.flag("k"))
        #expect(!words.flag("a"))
        #expect(try BenchmarkWords(["-h"], declared: BenchmarkProducer.options).asksForHelp)
    }

    @Test(arguments: [["-z", "1"], ["-t"], ["word"]])
    func wrongWordsAreNamed(_ words: [String]) {
        let error = #expect(throws: BenchError.self) { try BenchmarkWords(words, declared: BenchmarkConsumer.options) }
        #expect(error?.isMisuse == true)
        #expect(error?.description.utf8.contains(UInt8(ascii: "-")) == true)
    }

    @Test func numbersHaveBounds() throws {
        let words = try BenchmarkWords(["-w", "0", "-r", "1.5"], declared: BenchmarkConsumer.options)
        #expect(throws: BenchError.self) { try words.number("w", default: 20, in: 1...4096) }
        #expect(throws: BenchError.self) { try words.rate("r") }
    }

    /// Two numbers, what the send decides, what the twenty checks answer, zeros.
    @Test func bodiesSayWhatBecomesOfATransaction() {
        let checks = [TransactionDecision.unknown, .rollback] + [TransactionDecision](repeating: .commit, count: 18)
        let plan = TransactionPlan(batch: 0x0102, id: -1, send: .unknown, checks: checks)
        let body = plan.body(size: 40)
        #expect(body == [0, 0, 0, 0, 0, 0, 1, 2] + [UInt8](repeating: 255, count: 8) + [0, 0, 1] + [UInt8](repeating: 2, count: 18) + [0, 0, 0])
        #expect(TransactionPlan(body) == plan)
        #expect(TransactionPlan(Array(body.prefix(36))) == nil)
        #expect(TransactionPlan([UInt8](repeating: 3, count: 40)) == nil)
    }

    @Test func ratesAreThoseOfTheTimeBetween() {
        let first = SendStatistics.Sample(requests: 10, messages: 160, sendsFailed: 0, responsesFailed: 0, totalNanoseconds: 1_000_000)
        let last = SendStatistics.Sample(requests: 30, messages: 480, sendsFailed: 1, responsesFailed: 2, totalNanoseconds: 41_000_000)
        let rates = last.rates(since: first)
        #expect(rates.milliseconds == 2)
        #expect(rates.messagesPerSecond >= rates.requestsPerSecond)
        #expect(Decimal.rate(2) == "  2.000")
    }
}
