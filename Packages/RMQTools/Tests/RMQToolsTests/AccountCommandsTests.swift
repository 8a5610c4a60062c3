@testable import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
@testable import RMQTools
import Synchronization
import Testing

/// Commands about accounts of access control, and in whose name commands ask.
@Suite(.takesTurns) struct AccountCommandsTests {
    private static let broker = "127.0.0.1:33911"

    /// The recorded broker with access control, in a cluster of its own beside the other one.
    private static func servers(version: DataVersion? = nil) -> Servers {
        Servers { command, address in
            switch command.requestCode {
            case .getBrokerClusterInfo:
                var info = Golden.info
                info.clusters["GoldenAcl"] = ["golden-c"]
                info.brokers["golden-c"] = BrokerData(cluster: "GoldenAcl", brokerName: "golden-c", addresses: [0: broker])
                return .response(.success, body: info.body)
            case .getBrokerClusterAclInfo:
                var header = AccessVersionResponseHeader()
                let version = version ?? DataVersion(timestamp: 1_795_236_828_995)
                header.version = version.json.text(.fastjson)
                header.fileVersions = "{\"/home/rocketmq1/c/home/conf/plain_acl.yml\":\(header.version)}"
                header.brokerName = "golden-c"
                header.brokerAddress = broker
                header.clusterName = "GoldenAcl"
                return .response(.success, header: header)
            default: return .response(.success)
            }
        }
    }

    @Test(arguments: [
        "deleteAclConfig-alias", "deleteAclConfig-b", "clusterAclConfigVersion-b", "clusterAclConfigVersion-c", "updateGlobalWhiteAddr-b",
        "updateGlobalWhiteAddr-c", "updateTopic-acl",
    ])
    func outputIsAsRecorded(_ name: String) async throws {
        let recording = try Recording(name)
        try await Run(recording.words, servers: Self.servers()).expect(recording)
    }

    /// The reference's broker does not answer while access control is off. What the command found until then is shown.
    @Test(arguments: ["clusterAclConfigVersion-b-aclOff", "clusterAclConfigVersion-c-aclOff"])
    func aBrokerThatDoesNotAnswerEndsTheList(_ name: String) async throws {
        let recording = try Recording(name)
        let servers = Servers { command, address in command.requestCode == .getBrokerClusterAclInfo ? nil : Golden.answer(command, address) }
        let run = try await Run(recording.words, servers: servers)
        #expect(run.output == recording.output && run.exitCode == recording.exitCode)
        #expect(run.errors.contains("connect to 127.0.0.1:30911 failed\nWhat to do: "))
    }

    @Test func versionsAsJSON() async throws {
        let words = try Recording("clusterAclConfigVersion-c").words + ["--json"]
        let rows = try #require(try JSONValue(parsing: try await Run(words, servers: Self.servers()).output).asArray)
        #expect(rows.map { $0["aclFilePath"] } == ["/home/rocketmq1/c/home/conf/plain_acl.yml"])
        #expect(rows[0]["timestamp"] == 1_795_236_828_995 && rows[0]["counter"] == 0)
    }

    @Test func aLaterVersionIsShown() async throws {
        let recording = try Recording("clusterAclConfigVersion-c-after")
        try await Run(recording.words, servers: Self.servers(version: DataVersion(timestamp: 1_795_236_954_000, counter: 6))).expect(recording)
    }

    @Test(arguments: [
        "updateAclConfig-acl-unsigned", "updateAclConfig-b-aclOff", "updateAclConfig-c-aclOff", "updateAclConfig-badPerm", "updateAclConfig-shortKey",
        "deleteAclConfig-alias-aclOff", "deleteAclConfig-b-aclOff", "deleteAclConfig-c-aclOff", "deleteAclConfig-unknown",
        "clusterAclConfigVersion-b-unsigned", "updateGlobalWhiteAddr-b-aclOff", "updateGlobalWhiteAddr-c-aclOff", "updateGlobalWhiteAddr-p-unknown",
    ])
    func aRefusalIsToldInTheBrokersWords(_ name: String) async throws {
        let recording = try Recording(name)
        let refusal = try recording.refusal()
        let servers = Servers { command, address in
            command.requestCode == .getBrokerClusterInfo ? Golden.answer(command, Golden.nameServer) : refusal
        }
        try await Run(recording.words, servers: servers).expect(recording)
    }

