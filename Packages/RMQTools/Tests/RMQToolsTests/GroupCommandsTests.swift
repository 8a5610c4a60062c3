@testable import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
@testable import RMQTools
import Testing

/// Commands about consumer groups: their settings, their members, their end, and what one group takes over from another.
@Suite(.takesTurns) struct GroupCommandsTests {
    // MARK: The end of a group

    @Test(arguments: ["deleteSubGroup-b", "deleteSubGroup-c", "deleteSubGroup-c-unknown", "deleteSubGroup-none", "deleteSubGroup-unknown"])
    func groupsAreDeleted(_ name: String) async throws {
        let recording = try Recording(name)
        try await Run(recording.words).expect(recording)
    }

    @Test func aGroupOfAClusterGoesWithItsTopics() async throws {
        let servers = Servers(Golden.answer)
        _ = try await Run(try Recording("deleteSubGroup-c").words, servers: servers)
        #expect(servers.fields(asked: .deleteSubscriptiongroup).map { $0["groupName"] } == ["tool_group_c", "tool_group_c"])
        #expect(servers.fields(asked: .deleteSubscriptiongroup).first?["removeOffset"] == "true")
        #expect(servers.fields(asked: .deleteTopicInNamesrv).map { $0["topic"] } == ["%RETRY%tool_group_c", "%DLQ%tool_group_c"])
    }

    /// As in the reference, what becomes of the topics does not decide about the group; but the second is tried as well.
    @Test func aTopicThatStaysIsTold() async throws {
        let servers = Servers { command, address in
            command.requestCode == .deleteTopicInBroker ? .response(.systemError, remark: "no") : Golden.answer(command, address)
        }
        let run = try await Run(["deleteSubGroup", "-c", "GoldenCluster", "-g", "g", "--exit-code"], servers: servers)
        #expect(run.output.split(separator: "\n").count == 2)
        #expect(run.errors == "CODE: 1  DESC: no\nCODE: 1  DESC: no\n")
        #expect(run.exitCode == 2)
    }

    // MARK: Settings

    private static func settings(in recording: Recording) throws -> [String: SubscriptionGroupConfig] {
        var groups: [String: SubscriptionGroupConfig] = [:]
        var values: [String: String] = [:]
        for line in recording.output.split(separator: "\n").reversed() {
            guard line.hasPrefix("===") else {
                values[String(line.prefix { $0 != " " })] = String(line.dropFirst(43))
                continue
            }
            let broker = try #require(line.split { ":=".contains($0) }.last)
            groups[String(broker)] = SubscriptionGroupConfig(
                groupName: try #require(values["groupName"]), consumeEnabled: values["consumeEnable"] == "true",
                consumeFromMinEnabled: values["consumeFromMinEnable"] == "true", consumeBroadcastEnabled: values["consumeBroadcastEnable"] == "true",
                retryQueueCount: try #require(values["retryQueueNums"].flatMap { Int32($0) }),
                retryMaxTimes: try #require(values["retryMaxTimes"].flatMap { Int32($0) }),
                brokerId: try #require(values["brokerId"].flatMap { Int64($0) }),
                whichBrokerWhenConsumeSlowly: try #require(values["whichBrokerWhenConsumeSlowly"].flatMap { Int64($0) }),
                notifiesConsumerIdsChanged: values["notifyConsumerIdsChangedEnable"] == "true")
        }
        return groups
    }

    private static func servers(with groups: [String: SubscriptionGroupConfig]) -> Servers {
        Servers { command, address in
            guard command.requestCode == .getAllSubscriptiongroupConfig else { return Golden.answer(command, address) }
            var table = SubscriptionGroupTable(groups: [:], dataVersion: DataVersion(timestamp: 1))
            if let group = Golden.masters.first(where: { $0.value == address }).flatMap({ groups[$0.key] }) { table.groups[group.groupName] = group }
            return .response(.success, body: table.body)
        }
    }

