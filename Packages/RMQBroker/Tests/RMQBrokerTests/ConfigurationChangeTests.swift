@testable import RMQBroker
import RMQCommon
import RMQRemoting
import RMQStore
import RMQTestSupport
import Testing

/// Changes by command: what takes effect at once, and who may make them.
@Suite(.takesTurns) struct ConfigurationChangeTests {
    /// An address of this machine that is not loopback.
    private static let outside = NetworkInterfaces.all().first { $0.count == 4 && $0[0] != 127 }.flatMap { HostAddress(ip: $0, port: 0)?.host }

    private func change(_ peer: Peer, _ text: String) async throws {
        let answer = try await peer.ask(.updateBrokerConfig, text: text)
        #expect(answer.code == 0, "\(text): \(answer.remark ?? "")")
    }

    @Test func theStoreIsToldOfItsSettings() async throws {
        try await withPeer { peer in
            try await change(peer, """
                fileReservedTime=1
                deleteWhen=03; 4
                flushIntervalCommitLog=50
                flushCommitLogTimed=false
                flushCommitLogLeastPages=2
                flushCommitLogThoroughInterval=1000
                syncFlushTimeout=77
                osPageCacheBusyTimeOutMills=10000000
                diskMaxUsedSpaceRatio=80
                cleanFileForciblyEnable=false
                """)
            let store = peer.broker.state.store.currentConfiguration
            #expect(store.retention.reservedTime == .seconds(3600))
            #expect(store.retention.deletionHours == [3, 4])
            #expect(store.flushInterval == .milliseconds(50))
            #expect(!store.flushIsTimed)
            #expect(store.flushLeastPages == 2)
            #expect(store.flushThoroughInterval == .seconds(1))
            #expect(peer.broker.state.store.syncFlushTimeout == .milliseconds(77))
            #expect(store.pageCacheBusyMilliseconds == 10_000_000)
            #expect(store.retention.maxUsedPercent == 80)
            #expect(!store.retention.deletesForcibly)
            let lines = try await peer.ask(.getBrokerConfig).text.split(separator: "\n")
            for line in ["fileReservedTime=1", "deleteWhen=03;04", "flushIntervalCommitLog=50"] { #expect(lines.contains { $0 == line }, "\(line)") }
        }
    }

    @Test func pullsKeepToTheNewLimits() async throws {
        try await withPeer { peer in
            for number in 0..<5 { _ = try await peer.send("Limited", "\(number)") }
            #expect(try await peer.pull("Limited", from: 0).messages.count == 5)
            try await change(peer, "maxTransferCountOnMessageInMemory=2\nmaxTransferCountOnMessageInDisk=2")
            #expect(try await peer.pull("Limited", from: 0).messages.count == 2)
        }
    }

    @Test func sendsKeepToTheNewLimit() async throws {
        try await withPeer { peer in
            #expect(try await peer.send("Sized", "four").code == 0)
            try await change(peer, "maxMessageSize=3")
            #expect(try await peer.send("Sized", "four").responseCode == .messageIllegal)
            try await change(peer, "maxMessageSize=4")
            #expect(try await peer.send("Sized", "four").code == 0)
        }
    }

    @Test func topicsAreMadeByUseFromTheChangeOn() async throws {
        try await withPeer({ $0.autoCreateTopic = false }) { peer in
            #expect(try await peer.send("Unknown", "x").responseCode == .topicNotExist)
            try await change(peer, "autoCreateTopicEnable=true")
            #expect(try await peer.send("Unknown", "x").code == 0)
        }
    }

    @Test func offsetsAreWrittenAsOftenAsIsSaid() async throws {
        try await withPeer({ $0.persistOffsetsMilliseconds = 100 }) { peer in
            try await change(peer, "flushConsumerOffsetInterval=150")
            _ = try await peer.send("T", "x")
            _ = try await peer.ask(.updateConsumerOffset, ["consumerGroup": "g", "topic": "T", "queueId": "0", "commitOffset": "1"])
            try await eventually("the offset is in the file") { (try? peer.file("consumerOffset.json"))?.contains("T@g") == true }
        }
    }

    @Test(arguments: [
        "listenPort=1", "eventLoops=1", "bindAddress=0.0.0.0", "flushDiskType=SYNC_FLUSH", "mappedFileSizeCommitLog=65536", "messageDelayLevel=1s",
        "allowRemoteConfigurationUpdate=true", "aclEnable=false", "brokerRole=ASYNC_MASTER", "sendMessageThreadPoolNums=1", "nosuchKey=1",
    ])
    func whatACommandMustNotChange(line: String) async throws {
        try await withPeer { peer in
            let before = peer.broker.state.live.current
            let answer = try await peer.ask(.updateBrokerConfig, text: "traceOn=false\n\(line)")
            #expect(answer.responseCode == .noPermission)
            #expect(peer.broker.state.live.current == before, "nothing of a refused change is made")
        }
    }

    @Test(.enabled(if: outside != nil, "a network address is needed"), arguments: [false, true])
    func anotherAddressThanLoopbackMayOnlyWhereItIsSaid(isAllowed: Bool) async throws {
        let address = try #require(Self.outside)
        try await withPeer({
            $0.listener.bindAddress = "0.0.0.0"
            $0.listener.allowsRemoteConfigurationUpdate = isAllowed
        }) { peer in
            let command = RemotingCommand(code: RequestCode.updateBrokerConfig.rawValue, body: Array("traceOn=false".utf8))
            let answer = try await peer.client.request(command, to: "\(address):\(peer.broker.port)", timeout: .generous)
            #expect(answer.responseCode == (isAllowed ? .success : .noPermission))
            if !isAllowed { #expect(answer.remark?.contains("allowRemoteConfigurationUpdate=true") == true, "\(answer.remark ?? "")") }
            #expect(peer.broker.state.live.current.traceOn == !isAllowed)
            try await change(peer, "traceOn=false")
        }
    }
}
