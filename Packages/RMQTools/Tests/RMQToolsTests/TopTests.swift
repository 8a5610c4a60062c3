import RMQClient
import RMQCommon
import RMQTestSupport
@testable import RMQTools
import Testing

@Suite(.takesTurns) struct TopTests {
    private static func sample(at time: Int64, end: Int64, lag: Int64) -> TopSample {
        var sample = TopSample(takenAt: time)
        sample.brokers = [
            .init(name: "golden-a", id: 0, address: "127.0.0.1:30911", values: ["putTps": "1234.4 1.0 1.0", "getTransferedTps": "5.0", "commitLogDiskRatio": "0.22"]),
            .init(name: "golden-b", id: 0, address: "127.0.0.1:31911", values: [:]),
        ]
        sample.topics = ["Orders": .init(end: end, kept: 50), "Quiet": .init(end: 7, kept: 900)]
        sample.groups = ["billing": .init(lag: lag, consumed: end - lag, members: 2), "idle": .init(lag: 0, consumed: 0, members: 0)]
        return sample
    }

    private static let screen = TopScreen(before: sample(at: 0, end: 1_000, lag: 400), now: sample(at: 2_000, end: 3_000, lag: 100))

    @Test func ratesAreDifferencesOfTwoLooks() {
        #expect(Self.screen.topics.map(\.name) == ["Orders", "Quiet"])
        #expect(Self.screen.topics[0].sends == 1_000)
        #expect(Self.screen.groups[0].growth == -150)
        #expect(Self.screen.groups[0].consumed == 1_150)
        let first = TopScreen(before: nil, now: Self.screen.now)
        #expect(first.topics[0].sends == nil)
    }

    @Test(arguments: [40, 60, 80, 200]) func noLineIsWiderThanTheTerminal(_ width: Int) {
        let lines = Self.screen.lines(width: width, height: nil, time: .utc)
        #expect(lines.allSatisfy { $0.utf16.count <= width })
        #expect(lines.contains { $0.hasPrefix("Orders") })
        #expect(lines.contains { $0.hasPrefix("golden-b:0") })
    }

    @Test func aLowTerminalIsNotOverrun() {
        var crowded = Self.screen
        for number in 0..<100 {
            crowded.now.topics[ByteText("T\(number)")] = .init(end: 1, kept: 1)
            crowded.now.groups[ByteText("g\(number)")] = .init(lag: 1, consumed: 1, members: 1)
        }
        for height in 0...60 { #expect(crowded.lines(width: 80, height: height, time: .utc).count <= height) }
        #expect(crowded.lines(width: 80, height: 24, time: .utc).contains { $0.hasPrefix("billing") })
    }

    @Test func wideNamesAndControlCharactersKeepTheirLine() throws {
        var screen = Self.screen
        screen.now.topics = ["\(String(repeating: "東京", count: 40))": .init(end: 1, kept: 1), "a\u{1B}[2J\nb": .init(end: 1, kept: 1)]
        let lines = screen.lines(width: 60, height: nil, time: .utc)
        #expect(lines.allSatisfy { TerminalText.cut($0, columns: 60) == $0 })
        #expect(lines.allSatisfy { !$0.contains("\u{1B}") && !$0.contains("\n") })
        #expect(lines.contains { $0.hasPrefix("a\\u{1B}[2J\\nb ") })
        #expect(try #require(lines.first { $0.hasPrefix("東京") }).contains("…  "))
    }

    @Test func withoutATerminalOneTableWithRatesIsPrinted() async throws {
        let run = try await Run(["top"], servers: Servers(Golden.watched))
        #expect(run.exitCode == 0)
        #expect(run.errors.isEmpty)
        #expect(run.output.contains("BROKER"))
        #expect(!run.output.contains("\u{1B}"))
        let json = try await Run(["top", "--json", "-c", "2"], servers: Servers(Golden.watched)).output.split(separator: "\n")
        try #require(json.count == 2)
        let brokers = try JSONValue(parsing: String(json[1])).requireObject("line").require("brokers").requireArray("brokers")
        #expect(try brokers.first?.requireObject("broker").string("broker") == "golden-a:0")
    }

    @Test func onATerminalTheScreenIsDrawnAnewUntilItIsInterrupted() async throws {
        struct Interrupted: Error {}
        let run = try await Run(["top"], servers: Servers(Golden.watched), width: 80, height: 24, pause: { _ in throw Interrupted() })
        #expect(run.output.hasPrefix("\u{1B}[2J\u{1B}[H"))
        #expect(run.output.contains("golden-a:0"))
    }

    @Test(arguments: [["-i", "0"], ["-i", "x"], ["-c", "0"]]) func wrongNumbersAreRefused(_ words: [String]) async throws {
        let run = try await Run(["top"] + words)
        #expect(run.errors.contains("not "))
        #expect(run.output.isEmpty)
    }
}
