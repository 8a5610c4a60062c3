import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

/// Where a client's settings come from, and what is refused at its construction.
@Suite(.takesTurns) struct ConfigurationTests {
    private static func file(_ text: String, named name: String = "client.properties") throws -> (folder: TemporaryFolder, path: String) {
        let folder = try TemporaryFolder()
        try SmallFile.replace(folder.sub(name), with: Array(text.utf8))
        return (folder, folder.sub(name))
    }

    /// Why a client with this configuration is not made; nil when it is.
    private static func refusal(_ adjust: (inout RocketMQClient.Configuration) -> Void) -> ClientError? {
        var configuration = RocketMQClient.Configuration(nameServers: "127.0.0.1:9876")
        adjust(&configuration)
        do throws(ClientError) {
            _ = try RocketMQClient(configuration)
            return nil
        } catch {
            return error
        }
    }

    private static func refusal(ofFile text: String) throws -> ClientError? {
        let (folder, path) = try file(text)
        defer { withExtendedLifetime(folder) {} }
        do throws(ClientError) {
            _ = try RocketMQClient.Configuration(file: path)
            return nil
        } catch {
            return error
        }
    }

    @Test func aFileSaysWhatItSays() throws {
        let (keys, keyPath) = try Self.file("AccessKey = rocketmq2\nSecretKey=12345678\nSecurityToken=\n", named: "key")
        let (folder, path) = try Self.file("""
            namesrvAddr=10.0.0.1:9876;10.0.0.2:9876
            clientIP=10.1.1.1
            instanceName=worker
            unitName=u1
            namespace=ns
            pollNameServerInterval=15000
            heartbeatBrokerInterval=10000
            mqClientApiTimeout=1000
            rocketmq.serialize.type=ROCKETMQ
            org.apache.rocketmq.client.sendSmartMsg=false
            com.rocketmq.remoting.client.connect.timeout=500
            com.rocketmq.remoting.client.channel.maxIdleTimeSeconds=60
            com.rocketmq.remoting.frameMaxLength=1048576
            eventLoops=2
            rocketmq.client.keyFile=\(keyPath)
            vipChannelEnabled=false
            accessChannel=CLOUD
            """)
        defer { withExtendedLifetime((keys, folder)) {} }
        let configuration = try RocketMQClient.Configuration(file: path)
        #expect(configuration.nameServers.isExactly(["10.0.0.1:9876", "10.0.0.2:9876"]))
        #expect(configuration.namespace.isExactly("ns"))
        #expect(configuration.accessChannel == .cloud)
        #expect(configuration.routeRefreshInterval == .seconds(15))
        #expect(configuration.heartbeatInterval == .seconds(10))
        #expect(configuration.requestTimeout == .seconds(1))
        #expect(configuration.headers == .rocketmq)
        #expect(!configuration.usesShortSendHeader)
        #expect(configuration.connectTimeout == .milliseconds(500))
        #expect(configuration.idleTimeout == .seconds(60))
        #expect(configuration.maxFrameBytes == 1 << 20)
        #expect(configuration.eventLoops == 2)
        #expect(configuration.credentials?.accessKey.isExactly("rocketmq2") == true)
        #expect(configuration.credentials?.securityToken == nil)
        #expect(try RocketMQClient(configuration).clientId.isExactly("10.1.1.1@worker@u1"))
    }

    @Test func theJavaPropertiesAreKnown() throws {
        let (folder, path) = try Self.file("rocketmq.namesrv.addr=10.0.0.1:9876\nrocketmq.client.name=worker\ntls.enable=false\n")
        defer { withExtendedLifetime(folder) {} }
        let configuration = try RocketMQClient.Configuration(file: path)
        #expect(configuration.nameServers.isExactly(["10.0.0.1:9876"]))
        #expect(try RocketMQClient(configuration).clientId.hasByteSuffix("@worker"))
        let (other, both) = try Self.file("rocketmq.namesrv.addr=10.0.0.1:9876\nnamesrvAddr=10.0.0.2:9876\n")
        defer { withExtendedLifetime(other) {} }
        #expect(try RocketMQClient.Configuration(file: both).nameServers.isExactly(["10.0.0.2:9876"]))
    }

