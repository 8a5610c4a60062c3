import RMQCommon
import RMQRemoting
import RMQTestSupport
@testable import RMQTools
import Testing

@Suite(.takesTurns) struct FailureTests {
    @Test(arguments: [
        "topicRoute-unknown", "topicRoute-l-unknown", "topicStatus-unknown", "consumerProgress-g-unknown", "consumerProgress-g-offline",
        "queryMsgById-bad", "queryMsgByKey-unknownTopic", "consumeMessage-unknown", "updateTopic-b-unreachable", "mqadmin-broker-unreachable",
    ])
    func failuresKeepTheRecordedWordsAndExitCode(_ name: String) async throws {
        let recording = try Recording(name)
        let run = try await Run(recording.words)
        run.expect(recording)
        if name.hasSuffix("unreachable") { #expect(run.errors.contains("connect to 127.0.0.1:30999 failed\nWhat to do: ")) }
    }

    @Test(arguments: ["mqadmin-namesrv-unreachable", "mqadmin-namesrv-unreachable-topicRoute", "mqadmin-namesrv-unreachable-clusterList"])
    func unreachableNameServerIsNamed(_ name: String) async throws {
        let recording = try Recording(name)
        let run = try await Run(recording.words, nameServer: "127.0.0.1:29999")
        #expect(run.output.isEmpty)
        #expect(run.errors.contains("connect to [127.0.0.1:29999] failed"))
        #expect(run.exitCode == recording.exitCode)
    }

    @Test func nextNameServerIsAsked() async throws {
        let run = try await Run(["topicRoute", "-n", "127.0.0.1:29999;127.0.0.1:29876", "-t", "GoldenPlain"])
        #expect(run.output == (try Recording("topicRoute").output))
    }

    @Test func missingNameServerSaysWhatToDo() async throws {
        let run = try await Run(["topicList"], nameServer: "")
        #expect(run.errors == """
            TopicListSubCommand command failed
            Caused by: no name server address is known
            What to do: give one with -n ip:port or in the environment variable NAMESRV_ADDR

            """)
    }

    @Test func wrongNumberNamesOptionAndValue() async throws {
        let recording = try Recording("updateTopic-badNumber")
        let run = try await Run(recording.words)
        #expect(run.output == recording.output)
        #expect(run.errors.contains("-r takes a whole number from -2147483648 to 2147483647, not \"abc\""))
        #expect(run.exitCode == recording.exitCode)
    }

    /// What a broker refuses is told in its words, with its address where the reference names it.
    @Test(arguments: [
        "updateTopic-badName", "updateTopic-systemTopic", "updateTopic-b-slave", "deleteTopic-systemTopic", "queryMsgById-unknown",
        "queryMsgByKey-unknown", "queryMsgByUniqueKey-unknown", "brokerStatus-acl-unsigned", "updateTopic-acl-notAdmin", "updateTopic-acl-unsigned",
    ])
    func refusalsAreToldWordForWord(_ name: String) async throws {
        let recording = try Recording(name)
        let refusal = try recording.refusal()
        let servers = Servers { command, address in
            switch command.requestCode {
            case .updateAndCreateTopic, .deleteTopicInBroker, .viewMessageById, .queryMessage, .getBrokerRuntimeInfo: refusal
            default: Golden.answer(command, address)
            }
        }
        let run = try await Run(recording.words, servers: servers)
        run.expect(recording)
        #expect(run.errors.split(separator: "\n").contains("Caused by: " + (try #require(recording.causes.last))))
    }

    @Test func oneDeadBrokerDoesNotHideTheOthers() async throws {
        let servers = Servers { command, address in
            guard command.requestCode == .getBrokerRuntimeInfo else { return Golden.answer(command, address) }
            return address == "127.0.0.1:30911" ? nil : .response(.success, body: KeyValueTable(["putTps": "1.0"]).body)
        }
        let run = try await Run(["brokerStatus", "-c", "GoldenCluster"], servers: servers)
        #expect(run.output == "127.0.0.1:31911          putTps                          : 1.0\n")
        #expect(run.errors == "connect to 127.0.0.1:30911 failed\n")
    }

    @Test func adviceOnIdsIsGivenWhereAnIdWasMeant() async throws {
        #expect(try await Run(["queryMsgById", "-i", "xyz"]).errors.contains("\"xyz\" is no offset id"))
        let servers = Servers { command, address in
            command.requestCode == .queryMessage ? .response(.queryNotFound) : Golden.answer(command, address)
        }
        #expect(try await !Run(["queryMsgByKey", "-t", "x", "-k", "y"], servers: servers).errors.contains("offset id"))
    }

    /// What is missing is a topic that nobody asked about: that of the group's retries.
    @Test func adviceOnAGroupThatIsUnknownSpeaksOfGroups() async throws {
        for words in [["consumerProgress", "-g", "g"], ["consumerConnection", "-g", "g"], ["cloneGroupOffset", "-s", "g", "-d", "h", "-t", "T"]] {
            #expect(try await Run(words).errors.contains("What to do: no member of the group was ever connected; see `mqadmin consumerProgress`"))
        }
        #expect(try await Run(["topicRoute", "-t", "NoSuchTopic"]).errors.contains("What to do: see `mqadmin topicList`"))
    }

    /// A broker refuses other things with that code too.
    @Test func adviceOnPermissionsIsGivenWhereATopicIsMeant() async throws {
        let settings = Servers { _, _ in .response(.noPermission, remark: "can not update configBlackList") }
        let words = ["updateBrokerConfig", "-b", "127.0.0.1:30911", "-k", "configBlackList", "-v", "x"]
        #expect(try await !Run(words, servers: settings).errors.contains("What to do"))
        let topic = Servers { _, _ in .response(.noPermission, remark: "the topic[T] sending message is forbidden") }
        #expect(try await Run(["updateTopic", "-b", "127.0.0.1:30911", "-t", "T"], servers: topic).errors.contains("topicRoute -l"))
    }

    @Test func refusalOfABrokerNamesIt() async throws {
        let servers = Servers { _, _ in .response(.systemError, remark: "store is closed") }
        let run = try await Run(["brokerStatus", "-b", "127.0.0.1:30911"], servers: servers)
        #expect(run.errors.contains("CODE: 1  DESC: store is closed BROKER: 127.0.0.1:30911\n"))
    }

    @Test func garbageFromAServerIsAnError() async throws {
        let servers = Servers { _, _ in .response(.success, body: [0x7B, 0x00, 0xFF]) }
        let run = try await Run(["topicRoute", "-t", "x"], servers: servers)
        #expect(run.errors.contains("the answer cannot be read: the route of x"))
        #expect(run.exitCode == 0)
    }
}