    /// The reference prints the number of a Java object in the last line.
    @Test(arguments: ["updateAclConfig-b", "updateAclConfig-c", "updateAclConfig-c-unknown"])
    func anAccountIsMadeAndItsSecretNotShown(_ name: String) async throws {
        let recording = try Recording(name)
        let servers = Self.servers()
        let run = try await Run(recording.words, servers: servers)
        let object = try #require(recording.output.firstRange(of: "org.apache.rocketmq.common.PlainAccessConfig@"))
        let account = name == "updateAclConfig-c" ? "toolAccount2" : "toolAccount"
        #expect(run.output == recording.output[..<object.lowerBound] + "PlainAccessConfig [accessKey=\(account), admin=false]")
        #expect(run.errors.isEmpty)
        #expect(servers.addresses(asked: .updateAndCreateAclConfig) == (name == "updateAclConfig-c-unknown" ? [] : [Self.broker]))
        guard name == "updateAclConfig-b" else { return }
        let fields = try #require(servers.fields(asked: .updateAndCreateAclConfig).first)
        for (field, value) in [
            ("accessKey", "toolAccount"), ("secretKey", "12345678"), ("whiteRemoteAddress", "10.0.0.*"), ("admin", "false"), ("defaultTopicPerm", "DENY"),
            ("defaultGroupPerm", "SUB"), ("topicPerms", "TopicA=DENY,TopicB=PUB|SUB"), ("groupPerms", "groupA=DENY,groupB=SUB"),
        ] {
            #expect(fields[field] == value, "\(field)")
        }
    }

    @Test func ofAClusterReplicasAreToldToo() async throws {
        let servers = Servers { command, address in
            guard command.requestCode == .getBrokerClusterInfo else { return .response(.success) }
            var info = Golden.info
            info.brokers["golden-a"]?.addresses[1] = "127.0.0.1:32911"
            return .response(.success, body: info.body)
        }
        _ = try await Run(["updateGlobalWhiteAddr", "-c", "GoldenCluster", "-g", "10.0.0.3", "-p", "/x.yml"], servers: servers)
        #expect(Set(servers.addresses(asked: .updateGlobalWhiteAddrsConfig)) == ["127.0.0.1:30911", "127.0.0.1:31911", "127.0.0.1:32911"])
        #expect(servers.fields(asked: .updateGlobalWhiteAddrsConfig).first?["aclFileFullPath"] == "/x.yml")
    }

    @Test func commandsAskOverTLSWhenTheirFileSaysSoAndNotAtAllWhenItCannotBeUsed() async throws {
        let folder = try TemporaryFolder()
        let file = folder.sub("conf/tls.properties")
        try SmallFile.replace(file, with: "tls.enable=true\ntls.config.file=/nowhere/none\n")
        let seen = Mutex<[Bool]>([])
        let captured = CapturedOutput()
        let home = folder.path
        let tool = AdminTool(
            output: captured, environment: { ["ROCKETMQ_HOME": home, "NAMESRV_ADDR": Golden.nameServer][$0] }, time: .utc,
            makeAdmin: { nameServers, access in
                seen.withLock { $0.append(access.tls != nil) }
                return Admin(nameServers: nameServers, transport: Servers(Golden.answer))
            })
        let words = ["updateTopic", "-b", "127.0.0.1:30911", "-t", "T"]
        _ = await tool.run(words)
        try SmallFile.replace(file, with: "tls.enable=perhaps\n")
        _ = await tool.run(words)
        #expect(seen.withLock { $0 } == [true])
        #expect(captured.errors.contains("tls.enable=perhaps is not allowed; allowed: true or false"))
    }

    @Test func commandsAskInTheNameOfTheAccount() async throws {
        let folder = try TemporaryFolder()
        try SmallFile.replace(folder.sub("conf/tools.yml"), with: "accessKey: rocketmq2\nsecretKey: 12345678\n")
        let seen = Mutex<[String?]>([])
        let captured = CapturedOutput()
        let home = folder.path
        let tool = AdminTool(
            output: captured, environment: { ["ROCKETMQ_HOME": home, "NAMESRV_ADDR": Golden.nameServer][$0] }, time: .utc,
            makeAdmin: { nameServers, access in
                seen.withLock { $0.append(access.credentials?.accessKey) }
                return Admin(nameServers: nameServers, transport: Servers(Golden.answer))
            })
        #expect(await tool.run(["updateTopic", "-b", "127.0.0.1:30911", "-t", "T"]) == 0)
        try SmallFile.replace(folder.sub("conf/tools.yml"), with: "accessKey rocketmq2\n")
        #expect(await tool.run(["updateTopic", "-b", "127.0.0.1:30911", "-t", "T"]) == 0)
        #expect(seen.withLock { $0 } == ["rocketmq2", nil])
        #expect(captured.errors.hasPrefix("the requests are not signed: \(home)/conf/tools.yml, line 1: "))
    }
}
