import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

@testable import RMQNamesrv

/// Key-value configuration and the server's own.
@Suite(.takesTurns) struct SettingsTests {
    private func text(_ path: String) throws -> String? { try SmallFile.read(path).map { String(decoding: $0, as: UTF8.self) } }

    @Test func theKeyValuesGoToTheLogNowAndThen() throws {
        let folder = try TemporaryFolder()
        var configuration = NameServerConfiguration(userHome: folder.path)
        configuration.listener.port = 0
        try SmallFile.replace(configuration.kvConfigPath, with: #"{"configTable":{"ns":{},"ORDER":{"T2":"b:1","T1":"a:1"}}}"#)
        let sink = MemorySink()
        let loops = EventLoopGroup(count: 1, name: "namesrv-test")
        let server = try NameServer(configuration: configuration, logger: Logger(category: "RocketmqNamesrv", sink: sink), loops: loops)
        try server.start()
        server.logKeyValues()
        server.stop()
        loops.stop()
        #expect(sink.messages.suffix(4) == [
            "--------------------------------------------------------", "configTable SIZE: 2", "configTable NS: ORDER Key: T1 Value: a:1",
            "configTable NS: ORDER Key: T2 Value: b:1",
        ])
    }

    /// Or a value that is written again and again would use up what the table may hold.
    @Test func theSizeOfTheKeyValuesIsThatOfWhatIsThere() {
        var table = NamespaceTable()
        for value in ["1", "22", "333", "4"] { table.put(namespace: "ns", key: "key", value: value) }
        #expect(table.byteCount == "ns".utf8.count + "key4".utf8.count)
        table.put(namespace: "ns", key: "other", value: "5")
        table.put(namespace: "ns", key: "key", value: nil)
        #expect(table.byteCount == "ns".utf8.count + "other5".utf8.count)
        table.remove(namespace: "ns", key: "other")
        table.remove(namespace: "ns", key: "other")
        #expect(table.byteCount == "ns".utf8.count)
    }

    @Test func keyValuesAreAnsweredAndKept() async throws {
        try await Bench.run { bench in
            let put: HeaderFields = ["namespace": "ORDER_TOPIC_CONFIG", "key": "T", "value": "a:1"]
            #expect(try await bench.ask(.putKvConfig, fields: put).responseCode == .success)
            #expect(try text(bench.server.configuration.kvConfigPath) == #"{"configTable":{"ORDER_TOPIC_CONFIG":{"T":"a:1"}}}"#)
            #expect(try await bench.ask(.getKvConfig, fields: put).fields?["value"] == "a:1")
            #expect(try await bench.ask(.getKvlistByNamespace, fields: put).text == #"{"table":{"T":"a:1"}}"#)
            #expect(try await bench.register().text == #"{"table":{"T":"a:1"}}"#)

            #expect(try await bench.ask(.deleteKvConfig, fields: put).responseCode == .success)
            #expect(try text(bench.server.configuration.kvConfigPath) == #"{"configTable":{"ORDER_TOPIC_CONFIG":{}}}"#)
            let gone = try await bench.ask(.getKvConfig, fields: put)
            #expect(gone.responseCode == .queryNotFound)
            #expect(gone.remark == "No config item, Namespace: ORDER_TOPIC_CONFIG Key: T")
            let unknown = try await bench.ask(.getKvlistByNamespace, fields: ["namespace": "N"])
            #expect(unknown.responseCode == .queryNotFound)
            #expect(unknown.remark == "No config item, Namespace: N")
            #expect(try await bench.ask(.deleteKvConfig, fields: ["namespace": "N", "key": "k"]).responseCode == .success)
            let bare = try await bench.ask(.putKvConfig, fields: ["namespace": "N"])
            #expect(bare.responseCode == .systemError)
            #expect(bare.remark == "namespace or key is null")
        }
    }

    @Test func aNewServerReadsWhatTheOldOneWrote() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/deep/kv.json"
        let set: HeaderFields = ["namespace": "N", "key": "k", "value": "ä \"1\""]
        try await Bench.run { $0.kvConfigPath = path } _: { _ = try await $0.ask(.putKvConfig, fields: set) }
        try await Bench.run { $0.kvConfigPath = path } _: { bench in
            #expect(try await bench.ask(.getKvConfig, fields: set).fields?["value"] == "ä \"1\"")
            _ = try await bench.ask(.putKvConfig, fields: ["namespace": "N", "key": "l", "value": "2"])
        }
        try SmallFile.replace(path, with: "{half a fi")
        try SmallFile.replace(path + ".bak", with: #"{"configTable":{"N":{"k":"1"}}}"#)
        try await Bench.run { $0.kvConfigPath = path } _: { bench in
            let value = try await bench.ask(.getKvConfig, fields: set).fields?["value"]
            #expect(value == "1", "a damaged file falls back to its backup")
        }
    }

    @Test("Case 2.5: marks, NULs and comments in kvConfig.json are passed over, a bad entry is left out", arguments: [
        "\u{FEFF}◊", "◊\u{0}\u{0}", "/* by hand */ ◊ // end", "// by hand\n◊",
    ]) func keyValuesOfAFileMadeByHandAreRead(form: String) throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/kv.json", sink = MemorySink()
        let table = #"{"configTable":{"N":{"k":"v","n":5,"o":{"a":1},"x":null},"bad":5,"empty":[],/* x */"none":null,}}"#
        try SmallFile.replace(path, with: form.replacing("◊", with: table))
        let read = KeyValueFile.load(path, logger: Logger(category: "c", level: .warning, sink: sink))
        #expect(read.namespaces == ["N": ["k": "v", "n": "5", "o": #"{"a":1}"#], "empty": [:]])
        #expect(sink.messages == [#"\#(path): entry "bad" is left out: JSON property bad is not an object, its value is 5"#])
    }

    @Test(arguments: ["{}", #"{"configTable":[]}"#, #"{"configTable":null}"#, "null", "\n"]) func keyValuesOfNothingAreNone(content: String) throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/kv.json"
        try SmallFile.replace(path, with: content)
        #expect(KeyValueFile.load(path, logger: .silent).namespaces.isEmpty)
        #expect(FileSystem.exists(path), "it is not put aside as damaged")
    }

    @Test func whatCannotBeWrittenIsNotAnsweredAsDone() async throws {
        try await Bench.run { $0.kvConfigPath = "/proc/none/kv.json" } _: { bench in
            let put: HeaderFields = ["namespace": "N", "key": "k", "value": "v"]
            let refused = try await bench.ask(.putKvConfig, fields: put)
            #expect(refused.responseCode == .systemError)
            #expect(try await bench.ask(.getKvConfig, fields: put).responseCode == .queryNotFound)
        }
    }

    @Test func aDiskThatIsTooSlowIsSaidSoInsteadOfQueueingForEver() async throws {
        try await Bench.run { bench in
            let files = bench.server.state.files, gate = Gate()
            let put: HeaderFields = ["namespace": "N", "key": "k", "value": "v"]
            #expect(files.run { gate.pass() })
            try await eventually("the disk is held up") { files.waitingCount == 0 }
            let taken = (0..<100_000).first { _ in !files.run {} }
            #expect(taken == 4_096)
            for (code, body) in [(RequestCode.putKvConfig, []), (.deleteKvConfig, []), (.updateNamesrvConfig, Array("orderMessageEnable=true".utf8))] {
                let busy = try await bench.ask(code, fields: put, body: body)
                #expect(busy.responseCode == .systemBusy)
                let remark = "[OVERLOAD]4096 requests or 16 MiB wait for the namesrv-files threads, the limit; try again later"
                #expect(busy.remark == remark)
            }
            #expect(try await bench.ask(.getKvConfig, fields: put).responseCode == .queryNotFound, "what reads memory is answered meanwhile")
            gate.open()
            try await eventually("changes are taken again") { try await bench.ask(.putKvConfig, fields: put).responseCode == .success }
        }
    }

    @Test func memoryThatWaitsForTheDiskIsBounded() async throws {
        try await Bench.run { bench in
            let files = bench.server.state.files, gate = Gate()
            #expect(files.run(holding: 15 << 20) { gate.pass() })
            let large: HeaderFields = ["namespace": "N", "key": "k", "value": "v"]
            let busy = try await bench.ask(.putKvConfig, fields: large, body: [UInt8](repeating: 1, count: 1 << 20))
            #expect(busy.responseCode == .systemBusy)
            gate.open()
        }
    }

    @Test func aStoppedServerHasWrittenWhatItWasAskedFor() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/kv.json"
        try await Bench.run { $0.kvConfigPath = path } _: { bench in
            for number in 0..<50 {
                let put: HeaderFields = ["namespace": "N", "key": "k\(number)", "value": "v"]
                try await bench.client.sendOneway(RemotingCommand(code: RequestCode.putKvConfig.rawValue, fields: put), to: bench.address)
            }
            // Answered on the same connection: the server has read all of them by now.
            _ = try await bench.ask(.getAllTopicListFromNameserver)
        }
        let table = KeyValueFile.load(path, logger: .silent)
        #expect(table.namespaces["N"]?.count == 50)
    }

    @Test func keysWithoutEffectAreNamed() throws {
        var configuration = NameServerConfiguration(userHome: "/h")
        let warnings = try configuration.apply([("serverSocketBacklog", "4096"), ("serverWorkerThreads", "8"), ("listenPort", "1234")])
        #expect(warnings == ["configuration: serverSocketBacklog has no effect in this name server"])
        #expect(configuration.tuning.serverSocketBacklog == 4096)
    }

    @Test("Case 2.6: blanks around a value are not part of it, but for paths")
    func blanksAroundAValueDoNotCount() throws {
        var configuration = NameServerConfiguration(userHome: "/h")
        let file = PropertiesText.parse("listenPort=1234 \nbindAddress=::1\t\norderMessageEnable=true\u{A0}\nserverSelectorThreads=2 \nkvConfigPath=/kv \n")
        #expect(try configuration.apply(file).isEmpty)
        #expect(configuration.listener.port == 1234)
        #expect(configuration.listener.bindAddress == "::1")
        #expect(configuration.orderMessageEnable)
        #expect(configuration.eventLoops == 2)
        #expect(configuration.kvConfigPath == "/kv ")
    }

    @Test("Case 2.10: a value that cannot be read is replaced, and named; a port stops the start")
    func aValueThatCannotBeReadIsReplaced() throws {
        var configuration = NameServerConfiguration(userHome: "/h")
        #expect(try configuration.apply([("serverWorkerThreads", "8x"), ("orderMessageEnable", "yes"), ("serverWorkerThreads", "many")]) == [
            "configuration: serverWorkerThreads=many is not allowed; allowed: 1 to 1024; 8 is used",
            "configuration: orderMessageEnable=yes is not allowed; allowed: true or false; false is used",
        ])
        #expect(throws: ConfigurationError.self) { try configuration.apply([("listenPort", "98765")]) }
    }

    @Test func orderTopicsComeWithTheRouteWhenSwitchedOn() async throws {
        try await Bench.run { bench in
            try await bench.register()
            _ = try await bench.ask(.putKvConfig, fields: ["namespace": "ORDER_TOPIC_CONFIG", "key": "T", "value": "broker-a:4"])
            #expect(try await bench.route("T")?.orderTopicConfiguration == nil)
            #expect(try await bench.ask(.updateNamesrvConfig, body: Array("orderMessageEnable=true\n".utf8)).responseCode == .success)
            #expect(try await bench.route("T")?.orderTopicConfiguration == "broker-a:4")
        }
    }

    @Test func theConfigurationIsShownAndWrittenBack() async throws {
        try await Bench.run { $0.unknownItems = ["mine": "1"] } _: { bench in
            #expect(try await bench.ask(.updateNamesrvConfig, body: Array("serverWorkerThreads=16\nnobody=1\n".utf8)).responseCode == .success)
            let shown = try await bench.ask(.getNamesrvConfig).text
            #expect(shown == (try text(bench.server.configuration.configStorePath)))
            let lines = shown.split(separator: "\n").map(String.init)
            #expect(lines.contains("serverWorkerThreads=16"))
            #expect(lines.contains("mine=1"))
            #expect(lines.contains("productEnvName=center"))
            #expect(!shown.contains("nobody"))
            #expect(try await bench.ask(.updateNamesrvConfig).responseCode == .success)
        }
    }

    @Test func aPasswordIsKeptInTheFileAndNotShown() async throws {
        try await Bench.run { $0.listener.tls.server.keyPassword = "secret" } _: { bench in
            let answer = try await bench.ask(.updateNamesrvConfig, body: Array("serverWorkerThreads=16\n".utf8))
            #expect(answer.responseCode == .success)
            let file = try text(bench.server.configuration.configStorePath)
            #expect(file?.contains("tls.server.keyPassword=secret\n") == true)
            let shown = try await bench.ask(.getNamesrvConfig).text
            #expect(!shown.contains("secret"))
        }
    }

    @Test func withoutAUsableCertificateAnEnforcingServerDoesNotStart() {
        let loops = EventLoopGroup(count: 1, name: "enforcing")
        defer { loops.stop() }
        var configuration = NameServerConfiguration(userHome: "/nowhere")
        configuration.listener.tls.mode = .enforcing
        configuration.listener.tls.testMode = false
        configuration.listener.tls.server.certificatePath = "/nowhere/certificate"
        configuration.listener.tls.server.keyPath = "/nowhere/key"
        let error = #expect(throws: NameServerError.self) { try NameServer(configuration: configuration, logger: .silent, loops: loops) }
        #expect(error?.description == "TLS cannot begin: tls.server.certPath=/nowhere/certificate cannot be used: No such file or directory (errno 2)")
    }

    @Test func anEnforcingServerAnswersOverTLSOnly() async throws {
        try await Bench.run { $0.listener.tls.mode = .enforcing } _: { bench in
            let loops = EventLoopGroup(count: 1, name: "tls-client")
            defer { loops.stop() }
            var settings = TLSClientSettings()
            settings.verifiesServer = false
            var configuration = ClientConfiguration(connectTimeout: .generous)
            configuration.tls = try TLSClient(settings)
            let client = RemotingClient(configuration: configuration, loops: loops, logger: .silent)
            defer { client.close() }
            let request = RemotingCommand(code: RequestCode.getNamesrvConfig.rawValue)
            let answer = try await client.request(request, to: "127.0.0.1:\(bench.server.port)", timeout: .generous)
            #expect(answer.responseCode == .success)
            await #expect(throws: RemotingError.self) { try await bench.client.request(request, to: "127.0.0.1:\(bench.server.port)", timeout: .generous) }
        }
    }

    @Test(arguments: [
        "tls.server.mode=disabled", "tls.test.mode.enable=true", "tls.server.certPath=/x", "tls.server.need.client.auth=none",
        "kvConfigPath=/x", "configStorePath=/x", "rocketmqHome=/x", "configBlackList=", "listenPort=1", "bindAddress=0.0.0.0",
        "clusterTest=true", "mine=2", "serverSelectorThreads=4",
    ])
    func whatACommandMustNotChange(_ line: String) async throws {
        try await Bench.run {
            $0.unknownItems = ["mine": "1"]
            $0.configBlackList += ";serverSelectorThreads"
        } _: { bench in
            let before = bench.server.configuration
            let response = try await bench.ask(.updateNamesrvConfig, body: Array("orderMessageEnable=true\n\(line)\n".utf8))
            #expect(response.responseCode == .noPermission)
            #expect(response.remark == "Can not update config in black list.")
            #expect(bench.server.configuration == before, "nothing of a refused update is applied")
        }
    }

    @Test func aBadValueIsNamed() async throws {
        try await Bench.run { bench in
            let response = try await bench.ask(.updateNamesrvConfig, body: Array("serverWorkerThreads=many".utf8))
            #expect(response.responseCode == .systemError)
            #expect(response.remark?.contains("serverWorkerThreads") == true)
            #expect(response.remark?.contains("many") == true)
            #expect(try await bench.ask(.updateNamesrvConfig, body: [0xFF, 0xFE]).remark == "string2Properties error")
        }
    }

    @Test func aChangeHasALimit() async throws {
        try await Bench.run { bench in
            let response = try await bench.ask(.updateNamesrvConfig, body: [UInt8](repeating: UInt8(ascii: "a"), count: 1 << 20 + 1))
            #expect(response.responseCode == .systemError)
            #expect(response.remark?.contains("1048576") == true)
        }
    }

    @Test(.enabled(if: outside != nil, "a network address is needed"), arguments: [false, true])
    func anotherAddressThanLoopbackMayOnlyWhereItIsSaid(isAllowed: Bool) async throws {
        let address = try #require(Self.outside)
        try await Bench.run {
            $0.listener.bindAddress = "0.0.0.0"
            $0.listener.allowsRemoteConfigurationUpdate = isAllowed
        } _: { bench in
            let command = RemotingCommand(code: RequestCode.updateNamesrvConfig.rawValue, body: Array("orderMessageEnable=true".utf8))
            let answer = try await bench.client.request(command, to: "\(address):\(bench.server.port)", timeout: .generous)
            #expect(answer.responseCode == (isAllowed ? .success : .noPermission))
            if !isAllowed { #expect(answer.remark?.contains("allowRemoteConfigurationUpdate=true") == true, "\(answer.remark ?? "")") }
            #expect(bench.server.configuration.orderMessageEnable == isAllowed)
        }
    }

    /// An address of this machine that is not loopback.
    private static let outside = NetworkInterfaces.all().first { $0.count == 4 && $0[0] != 127 }.flatMap { HostAddress(ip: $0, port: 0)?.host }

    @Test func aTakenPortIsAnError() async throws {
        try await Bench.run { bench in
            let loops = EventLoopGroup(count: 1, name: "second")
            var configuration = NameServerConfiguration(userHome: bench.folder)
            configuration.listener.port = bench.server.port
            let second = try NameServer(configuration: configuration, logger: .silent, loops: loops)
            #expect(throws: NameServerError.self) { try second.start() }
            loops.stop()
        }
    }

    @Test func clusterTestNeedsAnotherEnvironment() {
        let loops = EventLoopGroup(count: 1, name: "lonely")
        var configuration = NameServerConfiguration(userHome: "/nowhere")
        configuration.clusterTest = true
        #expect(throws: NameServerError.self) { try NameServer(configuration: configuration, logger: .silent, loops: loops) }
        loops.stop()
    }
}
