@testable import RMQBroker
import RMQCommon
import Testing

/// The keys of the properties file.
@Suite struct ConfigurationTests {
    private func applying(_ text: String) throws(BrokerConfigurationError) -> (BrokerConfiguration, [String]) {
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
            storePathConsumeQueue=/data/store/consumequeue
            sendMessageThreadPoolNums=128
            aclEnable=false
            namesrvAddr=10.0.0.1:9876;ns2:9876
            registerNameServerPeriod=5
            haListenPort=10912
            """)
        #expect(configuration.brokerName == "broker-b" && configuration.fileReservedHours == 48 && configuration.listenPort == 20_911)
        #expect(configuration.autoCreateTopic && !configuration.autoCreateSubscriptionGroup && configuration.flushDiskType == "SYNC_FLUSH")
        #expect(configuration.commitLogFileBytes == 1 << 30 && configuration.consumeQueueFileBytes == 300_000)
        #expect(configuration.nameServers == ["10.0.0.1:9876", "ns2:9876"])
        #expect(warnings == [
            "configuration: unknown key storePathConsumeQueue", "configuration: sendMessageThreadPoolNums has no effect in this broker",
        ])
    }

    @Test(arguments: [
        ("listenPort", "70000"), ("listenPort", "x"), ("listenPort", ""), ("autoCreateTopicEnable", "yes"), ("flushDiskType", "sync"),
        ("brokerName", ""), ("brokerName", "a b"), ("brokerId", "1"), ("brokerRole", "SLAVE"), ("brokerRole", "SYNC_MASTER"), ("aclEnable", "true"),
        ("enableDLegerCommitLog", "true"), ("enablePropertyFilter", "true"), ("slaveReadEnable", "true"), ("namesrvAddr", "host"),
        ("deleteWhen", "25"), ("messageDelayLevel", "1x"), ("mapedFileSizeCommitLog", "12"), ("brokerPermission", "8"),
        ("maxMessageSize", "99999999999999999999"),
    ])
    func aBadValueIsNamed(key: String, value: String) {
        let error = #expect(throws: BrokerConfigurationError.self) { try applying("\(key)=\(value)") }
        #expect(error?.description.contains("=\(value) is not allowed; allowed: ") == true, "\(error?.description ?? "")")
    }

    @Test func everySettingIsReadAsItIsWritten() throws {
        let before = BrokerConfiguration()
        let (after, warnings) = try applying(BrokerSetting.text(of: before))
        #expect(after == before.resolved)
        #expect(warnings.isEmpty)
        #expect(Set(BrokerSetting.all.map(\.key)).count == BrokerSetting.all.count)
    }

    @Test func whatIsShown() {
        let all = BrokerSetting.text(of: BrokerConfiguration())
        let important = BrokerSetting.text(of: BrokerConfiguration(), onlyImportant: true)
        for line in ["listenPort=10911", "haListenPort=10912", "brokerRole=ASYNC_MASTER", "flushDiskType=ASYNC_FLUSH", "brokerPermission=6", "deleteWhen=04"] {
            #expect(all.contains(line + "\n") && important.contains(line + "\n"), "\(line)")
        }
        #expect(all.contains("traceOn=true\n") && !important.contains("traceOn"))
    }

    /// Only what a running broker obeys may be changed over the wire.
    @Test func noPathNameOrAddressIsLive() {
        for setting in BrokerSetting.all where setting.isLive {
            let value = setting.read(BrokerConfiguration())
            #expect(Int64(value) != nil || Bool(value) != nil, "\(setting.key)=\(value)")
        }
    }
}
