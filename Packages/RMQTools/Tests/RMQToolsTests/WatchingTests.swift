import Foundation
import RMQCommon
import RMQRemoting
import RMQTestSupport
@testable import RMQTools
import Synchronization
import Testing

/// `doctor` and `top` from the question to the screen.
@Suite(.takesTurns) struct WatchingTests {
    private static let masters = ["127.0.0.1:30911", "127.0.0.1:31911"]

    private static func doctor(_ cluster: WatchedCluster) async throws -> Run {
        try await Run(["doctor", "--exit-code"], servers: cluster.servers, width: 1_000)
    }

    // MARK: doctor

    @Test func allIsWell() async throws {
        let run = try await Self.doctor(WatchedCluster())
        #expect(run.output.hasSuffix("Nothing is wrong.\n"), "\(run.output)")
        #expect(run.exitCode == 0)
        let json = try await Run(["doctor", "--json"], servers: WatchedCluster().servers).output
        #expect(try JSONValue(parsing: json).requireObject("line").require("passed").requireArray("passed").count == Check.all.count)
    }

    /// Members are asked through a broker of their own cluster: the first of all does not know them.
    @Test func aProblemIsToldByTheExitCode() async throws {
        let run = try await Self.doctor(WatchedCluster(expressions: ["one": "TagA", "two": "TagB"]))
        #expect(run.output.contains("PROBLEM  group billing: its members subscribe to different things"), "\(run.output)")
        #expect(run.exitCode == 2)
    }

    @Test func warningsAloneAreNoFailure() async throws {
        let run = try await Self.doctor(WatchedCluster(lag: 200_000))
        #expect(run.output.contains("WARNING  group billing: is behind: 400,000 message(s) wait"), "\(run.output)")
        #expect(run.exitCode == 0)
    }

    @Test func aSilentBrokerDoesNotHideTheRest() async throws {
        let cluster = WatchedCluster(lag: 200_000, silent: ["127.0.0.1:31911"]), servers = cluster.servers
        let run = try await Run(["doctor", "--exit-code"], servers: servers, width: 1_000)
        #expect(run.output.contains("PROBLEM  broker golden-b:0 (127.0.0.1:31911): is registered, but: wait response"), "\(run.output)")
        #expect(run.output.contains("WARNING  group billing: is behind: 200,000 message(s) wait"))
        #expect(run.output.contains("could not be asked: wait response on the channel <127.0.0.1:31911>"))
        #expect(run.exitCode == 2)
        #expect(servers.addresses(asked: .getConsumeStats) == ["127.0.0.1:30911"], "a broker that was silent costs the wait only once")
    }

    @Test func groupThatNobodyConsumesForIsAdvisedAbout() async throws {
        let run = try await Self.doctor(WatchedCluster(expressions: [:]))
        #expect(run.output.contains("group billing: nobody consumes for it, and 4 message(s) wait"), "\(run.output)")
        #expect(run.output.contains("deleteSubGroup"))
    }

    /// That it could not be asked who consumes does not mean that nobody does.
    @Test func aLiveGroupIsNotToBeDeletedBecauseABrokerRefused() async throws {
        let run = try await Self.doctor(WatchedCluster(refused: .getConsumerConnectionList))
        #expect(!run.output.contains("deleteSubGroup"), "\(run.output)")
        #expect(run.output.contains("could not be asked: CODE: 1  DESC: busy BROKER: 127.0.0.1:30911 (the members of group billing)"))
    }

    @Test(arguments: [
        (.getRouteinfoByTopic, "the route of topic"), (.getBrokerConfig, "the configuration of broker"), (.getTopicStatsInfo, "the dead letters of group"),
        (.getConsumeStats, "the progress of group"), (.getConsumerRunningInfo, "what one of group billing subscribes to"),
    ] as [(RequestCode, String)])
    func whatCouldNotBeReadIsNotCalledWell(_ code: RequestCode, _ question: String) async throws {
        let run = try await Self.doctor(WatchedCluster(refused: code))
        #expect(!run.output.contains("ok       everything could be asked"))
        #expect(run.output.contains(question), "\(run.output)")
    }

    // MARK: top

    private static func groups(_ words: [String], _ cluster: WatchedCluster) async throws -> [JSONObject] {
        let run = try await Run(["top", "--json"] + words, servers: cluster.servers)
        return try JSONValue(parsing: run.output).requireObject("line").require("groups").requireArray("groups").map { try $0.requireObject("group") }
    }

    @Test func anOutageIsNoLagOfZero() async throws {
        let well = try #require(try await Self.groups([], WatchedCluster()).first)
        #expect(well["lag"] == .integer(4))
        #expect(well["members"] == .integer(2))
        #expect(well["lagGrowthPerSecond"] == nil, "both looks were at the same moment")
        let half = try #require(try await Self.groups([], WatchedCluster(silent: ["127.0.0.1:31911"])).first)
        #expect(half["lag"] == .integer(2))
        #expect(half["complete"] == .bool(false))
        #expect(half["members"] == .integer(2))
        let dark = WatchedCluster(silent: Set(Self.masters)), none = try #require(try await Self.groups([], dark).first)
        #expect(none["lag"] == nil)
        #expect(none["members"] == nil)
        let lines = try await Run(["top"], servers: dark.servers).output.split(separator: "\n")
        #expect(try #require(lines.first { $0.hasPrefix("Orders ") }).hasSuffix(" -                ?"))
        #expect(try #require(lines.first { $0.hasPrefix("billing ") }).split(separator: " ") == ["billing", "?", "-", "-", "?"])
    }

