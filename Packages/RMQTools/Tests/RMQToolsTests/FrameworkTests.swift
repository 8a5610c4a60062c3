import RMQTestSupport
@testable import RMQTools
import Testing

@Suite(.takesTurns) struct FrameworkTests {
    /// A command of this project has no recording.
    @Test(arguments: AdminTool.commands.map(\.name).filter { $0 != "changeBrokerRole" })
    func helpIsAsRecorded(_ command: String) async throws {
        let recording = try Recording("help-\(command)")
        let run = try await Run(recording.words)
        #expect(run.output == recording.output)
        #expect(run.exitCode == recording.exitCode)
    }

    @Test(arguments: [
        "clusterList-unknownOption", "topicList-unknownOption", "topicRoute-missingOption", "topicStatus-missingOption",
        "updateTopic-missingOption", "updateTopic-both", "deleteTopic-missingOption", "updateSubGroup-missingOption",
        "updateSubGroup-none", "consumerProgress-unknownOption", "brokerStatus-unknownOption", "brokerStatus-none",
        "sendMessage-missingOption", "consumeMessage-missingOption", "queryMsgById-missingOption", "queryMsgByKey-missingOption",
        "queryMsgByUniqueKey-missingOption", "mqadmin-unknown",
        "mqadmin-help", "mqadmin-help-unknown", "mqadmin-help-three", "mqadmin-dash-h", "mqadmin-h-topicList", "mqadmin-unknown-option",
    ])
    func wrongOptionsPrintTheUsage(_ name: String) async throws {
        let recording = try Recording(name)
        let run = try await Run(recording.words)
        #expect(run.output == recording.output)
        #expect(run.errors.isEmpty)
        #expect(run.exitCode == recording.exitCode)
    }

    @Test func overviewListsCommandsInTheRecordedOrder() async throws {
        let recorded = try Recording("mqadmin").output.split(separator: "\n", omittingEmptySubsequences: false)
        // But for those of this project, which stand last.
        let own = try await Run([]).output.split(separator: "\n", omittingEmptySubsequences: false).filter { !$0.contains("changeBrokerRole") }
        let positions = own.map { recorded.firstIndex(of: $0) }
        #expect(positions.allSatisfy { $0 != nil })
        #expect(own.count == AdminTool.commands.count - 1 + 4)
        #expect(positions.dropLast().compactMap(\.self) == positions.dropLast().compactMap(\.self).sorted())
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
