import Foundation
import RMQCommon
import RMQRemoting
import RMQTestSupport
@testable import RMQTools
import Testing

@Suite(.takesTurns) struct FrameworkTests {
    /// The recorded usage comes first, then what the reference's help leaves out.
    @Test(arguments: try Recording.names(beginningWith: "help-"))
    func helpBeginsAsRecorded(_ name: String) async throws {
        let recording = try Recording(name)
        let run = try await Run(recording.words)
        #expect(run.output.hasPrefix(recording.output))
        #expect(run.output.contains("--json"))
        #expect(run.exitCode == recording.exitCode)
    }

    @Test(arguments: AdminTool.commands.map(\.name))
    func everyCommandTeachesByAnExampleThatItAccepts(_ name: String) async throws {
        let command = try #require(AdminTool.command(named: name)), example = command.example
        let words = example.split(separator: " ").map { $0.trimmingCharacters(in: ["'"]) }
        #expect(Array(words.prefix(2)) == ["mqadmin", name])
        _ = try CommandOptions(Array(words.dropFirst(2)), declared: command.options + CommandOption.common)
    }

    /// The usage alone on standard output, why on standard error.
    @Test(arguments: try Recording.names(endingWith: "-missingOption", "-unknownOption") + [
        "brokerStatus-none", "updateTopic-both", "updateSubGroup-none", "mqadmin-unknown-option",
    ])
    func wrongOptionsPrintTheUsage(_ name: String) async throws {
        let recording = try Recording(name)
        let run = try await Run(recording.words)
        #expect(run.output == recording.output)
        #expect(run.exitCode == recording.exitCode)
        if run.exitCode == 1 { #expect(!run.errors.isEmpty) }
    }

    @Test(arguments: ["mqadmin-unknown", "mqadmin-help", "mqadmin-help-unknown", "mqadmin-help-three", "mqadmin-dash-h"])
    func unknownCommandsAreTold(_ name: String) async throws {
        let recording = try Recording(name)
        let run = try await Run(recording.words)
        #expect(run.output == recording.output)
        #expect(run.exitCode == recording.exitCode)
    }

    @Test func anOptionForHelpWinsOverTheOthers() async throws {
        let recording = try Recording("mqadmin-h-topicList")
        let run = try await Run(recording.words)
        #expect(run.output.hasPrefix(recording.output))
        #expect(run.exitCode == 0)
    }

    /// Every recording belongs to a test: one that no source of a test names, and that no test of this suite takes by its name's form, is forgotten.
    @Test func everyRecordingIsHeldByATest() throws {
        let sources = try FileManager.default.contentsOfDirectory(at: URL(filePath: #filePath).deletingLastPathComponent(), includingPropertiesForKeys: nil)
            .filter { $0.pathExtension == "swift" }.map { try String(contentsOf: $0, encoding: .utf8) }.joined()
        let forgotten = try Recording.names().filter { name in
            !name.hasPrefix("help-") && !name.hasSuffix("-missingOption") && !name.hasSuffix("-unknownOption") && !sources.contains("\"\(name)\"")
        }
        #expect(forgotten.isEmpty)
    }

    @Test func misspeltWordsGetASuggestion() async throws {
        #expect(try await Run(["topicRuote", "-t", "x"]).errors == "Did you mean topicRoute?\n")
        #expect(try await Run(["xyzzy"]).errors.isEmpty)
        #expect(try await Run(["topicRoute", "--topik", "x"]).errors.contains("did you mean --topic?"))
        #expect(try await Run(["topicRoute"]).errors.contains("-t is missing (--topic: topic name)"))
        #expect(Suggestion.nearest(to: String(repeating: "x", count: 10_000), among: ["topicRoute"]) == nil)
    }

    @Test func failuresHaveAnExitCodeWhenAsked() async throws {
        let failing = ["topicRoute", "-t", "NoSuchTopic"]
        #expect(try await Run(failing).exitCode == 0)
        #expect(try await Run(failing + ["--exit-code"]).exitCode == 2)
        #expect(try await Run(["topicRoute", "--exit-code", "-t", "GoldenPlain"]).exitCode == 0)
        #expect(try await Run(["brokerStatus", "-c", "NoSuchCluster", "--exit-code"]).exitCode == 2)
        #expect(try await Run(["nosuch", "--exit-code"]).exitCode == 1)
    }

    @Test func aChangeSaysAsJSONWhatItDid() async throws {
        let run = try await Run(["updateTopic", "-b", "127.0.0.1:30911", "-t", "GoldenPlain", "--json"])
        let messages = try JSONValue(parsing: run.output).requireObject("output").require("messages").requireArray("messages")
        #expect(messages.first == .string("create topic to 127.0.0.1:30911 success."))
    }

    @Test func whatWasChangedBeforeAFailureIsTold() async throws {
        let servers = Servers { command, address in
            command.requestCode == .updateAndCreateTopic && address == "127.0.0.1:31911" ? .response(.systemError, remark: "full") : Golden.answer(command, address)
        }
        let run = try await Run(["updateTopic", "-c", "GoldenCluster", "-t", "GoldenPlain", "--json", "--exit-code"], servers: servers)
        let messages = try JSONValue(parsing: run.output).requireObject("output").require("messages").requireArray("messages")
        #expect(messages == [.string("create topic to 127.0.0.1:30911 success.")])
        #expect(run.errors.contains("DESC: full"))
        #expect(run.exitCode == 2)
        #expect(try await Run(["updateTopic", "-b", "127.0.0.1:31911", "-t", "GoldenPlain", "--json"], servers: servers).output.isEmpty)
    }

    @Test(arguments: [["topicRoute", "--json"], ["topicRoute", "--json", "-t"], ["updateOrderConf", "-t", "x", "-m", "no", "--json"]])
    func aProgramThatReadsJSONGetsNoUsageThere(_ words: [String]) async throws {
        let run = try await Run(words)
        #expect(run.output.isEmpty)
        #expect(run.errors.contains("usage: mqadmin \(words[0])"))
    }

    @Test(arguments: [
        (["-p", "--json"], ["-p", "--json"]), (["--body", "--exit-code", "--json"], ["--body", "--exit-code"]), (["-p--json", "--json"], ["-p--json"]),
        (["-p", "x", "--json", "-t", "T"], ["-p", "x", "-t", "T"]), (["--json", "--", "--json"], ["--", "--json"]), (["-p", "--", "--json"], ["-p", "--"]),
        (["--body=x", "--json"], ["--body=x"]), (["-vp", "--json"], ["-vp", "--json"]), (["-v", "--json"], ["-v"]), (["-", "--json"], ["-"]),
    ])
    func valuesAreNotTakenForOptionsOfTheTool(_ words: [String], _ rest: [String]) {
        var words = words
        let isTaken = words.filter { $0 == "--json" }.count != rest.filter { $0 == "--json" }.count
        let own = ToolOptions(takenFrom: &words, declared: [CommandOption("p", "body", ""), CommandOption("t", "topic", ""), .flag("v", "verbose", "")])
        #expect(words == rest)
        #expect(own.showsJSON == isTaken)
        #expect(!own.tellsFailure)
    }

    @Test func progressFitsTheTerminal() {
        #expect(WorkProgress.line(1_200, of: 10_000, "messages", rate: 3_400, width: 80).utf8.count < 80)
        #expect(WorkProgress.line(1_200, of: 10_000, "messages", rate: 3_400, width: 80).hasPrefix("1,200 of 10,000 messages   12 %  [####"))
        #expect(WorkProgress.line(1_200, of: 10_000, "messages", rate: 3_400, width: 40).utf8.count < 40)
        #expect(WorkProgress.line(1_200, of: nil, "messages", rate: 0, width: 40) == "1,200 messages  0/s")
        let piped = CapturedOutput()
        let silent = WorkProgress("messages", total: 2, output: piped)
        silent.advance(by: 2)
        silent.end()
        #expect(piped.errors.isEmpty)
    }

    /// Line by line; those of this project stand last.
    @Test func overviewIsAsRecorded() async throws {
        let recorded = try Recording("mqadmin").output.split(separator: "\n", omittingEmptySubsequences: false)
        let ours = Set(["changeBrokerRole", "completion", "doctor", "tail", "top"])
        let own = try await Run([]).output.split(separator: "\n", omittingEmptySubsequences: false)
            .filter { line in !ours.contains(where: { line.hasPrefix("   \($0) ") }) }
        #expect(own == recorded)
    }

    @Test func commandNamesIgnoreCase() async throws {
        #expect(try await Run(["HELP", "x"]).output == "The sub command HELP not exist.\n")
        #expect(try await Run(["TOPICROUTE", "-t", "GoldenPlain"]).output == (try Recording("topicRoute").output))
    }

    @Test func momentsAreReadAndPrintedInTheZone() {
        #expect(LocalTime.utc.parse("2026-11-21#04:38:51:482") == 1_795_235_931_482)
        #expect(LocalTime.utc.parse("1795235931482") == 1_795_235_931_482)
        #expect(LocalTime.utc.milliseconds(1_795_235_931_482) == "2026-11-21 04:38:51,482")
        #expect(LocalTime.utc.parse("2026-13-21#04:38:51:482") == nil)
        #expect(LocalTime.utc.parse("yesterday") == nil)
    }
}
