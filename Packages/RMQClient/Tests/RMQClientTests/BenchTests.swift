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

@Suite(.takesTurns) struct BenchCommandTests {
    @Test(arguments: [
        ["nonsense"], ["producer", "--size", "0"], ["producer", "--size"], ["producer", "topic"], ["producer", "--colour", "red"],
        ["consumer", "--serialization", "xml"], ["raw", "--address", "nowhere"], [],
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

    @Test(arguments: [["--client"], ["--connections", "3", "--depth", "4"], ["--serialization", "binary", "--threads", "2", "--connections", "2"]])
    func asManyMessagesAreSentAsAskedFor(options: [String]) async throws {
        try await withFakeCluster(topics: ["BenchTopic": 4]) { cluster in
            let words = ["producer", "--namesrv", cluster.address(of: FakeCluster.nameServer), "--topic", "BenchTopic", "--messages", "101"]
            #expect(await BenchCommand.run(words + options) == 0)
            #expect(cluster.asked(.sendMessageV2).count == 101)
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