    @Test(arguments: ["getConsumerConfig", "getConsumerConfig-made", "getConsumerConfig-unknown"])
    func settingsOfAGroup(_ name: String) async throws {
        let recording = try Recording(name)
        try await Run(recording.words, servers: Self.servers(with: Self.settings(in: recording))).expect(recording)
    }

    @Test func settingsAsJSON() async throws {
        let recording = try Recording("getConsumerConfig-made")
        let servers = Self.servers(with: try Self.settings(in: recording))
        let entries = try #require(try JSONValue(parsing: try await Run(recording.words + ["--json"], servers: servers).output).asArray)
        #expect(entries.map { $0["brokerName"] } == ["golden-a", "golden-b"])
        #expect(entries[0]["clusterName"] == "GoldenCluster" && entries[0]["retryMaxTimes"] == 5)
        #expect(entries[0]["notifyConsumerIdsChangedEnable"] == false)
    }

    @Test func aBrokerThatIsAwayDoesNotHideTheOthers() async throws {
        let all = Self.servers(with: try Self.settings(in: Recording("getConsumerConfig")))
        let servers = Servers { command, address in address == "127.0.0.1:30911" ? nil : all.answer(command, address) }
        let run = try await Run(["getConsumerConfig", "-g", "golden_consumer"], servers: servers)
        #expect(run.output.hasPrefix("=============================GoldenCluster:golden-b====="))
        #expect(run.errors == "connect to 127.0.0.1:30911 failed\n")
    }

    // MARK: Members

    private static func members(in recording: Recording) throws -> ConsumerConnection {
        let lines = recording.output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let parts = lines.split(separator: "").map(Array.init)
        var members = ConsumerConnection()
        members.connections = parts[0].dropFirst().map { line in
            let words = line.split(separator: " ").map(String.init)
            return ClientConnection {
                $0.clientId = words[0]
                $0.address = words[1]
                $0.language = .java
                $0.version = 409
            }
        }
        for line in parts[1].dropFirst(2) {
            let topic = String(line.prefix { $0 != " " }), expression = String(line.dropFirst(topic.count).drop { $0 == " " })
            members.subscriptions[topic] = SubscriptionData {
                $0.topic = topic
                $0.expression = expression
            }
        }
        let words = parts[2].map { String($0.split(separator: " ")[1]) }
        members.consumeType = try #require(ConsumeType(rawValue: words[0]))
        members.messageModel = try #require(MessageModel(rawValue: words[1]))
        members.consumeFromWhere = try #require(ConsumeFromWhere(rawValue: words[2]))
        return members
    }

    private static func servers(with members: ConsumerConnection) -> Servers {
        Servers { command, address in
            switch command.requestCode {
            case .getRouteinfoByTopic: .response(.success, body: Golden.route().body)
            case .getConsumerConnectionList: .response(.success, body: members.body)
            default: Golden.answer(command, address)
            }
        }
    }

    @Test(arguments: [
        "consumerConnection", "consumerConnection-b", "consumerConnection-broadcast", "consumerConnection-litepull", "consumerConnection-orderly",
        "consumerConnection-sql", "consumerConnection-two",
    ])
    func membersOfAGroup(_ name: String) async throws {
        let recording = try Recording(name)
        let servers = Self.servers(with: try Self.members(in: recording))
        try await Run(recording.words, servers: servers).expect(recording)
        #expect(servers.addresses(asked: .getConsumerConnectionList).count == 1)
    }

    @Test func theGivenBrokerIsAskedAlone() async throws {
        let servers = Self.servers(with: try Self.members(in: Recording("consumerConnection")))
        _ = try await Run(["consumerConnection", "-g", "g", "-b", "127.0.0.1:31911"], servers: servers, nameServer: "")
        #expect(servers.addresses(asked: .getConsumerConnectionList) == ["127.0.0.1:31911"])
        #expect(servers.addresses(asked: .getRouteinfoByTopic).isEmpty)
    }