    @Test func aFileTurnsTLSOnAndServersAreVerified() throws {
        let (none, noPath) = try Self.file("tls.config.file=/nowhere/tls.properties\ntls.client.trustCertPath=/ca.pem\n")
        defer { withExtendedLifetime(none) {} }
        #expect(try RocketMQClient.Configuration(file: noPath).tls == nil)
        for (line, verifies) in [("useTLS=true", true), ("tls.enable=true", true), ("tls.enable=true\ntls.client.authServer=false", false),
            ("tls.enable=true\ntls.test.mode.enable=true", false)] {
            let (folder, path) = try Self.file("\(line)\ntls.config.file=/nowhere/none\ntls.client.trustCertPath=/ca.pem\n")
            defer { withExtendedLifetime(folder) {} }
            let tls = try #require(try RocketMQClient.Configuration(file: path).tls)
            #expect(tls.verifiesServer == verifies, "\(line)")
            #expect(tls.verifiesHostName)
            if verifies { #expect(tls.trustRootsFile == "/ca.pem") }
        }
    }

    @Test func aFileOfTLSAloneIsHeldToItsKeys() throws {
        let (folder, path) = try Self.file("tls.enable=true\ntls.client.trustCertPath=/ca.pem\ntls.config.file=/nowhere/none\n")
        defer { withExtendedLifetime(folder) {} }
        #expect(try TLSConfiguration(file: path)?.trustRootsFile == "/ca.pem")
        let (other, wrong) = try Self.file("tls.enable=true\ntls.client.trustCert=/ca.pem\n")
        defer { withExtendedLifetime(other) {} }
        let error = #expect(throws: ClientError.self) { try TLSConfiguration(file: wrong) }
        #expect(error?.message == "\(wrong): unknown key tls.client.trustCert")
    }

    @Test func filesOfTLSThatCannotBeUsedAreNamed() {
        let error = Self.refusal { $0.tls = TLSConfiguration(trustRootsFile: "/nowhere/ca.pem") }
        #expect(error?.code == .invalidConfiguration)
        #expect(error?.message == "tls.trustRootsFile=/nowhere/ca.pem cannot be used: No such file or directory (errno 2)")
    }

    @Test func theEnvironmentNamesNameServers() {
        let expected = Environment.value("NAMESRV_ADDR").map { NameServerList.parse($0) } ?? []
        #expect(RocketMQClient.Configuration().nameServers.isExactly(expected))
    }

    @Test func aDomainIsAnEndpoint() throws {
        let (folder, path) = try Self.file("rocketmq.namesrv.domain=mq.example\nrocketmq.namesrv.domain.subgroup=blue\n")
        defer { withExtendedLifetime(folder) {} }
        let endpoint = try #require(try RocketMQClient.Configuration(file: path).nameServerEndpoint)
        #expect(endpoint.domain.isExactly("mq.example"))
        #expect(endpoint.subgroup.isExactly("blue"))
    }

    @Test(arguments: [
        "namesrvAddr=10.0.0.1", "namesrvAddr=", "pollNameServerInterval=soon", "heartbeatBrokerInterval=0", "rocketmq.serialize.type=XML",
        "instanceName=a b", "clientIP=a@b", "eventLoops=65", "useTLS=perhaps", "vipChannelEnabled=true", "unitMode=true",
        "accessChannel=HOSTED", "rocketmq.client.keyFile=/nowhere/key", "com.rocketmq.remoting.frameMaxLength=10",
    ])
    func whatAFileMustNotSay(line: String) throws {
        let error = try #require(try Self.refusal(ofFile: line))
        #expect(error.code == .invalidConfiguration)
        // A line of a file names its key, what it has and what it may have.
        if !line.hasBytePrefix("rocketmq.client.keyFile") { #expect(error.message.containsBytes(of: "allowed")) }
    }

    @Test func aFileThatIsNotThere() {
        let error = #expect(throws: ClientError.self) { try RocketMQClient.Configuration(file: "/nowhere/client.properties") }
        #expect(error?.code == .invalidConfiguration)
        #expect(error?.message.containsBytes(of: "/nowhere/client.properties") == true)
    }

    @Test func everythingElseIsWarnedOf() throws {
        for (line, word) in [("colour=red", "unknown key colour"), ("language=CPP", "language has no effect")] {
            let given = RMQCommon.Configuration(parsing: line)
            var configuration = RocketMQClient.Configuration(nameServers: [])
            let report = try RocketMQClient.Configuration.settings.apply(given.pairs, to: &configuration)
            #expect(report.warnings.contains { $0.containsBytes(of: word) }, "\(report.warnings)")
        }
    }

    @Test func whatAClientMustNotBeTold() {
        let wrong: [(ClientError.Code, (inout RocketMQClient.Configuration) -> Void)] = [
            (.noNameServer, { $0.nameServers = [] }), (.invalidConfiguration, { $0.nameServers = ["10.0.0.1"] }),
            (.invalidConfiguration, { $0.instanceName = .fixed("") }), (.invalidConfiguration, { $0.instanceName = .fixed("a/b") }),
            (.invalidConfiguration, { $0.clientAddress = "a@b" }), (.invalidConfiguration, { $0.unitName = "a b" }),
            (.invalidConfiguration, { $0.namespace = "a/b" }), (.invalidConfiguration, { $0.namespace = "a%b" }),
            (.invalidConfiguration, { $0.requestTimeout = .zero }), (.invalidConfiguration, { $0.connectTimeout = .zero }),
            (.invalidConfiguration, { $0.idleTimeout = .zero }), (.invalidConfiguration, { $0.routeRefreshInterval = .zero }),
            (.invalidConfiguration, { $0.eventLoops = 0 }), (.invalidConfiguration, { $0.maxFrameBytes = 1 }),
            (.invalidConfiguration, { $0.credentials = Credentials(accessKey: "", secretKey: "12345678") }),
            (.invalidConfiguration, { $0.credentials = Credentials(accessKey: "rocketmq2", secretKey: "") }),
            (.invalidConfiguration, { $0.nameServerEndpoint = NameServerEndpoint(domain: "") }),
            (.invalidConfiguration, { $0.nameServerEndpoint = NameServerEndpoint(domain: "a:b") }),
            (.invalidConfiguration, { $0.heartbeatInterval = .seconds(121) }),
        ]
        for (code, adjust) in wrong {
            let error = Self.refusal(adjust)
            #expect(error?.code == code, "\(error.map { "\($0)" } ?? "was taken")")
        }
        #expect(Self.refusal { _ in } == nil)
        #expect(Self.refusal { $0.nameServers = []; $0.nameServerEndpoint = NameServerEndpoint(domain: "mq.example") } == nil)
    }

    /// What was written stands in the words, and which of several settings it was.
    @Test func whatIsRefusedIsNamed() {
        let wrong: [(String, (inout RocketMQClient.Configuration) -> Void)] = [
            ("\"http://mq:9876/\"", { $0.nameServers = ["http://mq:9876/"] }), ("heartbeatInterval is -1.0 seconds", { $0.heartbeatInterval = .seconds(-1) }),
            ("idleTimeout is 0.0 seconds", { $0.idleTimeout = .zero }), ("domain is \"\"", { $0.nameServerEndpoint = NameServerEndpoint(domain: "") }),
            ("no http://", { $0.nameServerEndpoint = NameServerEndpoint(domain: "http://mq") }),
            ("secretKey", { $0.credentials = Credentials(accessKey: "rocketmq2", secretKey: "") }),
        ]
        for (words, adjust) in wrong {
            let error = Self.refusal(adjust)
            #expect(error?.message.containsBytes(of: words) == true, "\(error.map { "\($0)" } ?? "was taken")")
        }
    }

    @Test func aBroadcastingConsumerThatWillNotFindItsOffsetsIsWarnedOf() async throws {
        var settings = (push: ConsumerConfiguration(), lite: LitePullConfiguration())
        settings.push.model = .broadcasting(offsetDirectory: "/nowhere")
        settings.lite.model = settings.push.model
        for (name, count) in [(InstanceName.unique, 2), (.fixed("worker"), 0)] {
            let log = MemoryLog()
            var configuration = RocketMQClient.Configuration(nameServers: "127.0.0.1:1")
            configuration.instanceName = name
            configuration.log(.warning, to: log)
            let client = try RocketMQClient(configuration)
            _ = try await client.makePushConsumer(group: "push", settings.push)
            _ = try await client.makeLitePullConsumer(group: "lite", settings.lite)
            #expect(log.texts.count { $0.containsBytes(of: "its offsets are lost with this client") } == count)
            await client.shutdown()
        }
    }

    @Test func aSubscriptionToNoTagIsRefused() async throws {
        let client = try RocketMQClient(.init(nameServers: "127.0.0.1:1"))
        let consumer = try await client.makePushConsumer(group: "c")
        #expect(await failure { () throws(ClientError) in try await consumer.subscribe(to: "T", .tags([])) }?.code == .invalidConfiguration)
        await client.shutdown()
    }

    @Test func aClientIdHasItsParts() throws {
        var configuration = RocketMQClient.Configuration(nameServers: "127.0.0.1:9876")
        configuration.clientAddress = "10.1.1.1"
        let (first, second) = (try RocketMQClient(configuration).clientId, try RocketMQClient(configuration).clientId)
        #expect(!first.isExactly(second), "every start has a name of its own")
        #expect(first.hasBytePrefix("10.1.1.1@"))
        configuration.instanceName = .fixed("worker")
        #expect(try RocketMQClient(configuration).clientId.isExactly("10.1.1.1@worker"))
        configuration.unitName = "u1"
        #expect(try RocketMQClient(configuration).clientId.isExactly("10.1.1.1@worker@u1"))
    }

    @Test func aSecretIsNotPrinted() {
        #expect(!"\(Credentials(accessKey: "rocketmq2", secretKey: "12345678"))".containsBytes(of: "12345678"))
    }

    @Test func credentialsSignEveryRequest() async throws {
        try await withFakeCluster { cluster in
            try await cluster.withClient({ $0.credentials = Credentials(accessKey: "rocketmq2", secretKey: "12345678", securityToken: "t") }) { client in
                _ = try await client.makeProducer(group: "pg").send(Message(topic: "T", text: "a"))
            }
            for code in [RequestCode.getRouteinfoByTopic, .sendMessageV2, .unregisterClient] {
                let fields = try #require(cluster.asked(code).first?.fields)
                #expect(fields["AccessKey"].isExactly("rocketmq2"))
                #expect(fields["SecurityToken"].isExactly("t"))
                #expect(fields["Signature"]?.utf8.count == 28)
            }
        }
    }
}
