import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
@testable import RMQTools
import Testing

/// Settings of brokers and name servers, and what name servers keep.
@Suite(.takesTurns) struct ServerConfigTests {
    /// What brokers and name servers answer to 26 and 319, by their address, from a recording that shows it.
    static func settings(in recording: Recording) throws -> [String: [UInt8]] {
        var pairs: [String: [(key: String, value: String)]] = [:]
        var address = ""
        for line in recording.output.split(separator: "\n") {
            if line.hasPrefix("====") {
                address = String(try #require(line.split(separator: "=").last?.split(separator: " ").last))
            } else {
                let border = try #require(line.firstRange(of: "=  "))
                let key = line[..<border.lowerBound].prefix { $0 != " " }
                pairs[address, default: []].append((String(key), String(line[border.upperBound...])))
            }
        }
        return pairs.mapValues { Array(PropertiesText.format($0).utf8) }
    }

    /// The recorded cluster with its slave.
    static let infoWithSlave: ClusterInfo = {
        var info = Golden.info
        info.brokers["golden-a"]?.addresses[1] = "127.0.0.1:32911"
        return info
    }()

    /// - Parameter settings: by address.
    static func servers(telling settings: [String: [UInt8]], info: ClusterInfo = Golden.info) -> Servers {
        Servers { command, address in
            switch command.requestCode {
            case .getBrokerConfig, .getNamesrvConfig: settings[address].map { .response(.success, body: $0) }
            case .getBrokerClusterInfo: .response(.success, body: info.body)
            default: Golden.answer(command, address)
            }
        }
    }

    // MARK: Reading

    @Test(arguments: ["getBrokerConfig-b", "getBrokerConfig-c", "getBrokerConfig-c-slave"])
    func settingsOfBrokers(_ name: String) async throws {
        let recording = try Recording(name)
        let info = name == "getBrokerConfig-c-slave" ? Self.infoWithSlave : Golden.info
        try await Run(recording.words, servers: Self.servers(telling: Self.settings(in: recording), info: info)).expect(recording)
    }

    @Test(arguments: ["getBrokerConfig-none", "getBrokerConfig-c-unknown"])
    func noBrokerHasNoSettings(_ name: String) async throws {
        let recording = try Recording(name)
        try await Run(recording.words).expect(recording)
    }

    @Test func brokerThatRefusesIsNamed() async throws {
        let recording = try Recording("getBrokerConfig-acl-unsigned")
        let refusal = try recording.refusal()
        try await Run(recording.words, servers: Servers { _, _ in refusal }).expect(recording)
    }

    @Test func brokerWithoutSettingsSaysSo() async throws {
        let run = try await Run(["getBrokerConfig", "-b", "127.0.0.1:30911"])
        #expect(run.output == "============127.0.0.1:30911============\nBroker[127.0.0.1:30911] has no config property!\n")
    }

    @Test func deadBrokerDoesNotHideTheOthers() async throws {
        let recording = try Recording("getBrokerConfig-c")
        var settings = try Self.settings(in: recording)
        settings["127.0.0.1:30911"] = nil
        let run = try await Run(recording.words, servers: Self.servers(telling: settings))
        #expect(run.errors == "connect to 127.0.0.1:30911 failed\n")
        #expect(run.output.contains("============Master: 127.0.0.1:31911============\n"))
        #expect(run.output.contains("brokerName                                        =  golden-b\n"))
    }

    @Test func brokerSettingsAsJSON() async throws {
        let recording = try Recording("getBrokerConfig-c")
        let run = try await Run(recording.words + ["--json"], servers: Self.servers(telling: Self.settings(in: recording)))
        let brokers = try #require(JSONValue(parsing: run.output).asArray)
        #expect(brokers.map { $0["brokerAddr"]?.asString } == ["127.0.0.1:30911", "127.0.0.1:31911"])
        #expect(brokers.map { $0["configuration"]?["brokerName"]?.asString } == ["golden-a", "golden-b"])
    }

    @Test(arguments: ["getNamesrvConfig", "getNamesrvConfig-n"])
    func settingsOfTheNameServer(_ name: String) async throws {
        let recording = try Recording(name)
        try await Run(recording.words, servers: Self.servers(telling: Self.settings(in: recording))).expect(recording)
    }

    @Test func deadNameServerDoesNotHideTheOthers() async throws {
        let settings = try Self.settings(in: Recording("getNamesrvConfig"))
        let words = ["getNamesrvConfig", "-n", "127.0.0.1:29999;\(Golden.nameServer)", "--json"]
        let run = try await Run(words, servers: Self.servers(telling: settings))
        #expect(run.errors == "connect to 127.0.0.1:29999 failed\n")
        let nameServers = try #require(JSONValue(parsing: run.output).asArray)
        #expect(nameServers.map { $0["namesrvAddr"]?.asString } == [Golden.nameServer])
        #expect(nameServers.first?["configuration"]?["listenPort"]?.asString == "29876")
    }

    @Test func onlyNameServerThatIsDeadIsAFailure() async throws {
        let run = try await Run(["getNamesrvConfig", "-n", "127.0.0.1:29999", "--exit-code"])
        #expect(run.output.isEmpty)
        #expect(run.errors.contains("GetNamesrvConfigCommand command failed\nCaused by: connect to 127.0.0.1:29999 failed\n"))
        #expect(run.exitCode == 2)
    }

    // MARK: Changing

    @Test(arguments: [
        "updateBrokerConfig-b", "updateBrokerConfig-badValue", "updateBrokerConfig-unknownKey", "updateBrokerConfig-c", "updateBrokerConfig-c-slave",
        "updateBrokerConfig-c-unknown", "updateBrokerConfig-none", "updateNamesrvConfig", "updateNamesrvConfig-n", "updateKvConfig",
        "deleteKvConfig", "deleteKvConfig-unknown",
    ])
    func changeIsToldAsRecorded(_ name: String) async throws {
        let recording = try Recording(name)
        try await Run(recording.words).expect(recording)
    }

    @Test(arguments: ["updateBrokerConfig-black", "updateBrokerConfig-black2", "updateNamesrvConfig-black", "updateNamesrvConfig-black2"])
    func settingThatMayNotBeChangedIsRefused(_ name: String) async throws {
        let recording = try Recording(name)
        let refusal = try recording.refusal()
        try await Run(recording.words, servers: Servers { _, _ in refusal }).expect(recording)
    }

    @Test func settingTravelsAsOneLine() async throws {
        let servers = Servers { command, address in
            guard command.requestCode == .updateBrokerConfig else { return Golden.answer(command, address) }
            return command.body == Array("messageDelayLevel=1s 5s\n".utf8) ? .response(.success) : .response(.systemError, remark: "no")
        }
        let run = try await Run(["updateBrokerConfig", "-c", "GoldenCluster", "-k", "messageDelayLevel", "-v", "1s 5s"], servers: servers)
        #expect(run.errors.isEmpty)
        #expect(servers.addresses(asked: .updateBrokerConfig) == ["127.0.0.1:30911", "127.0.0.1:31911"])
    }

    /// A key or a value that breaks the line would change another setting.
    @Test(arguments: [("a=b", "c"), ("", "c"), ("a b", "c"), ("fileReservedTime", "1\nbrokerName=x")])
    func settingThatBreaksItsLineIsNotSent(_ key: String, _ value: String) async throws {
        for command in ["updateBrokerConfig", "updateNamesrvConfig"] {
            let place = command == "updateBrokerConfig" ? ["-b", "127.0.0.1:30911"] : []
            let servers = Servers(Golden.answer)
            let run = try await Run([command, "-k", key, "-v", value] + place, servers: servers)
            #expect(run.errors.contains("Caused by: -"))
            #expect(run.output.isEmpty)
            #expect(servers.addresses(asked: .updateBrokerConfig).isEmpty && servers.addresses(asked: .updateNamesrvConfig).isEmpty)
        }
    }

    @Test(arguments: ["wipeWritePerm", "wipeWritePerm-unknown", "addWritePerm", "addWritePerm-unknown"])
    func topicsThatAreTakenOrGivenAreCounted(_ name: String) async throws {
        let recording = try Recording(name)
        let count: Int32 = name.hasSuffix("-unknown") ? 0 : 35
        try await Run(recording.words, servers: Self.servers(counting: count)).expect(recording)
    }

    @Test func oneNameServerThatFailsDoesNotKeepTheOthersFromIt() async throws {
        let words = ["wipeWritePerm", "-b", "golden-b", "-n", "127.0.0.1:29999;\(Golden.nameServer)", "--exit-code"]
        let run = try await Run(words, servers: Self.servers(counting: 3))
        #expect(run.output == """
            wipe write perm of broker[golden-b] in name server[127.0.0.1:29999] Failed
            wipe write perm of broker[golden-b] in name server[127.0.0.1:29876] OK, 3

            """)
        #expect(run.errors == "connect to 127.0.0.1:29999 failed\n")
        #expect(run.exitCode == 2)
    }

    private static func servers(counting count: Int32) -> Servers {
        Servers { command, address in
            guard address == Golden.nameServer else { return nil }
            return switch command.requestCode {
            case .wipeWritePermOfBroker: .response(.success, header: WipeWritePermissionResponseHeader(wipedTopicCount: count))
            case .addWritePermOfBroker: .response(.success, header: AddWritePermissionResponseHeader(addedTopicCount: count))
            default: Golden.answer(command, address)
            }
        }
    }
}
