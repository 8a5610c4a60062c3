import RMQCommon
import RMQRemoting
import RMQTestSupport
@testable import RMQTools
import Testing

@Suite(.takesTurns) struct ChangingCommandsTests {
    @Test(arguments: [
        "updateTopic-b", "updateTopic-b-o", "updateTopic-c", "updateTopic-c-o", "updateTopic-c-p", "updateTopic-c-unknown", "deleteTopic",
        "deleteTopic-unknown", "deleteTopic-unknownCluster", "updateSubGroup-b", "updateSubGroup-badName", "updateSubGroup-c",
        "updateSubGroup-c-unknown",
    ])
    func outputIsAsRecorded(_ name: String) async throws {
        let recording = try Recording(name)
        try await Run(recording.words).expect(recording)
    }

    @Test func topicIsCreatedAtEveryMasterWithItsSettings() async throws {
        let servers = Servers(Golden.answer)
        _ = try await Run(try Recording("updateTopic-c-p").words, servers: servers)
        #expect(servers.addresses(asked: .updateAndCreateTopic) == ["127.0.0.1:30911", "127.0.0.1:31911"])
        let fields = try #require(servers.fields(asked: .updateAndCreateTopic).first)
        #expect(fields["topic"] == "ToolTopicP")
        #expect(fields["readQueueNums"] == "4")
        #expect(fields["writeQueueNums"] == "3")
        #expect(fields["perm"] == "4")
        #expect(fields["topicSysFlag"] == "3")
        #expect(fields["defaultTopic"] == "TBW102")
    }

    @Test func orderIsWrittenToEveryNameServer() async throws {
        let servers = Servers { command, address in Golden.answer(command, address == "127.0.0.1:29877" ? Golden.nameServer : address) }
        let run = try await Run(
            ["updateTopic", "-n", "127.0.0.1:29876;127.0.0.1:29877", "-c", "GoldenCluster", "-t", "x", "-o", "true", "-w", "2"], servers: servers)
        #expect(run.errors.isEmpty)
        #expect(servers.addresses(asked: .putKvConfig) == ["127.0.0.1:29876", "127.0.0.1:29877"])
        #expect(servers.fields(asked: .putKvConfig).map { $0["value"] } == ["golden-a:2;golden-b:2", "golden-a:2;golden-b:2"])
    }

    /// Clients follow the order configuration, so it must not name queues that could not be made.
    @Test(arguments: [["-b", "127.0.0.1:30911"], ["-c", "GoldenCluster"]])
    func orderIsNotWrittenForATopicThatCouldNotBeMade(_ place: [String]) async throws {
        let servers = Servers { command, address in
            command.requestCode == .updateAndCreateTopic ? .response(.systemError, remark: "no") : Golden.answer(command, address)
        }
        let run = try await Run(["updateTopic", "-t", "x", "-o", "true"] + place, servers: servers)
        #expect(run.output.isEmpty)
        #expect(run.errors.contains("CODE: 1  DESC: no\n"))
        #expect(servers.addresses(asked: .putKvConfig).isEmpty)
    }

    @Test func orderIsNotWrittenForAnUnknownCluster() async throws {
        let recording = try Recording("updateTopic-c-unknown")
        let servers = Servers(Golden.answer)
        let run = try await Run(recording.words + ["-o", "true"], servers: servers)
        #expect(run.output == recording.output.replacing("order=false", with: "order=true"))
        #expect(servers.addresses(asked: .putKvConfig).isEmpty)
    }

    @Test func orderOfOneBrokerJoinsTheOthers() {
        #expect(UpdateTopicCommand.merged("", broker: "b", queues: 1) == "b:1")
        #expect(UpdateTopicCommand.merged("c:4;a:2;b:3", broker: "b", queues: 1) == "a:2;b:1;c:4")
    }

    @Test func topicIsDeletedAtMastersFirst() async throws {
        let servers = Servers(Golden.answer)
        _ = try await Run(try Recording("deleteTopic").words, servers: servers)
        #expect(servers.addresses(asked: .deleteTopicInBroker) == ["127.0.0.1:30911", "127.0.0.1:31911"])
        #expect(servers.addresses(asked: .deleteTopicInNamesrv) == [Golden.nameServer])
        #expect(servers.fields(asked: .deleteTopicInNamesrv).first?["clusterName"] == "GoldenCluster")
    }

    @Test func failureAtABrokerStopsTheDeletion() async throws {
        let servers = Servers { command, address in
            command.requestCode == .deleteTopicInBroker ? .response(.systemError, remark: "no") : Golden.answer(command, address)
        }
        let run = try await Run(try Recording("deleteTopic").words, servers: servers)
        #expect(run.output.isEmpty)
        #expect(run.errors.contains("CODE: 1  DESC: no\n"))
        #expect(servers.addresses(asked: .deleteTopicInNamesrv).isEmpty)
    }
}