    @Test func ratesAreTakenFromCompleteLooksAlone() {
        func sample(at time: Int64, isComplete: Bool) -> TopSample {
            var sample = TopSample(takenAt: time)
            sample.topics = ["Orders": .init(end: time, kept: 1, isComplete: isComplete)]
            sample.groups = ["billing": .init(lag: time, consumed: time, members: 1, isComplete: isComplete)]
            return sample
        }
        for (first, second) in [(true, true), (false, true), (true, false)] {
            let screen = TopScreen(before: sample(at: 1_000, isComplete: first), now: sample(at: 2_000, isComplete: second))
            #expect(screen.topics[0].sends == (first && second ? 1_000 : nil))
            #expect(screen.groups[0].growth == (first && second ? 1_000 : nil))
            #expect(screen.groups[0].consumed == (first && second ? 1_000 : nil))
        }
    }

    @Test func aLiveScreenOutlivesItsNameServer() async throws {
        struct Interrupted: Error {}
        let cluster = WatchedCluster(), looks = Mutex(0)
        let servers = Servers { command, address in
            // The second look fails, the third does not.
            command.requestCode == .getBrokerClusterInfo && looks.withLock { $0 } == 1 ? nil : cluster.servers.answer(command, address)
        }
        let run = try await Run(["top", "--exit-code"], servers: servers, width: 80, height: 24) { _ in
            try looks.withLock { looks in
                looks += 1
                if looks == 3 { throw Interrupted() }
            }
        }
        let screens = run.output.components(separatedBy: "\u{1B}[H").dropFirst()
        #expect(screens.map { $0.contains("NOT UP TO DATE: connect to") } == [false, true, false])
        #expect(screens.allSatisfy { $0.contains("billing") })
    }

    // MARK: Whatever a broker says

    @Test(arguments: [["doctor"], ["top"], ["clusterList"], ["clusterList", "-m"]])
    func senselessRuntimeValuesAreSurvived(_ words: [String]) async throws {
        let most = "\(Int64.max)", least = "\(Int64.min)"
        for text in [most, least, "1e300", "-1e300", "nan", "inf", "", "x", "99999999999999999999999"] {
            let keys: [ByteText] = [
                "currentTimestamp", "bootTimestamp", "commitLogMaxOffset", "commitLogDiskRatio", "dispatchBehindBytes", "putTps", "getTransferedTps",
                "sendThreadPoolQueueHeadWaitTimeMills", "earliestMessageTimeStamp", "msgPutTotalTodayNow", "msgPutTotalTodayMorning",
            ]
            let cluster = WatchedCluster(values: Dictionary(keys.map { ($0, text) }) { $1 })
            #expect(try await !Run(words, servers: cluster.servers).output.isEmpty)
            #expect(try await !Run(words + ["--json"], servers: cluster.servers).output.isEmpty)
        }
    }

    @Test(arguments: [[], ["-c", "\(Int64.max)"], ["-b", "golden-a", "-i", "0", "-c", "\(Int64.max)"]])
    func aQueueWithoutEndIsSurvived(_ words: [String]) async throws {
        for (least, most) in [(0, Int64.max), (Int64.max, 0), (0, 0), (Int64.max, Int64.max)] {
            let servers = Servers { command, address in
                switch command.requestCode {
                case .getMinOffset: .response(.success, header: OffsetResponseHeader(offset: least))
                case .getMaxOffset: .response(.success, header: OffsetResponseHeader(offset: most))
                case .pullMessage: .response(.systemError, remark: "no")
                default: Golden.answer(command, address)
                }
            }
            #expect(try await Run(["consumeMessage", "-t", "x"] + words, servers: servers).exitCode == 0)
        }
    }

    @Test func nothingThatStrangersWroteSteersTheTerminal() async throws {
        let escape = "\u{1B}[2J"
        let cluster = WatchedCluster(
            topics: ["Or\(escape)ders", "%RETRY%bill\(escape)ing"], expressions: ["one\(escape)": "*", "two": "a\(escape)"],
            refused: .getBrokerConfig, remark: "no\(escape)\u{9B}31m")
        for words in [["doctor"], ["top"], ["top", "-c", "1"], ["topicList"], ["topicList", "-c"], ["consumerConnection", "-g", "g"], ["getBrokerConfig", "-b", Self.masters[0]]] {
            struct Interrupted: Error {}
            let isLive = words == ["top"]
            let run = try await Run(words, servers: cluster.servers, width: 200, height: 50) { _ in if isLive { throw Interrupted() } }
            let drawn = isLive ? run.output.replacingOccurrences(of: "\u{1B}[2J\u{1B}[H", with: "") : run.output
            #expect(!drawn.contains(escape) && !run.errors.contains(escape) && !run.errors.contains("\u{9B}"), "\(words)")
            #expect((drawn + run.errors).contains("\\u{1B}[2J"), "\(words): \(run.output)\(run.errors)")
        }
        #expect(try await Run(["topicList"], servers: cluster.servers).output == "Or\(escape)ders\n%RETRY%bill\(escape)ing\n", "a pipe gets every byte")
    }

    @Test func linesAndTabsOfATextStay() {
        #expect(TerminalText.escapedLines("a\tb\nc\r\u{1B}é\u{202E}") == "a\tb\nc\\u{D}\\u{1B}é\\u{202E}")
    }
}
