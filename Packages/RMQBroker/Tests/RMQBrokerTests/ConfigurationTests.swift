@testable import RMQBroker
import RMQCommon
import RMQRemoting
import RMQStore
import RMQTestSupport
import Testing

/// The keys of the properties file.
@Suite(.takesTurns) struct ConfigurationTests {
    private func applying(_ text: String) throws(ConfigurationError) -> (BrokerConfiguration, [String]) {
        var configuration = BrokerConfiguration()
        let warnings = try configuration.apply(PropertiesText.parse(text))
        return (configuration, warnings)
    }

    /// The sample files of the reference and what people add to them.
    @Test func aUsualFileIsTaken() throws {
        let (configuration, warnings) = try applying("""
            brokerClusterName = DefaultCluster
            brokerName = broker-b
            brokerId = 0
            deleteWhen = 04;05
            fileReservedTime = 48 \t
            brokerRole = ASYNC_MASTER
            flushDiskType = SYNC_FLUSH
            listenPort=20911\r
            autoCreateTopicEnable=TRUE
            autoCreateSubscriptionGroup=False
            mapedFileSizeCommitLog=1073741824
            mapedFileSizeConsumeQueue=300000
            mapedFileSizeConsumeQueue=600000
            storePathConsumeQueue=/data/store/consumequeue
            sendMessageThreadPoolNums=128
            aclEnable=false
            namesrvAddr=10.0.0.1:9876;ns2:9876
            registerNameServerPeriod=5
            haListenPort=10912
            """)
        #expect(configuration.brokerName == "broker-b")
        #expect(configuration.store.retention.reservedTime == .seconds(48 * 3600))
        #expect(configuration.listener.port == 20_911)
        #expect(configuration.autoCreateTopic)
        #expect(!configuration.autoCreateSubscriptionGroup)
        #expect(configuration.store.flush == .synchronous)
        #expect(configuration.store.segmentBytes == 1 << 30)
        #expect(configuration.store.consumeQueueFileBytes == 600_000)
        #expect(configuration.nameServers == ["10.0.0.1:9876", "ns2:9876"])
        #expect(warnings == [
            "configuration: mapedFileSizeCommitLog is called mappedFileSizeCommitLog since release 4.5.2",
            "configuration: mapedFileSizeConsumeQueue is called mappedFileSizeConsumeQueue since release 4.5.2",
            "configuration: unknown key storePathConsumeQueue", "configuration: sendMessageThreadPoolNums has no effect in this broker",
        ])
    }

    @Test(arguments: [
        ("listenPort", "70000"), ("listenPort", "x"), ("listenPort", ""), ("flushDiskType", "sync"), ("fileReservedTime", "7d"),
        ("brokerName", ""), ("brokerRole", "MASTER"), ("brokerId", "-1"), ("authenticationRequired", "1"), ("aclEnable", "yes"),
        ("enableDLegerCommitLog", "true"), ("namesrvAddr", "host"), ("namesrvAddr", "a:1,b:2"),
        ("deleteWhen", "25"), ("messageDelayLevel", "1x"), ("mapedFileSizeCommitLog", "12"), ("brokerPermission", "8"),
    ])
    func aBadValueIsNamed(key: String, value: String) {
        let error = #expect(throws: ConfigurationError.self) { try applying("\(key)=\(value)") }
        #expect(error?.description.contains("=\(value) is not allowed; allowed: ") == true, "\(error?.description ?? "")")
    }

    @Test("Case 2.6: blanks behind a value are not part of it", arguments: ["", " ", "\t", " \t ", "\r", "\u{A0}", "\u{3000}"])
    func blanksBehindAValueDoNotCount(_ blanks: String) throws {
        let lines = [
            "brokerRole=ASYNC_MASTER", "flushDiskType=SYNC_FLUSH", "aclEnable=false", "brokerName=a", "brokerClusterName=c", "brokerIP1=127.0.0.2",
            "brokerIP2=127.0.0.3", "deleteWhen=04; 05 ;", "namesrvAddr=a:1;b:2", "listenPort=1234", "autoCreateTopicEnable=false", "messageDelayLevel=1s 2s",
        ]
        let (configuration, warnings) = try applying(lines.map { $0 + blanks + "\n" }.joined())
        #expect(warnings.isEmpty)
        #expect(configuration.store.flush == .synchronous)
        #expect(configuration.brokerName == "a")
        #expect(configuration.brokerClusterName == "c")
        #expect(configuration.brokerIP1 == "127.0.0.2")
        #expect(configuration.brokerIP2 == "127.0.0.3")
        #expect(configuration.store.retention.deletionHours == [4, 5])
        #expect(configuration.nameServers == ["a:1", "b:2"])
        #expect(configuration.listener.port == 1234)
        #expect(!configuration.autoCreateTopic)
        #expect(configuration.store.delayLevelMilliseconds == [1_000, 2_000])
    }

    @Test("Case 2.6: a path is taken as it is written")
    func aPathKeepsItsBlanks() throws {
        #expect(try applying("storePathRootDir=/data/my store \n").0.store.rootDirectory == "/data/my store ")
    }

    @Test("Case 2.10: an IPv6 address may stand in brackets", arguments: ["[::1]", "::1", "[::1] "])
    func bracketsAroundAnAddress(_ text: String) throws {
        let configuration = try applying("brokerIP1=\(text)\nbindAddress=\(text)\nnamesrvAddr=[::1]:9876").0
        #expect(configuration.brokerIP1 == "::1")
        #expect(configuration.listener.bindAddress == "::1")
        #expect(HostAddress.resolving(configuration.advertisedAddress, port: 1) != nil)
        #expect(configuration.nameServers == ["[::1]:9876"])
    }

    @Test("Case 2.10: a longer message than a request can carry may be allowed")
    func aLargeMessageSize() throws {
        let (configuration, warnings) = try applying("maxMessageSize=33554432")
        #expect(configuration.store.maxMessageBytes == 33_554_432)
        #expect(warnings.isEmpty)
    }

    /// The reference starts with the default and says nothing.
    @Test("Case 2.10: a value that cannot be read is replaced, and named", arguments: [
        ("diskMaxUsedSpaceRatio", "75%", "0 to 100", "75"), ("diskMaxUsedSpaceRatio", "0.75", "0 to 100", "75"),
        ("diskMaxUsedSpaceRatio", "101", "0 to 100", "100"), ("maxMessageSize", "4M", "1 to 2147483647", "4194304"),
        ("maxMessageSize", "99999999999999999999", "1 to 2147483647", "4194304"), ("flushIntervalCommitLog", "", "1 to 60000", "500"),
        ("autoCreateTopicEnable", "yes", "true or false", "false"),
    ])
    func aValueThatCannotBeReadIsReplaced(key: String, value: String, allowed: String, used: String) throws {
        let (configuration, warnings) = try applying("\(key)=\(value)")
        #expect(warnings == ["configuration: \(key)=\(value) is not allowed; allowed: \(allowed); \(used) is used"])
        #expect(BrokerConfiguration.settings[key]?.text(in: configuration) == used)
    }

    @Test func ofEqualKeysTheLastCounts() throws {
        let (configuration, warnings) = try applying("fileReservedTime=7d\nfileReservedTime=48\nlistenPort=1\nlistenPort=2\n")
        #expect(configuration.store.retention.reservedTime == .seconds(48 * 3600))
        #expect(configuration.listener.port == 2)
        #expect(warnings.isEmpty)
    }

    @Test("Case 5.3: the name of today counts before the old one", arguments: [true, false])
    func theNameOfTodayCounts(oldComesFirst: Bool) throws {
        let lines = ["mapedFileSizeConsumeQueue=300000", "mappedFileSizeConsumeQueue=6000000"]
        let (configuration, warnings) = try applying((oldComesFirst ? lines : lines.reversed()).joined(separator: "\n"))
        #expect(configuration.store.consumeQueueFileBytes == 6_000_000)
        #expect(warnings == ["configuration: mapedFileSizeConsumeQueue is called mappedFileSizeConsumeQueue since release 4.5.2"])
    }

    /// The files that came with the releases 4.4.0, 4.7.0 and 4.9.8, which are the same.
    @Test("Case 2.6: files that come with the reference", arguments: [
        ("broker.conf", nil), ("2m-2s-async_broker-a.properties", nil), ("2m-noslave_broker-trace.properties", nil),
        ("2m-2s-sync_broker-a.properties", nil), ("2m-2s-async_broker-a-s.properties", nil),
        ("dledger_broker-n0.conf", "enableDLegerCommitLog=true"),
    ])
    func aPublishedFile(name: String, refused: String?) throws {
        let pairs = try Configuration(file: GoldenData.path("cases/conf/\(name)")).pairs
        var configuration = BrokerConfiguration()
        do {
            let warnings = try configuration.apply(pairs)
            #expect(refused == nil)
            #expect(warnings.isEmpty)
            #expect(configuration.store.retention.reservedTime == .seconds(48 * 3600))
        } catch {
            #expect(error.description.hasPrefix("configuration: \(refused ?? "nothing") is not allowed"), "\(error)")
        }
    }

    @Test func everySettingIsReadAsItIsWritten() throws {
        let before = BrokerConfiguration()
        let (after, warnings) = try applying(before.text())
        #expect(after == before.resolved)
        #expect(warnings.isEmpty)
        let keys = BrokerConfiguration.settings.all.map(\.key)
        #expect(Set(keys).count == keys.count)
    }

    @Test func whatIsShown() {
        let all = BrokerConfiguration().text()
        let important = BrokerConfiguration().text(onlyImportant: true)
        for line in ["listenPort=10911", "haListenPort=10912", "brokerRole=ASYNC_MASTER", "flushDiskType=ASYNC_FLUSH", "brokerPermission=6", "deleteWhen=04"] {
            #expect(all.contains(line + "\n"), "\(line)")
            #expect(important.contains(line + "\n"), "\(line)")
        }
        #expect(all.contains("traceOn=true\n"))
        #expect(!important.contains("traceOn"))
    }

    /// Only what a running broker obeys may be changed over the wire.
    @Test func noPathNameOrAddressIsLive() {
        for setting in BrokerConfiguration.settings.all where setting.takesEffect == .atOnce {
            let value = setting.text(in: BrokerConfiguration()) ?? ""
            #expect(Int64(value) != nil || Bool(value) != nil || LogVerbosity(parsing: value) != nil, "\(setting.key)=\(value)")
            #expect(setting.status.isHonoured, "\(setting.key)")
        }
    }
}
