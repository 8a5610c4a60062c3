import RMQTestSupport
@testable import RMQTools
import Testing

/// The ways to write one call.
@Suite(.takesTurns) struct CommandLineTests {
    @Test(arguments: [
        "mqadmin-case", "mqadmin-joined", "mqadmin-longOptions", "mqadmin-longOptions-equals", "mqadmin-namesrv-second-reachable",
    ])
    func everyFormIsUnderstood(_ name: String) async throws {
        let recording = try Recording(name)
        try await Run(recording.words, nameServer: name.contains("namesrv") ? "" : Golden.nameServer).expect(recording)
    }

    @Test(arguments: ["mqadmin-h-alone", "mqadmin-missing-argument"])
    func whatIsIncompletePrintsTheUsage(_ name: String) async throws {
        let recording = try Recording(name)
        let run = try await Run(recording.words)
        #expect(run.output == recording.output)
        #expect(run.exitCode == recording.exitCode)
    }

    @Test func helpIsGivenWhereAllElseIsThere() async throws {
        let recording = try Recording("mqadmin-h-with-options")
        let run = try await Run(recording.words)
        #expect(run.output.hasPrefix(recording.output))
        #expect(run.exitCode == recording.exitCode)
    }
}