    @Test(arguments: ["consumerConnection-offline", "consumerConnection-unknown"])
    func aGroupWithoutMembersIsTold(_ name: String) async throws {
        let recording = try Recording(name)
        try await Run(recording.words).expect(recording)
    }

    @Test func aBrokerThatKnowsNoMemberSaysSo() async throws {
        let refusing = Servers { command, address in
            command.requestCode == .getConsumerConnectionList
                ? .response(.consumerNotOnline, remark: "the consumer group[g] not online") : Golden.answer(command, address)
        }
        #expect(try await Run(["consumerConnection", "-g", "g", "-b", "127.0.0.1:30911"], servers: refusing).errors.contains(
            "CODE: 206  DESC: the consumer group[g] not online BROKER: 127.0.0.1:30911\nWhat to do: "))
        let empty = Self.servers(with: ConsumerConnection())
        #expect(try await Run(["consumerConnection", "-g", "g"], servers: empty).errors.contains("CODE: 206  DESC: Not found the consumer group connection"))
    }

    @Test func membersAsJSON() async throws {
        let recording = try Recording("consumerConnection-two")
        let servers = Self.servers(with: try Self.members(in: recording))
        let json = try JSONValue(parsing: try await Run(recording.words + ["--json"], servers: servers).output)
        #expect(json["connectionSet"]?.asArray?.map { $0["clientId"] } == ["192.0.2.2@two2", "192.0.2.2@two1"])
        #expect(json["messageModel"] == "CLUSTERING")
        #expect(json["subscriptionTable"]?["GoldenPlain"]?["subString"] == "TagA")
    }

    // MARK: Offsets of another group

    private static func servers(having stats: ConsumeStats) -> Servers {
        Servers { command, address in
            let topic = command.fields?["topic"] ?? ""
            return switch command.requestCode {
            case .getRouteinfoByTopic where topic != "NoSuchTopic" && topic != "%RETRY%golden_nobody": .response(.success, body: Golden.route().body)
            case .getConsumeStats: .response(.success, body: address == Golden.masters["golden-a"] ? stats.body : ConsumeStats().body)
            default: Golden.answer(command, address)
            }
        }
    }

    private static var progress: ConsumeStats {
        var stats = ConsumeStats()
        for (topic, queueId, offset) in [("GoldenPlain", 0, 5), ("GoldenPlain", 1, -1), ("%RETRY%golden_consumer", 0, 1)] as [(String, Int32, Int64)] {
            stats.queues[MessageQueue(topic: topic, brokerName: "golden-a", queueId: queueId)] = .init { $0.consumerOffset = offset }
        }
        return stats
    }

    @Test(arguments: ["cloneGroupOffset", "cloneGroupOffset-o", "cloneGroupOffset-unknownGroup", "cloneGroupOffset-unknownTopic"])
    func offsetsAreCloned(_ name: String) async throws {
        let recording = try Recording(name)
        let servers = Self.servers(having: Self.progress)
        try await Run(recording.words, servers: servers).expect(recording)
        let stored = servers.fields(asked: .updateConsumerOffset)
        guard recording.errors.isEmpty else {
            #expect(stored.isEmpty)
            return
        }
        #expect(stored.map { $0["topic"] } == ["%RETRY%golden_consumer", "GoldenPlain"], "where nothing was consumed, nothing is stored")
        #expect(stored.map { $0["commitOffset"] } == ["1", "5"])
        #expect(stored.allSatisfy { $0["consumerGroup"] == recording.words[4] })
    }

    @Test func aGroupThatConsumedNothingHasNothingToClone() async throws {
        let run = try await Run(["cloneGroupOffset", "-s", "a", "-d", "b", "-t", "T"], servers: Self.servers(having: ConsumeStats()))
        #expect(run.output.isEmpty && run.errors.contains("CODE: 206  DESC: Not found the consumer group consume stats"))
    }
}
