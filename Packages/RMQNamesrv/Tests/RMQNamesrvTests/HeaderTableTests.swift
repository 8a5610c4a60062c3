import RMQCommon
import RMQNamesrv
import RMQRemoting
import RMQTestSupport
import Testing

/// Every header field of every request that the name server serves, with seven kinds of value.
///
/// Where the reference answers otherwise, README.md says why not so here.
@Suite(.takesTurns) struct HeaderTableTests {
    private static let table = HeaderTable("""
        100 namespace             1 0 0 0 0 0 0
        100 key                   1 0 0 0 0 0 0
        100 value                 0 0 0 0 0 0 0
        101 namespace             22 22 22 22 22 22 22
        101 key                   22 22 22 22 22 22 22
        102 namespace             0 0 0 0 0 0 0
        102 key                   0 0 0 0 0 0 0
        219 namespace             22 22 22 22 22 22 22

        103 brokerName            1/0 0 0 0 0 0 0
        103 brokerAddr            1/0 0 0 0 0 0 0
        103 clusterName           1/0 0 0 0 0 0 0
        103 haServerAddr          0 0 0 0 0 0 0
        103 brokerId              1 1 1 0 1 1 0
        103 compressed            0 0 0 0 0 0 0
        103 bodyCrc32             0 0 0 0 0 0 1
        104 brokerName            0 0 0 0 0 0 0
        104 brokerAddr            0 0 0 0 0 0 0
        104 clusterName           0 0 0 0 0 0 0
        104 brokerId              1 1 1 0 1 1 0
        322 brokerName            0 0 0 0 0 0 0
        322 brokerAddr            0 0 0 0 0 0 0
        322 clusterName           0 0 0 0 0 0 0
        322 brokerId              0 0 0 0 0 0 0

        105 topic                 17 17 17 17 17 17 17
        105 acceptStandardJsonOnly 0 0 0 0 0 0 0
        205 brokerName            0 0 0 0 0 0 0
        327 brokerName            0 0 0 0 0 0 0
        216 topic                 0 0 0 0 0 0 0
        216 clusterName           0 0 0 0 0 0 0
        224 cluster               0 0 0 0 0 0 0

        106 -
        206 -
        304 -
        311 -
        312 -
        313 -
        318 -
        319 -
        """)

    /// A request of each code that is answered 0, as all rows of its code begin.
    private static func sound(_ code: Int32) -> (fields: [String: String], body: [UInt8]) {
        let broker = ["brokerName": "b", "brokerAddr": "10.0.0.9:1", "clusterName": "C", "brokerId": "0"]
        switch code {
        case 100: return (["namespace": "n", "key": "k", "value": "v"], [])
        case 101, 102: return (["namespace": "n", "key": "k"], [])
        case 219: return (["namespace": "n"], [])
        case 103:
            let topics = TopicConfigTable(topics: [:], dataVersion: DataVersion(timestamp: 1))
            return (
                broker.merging(["haServerAddr": "10.0.0.9:2", "compressed": "false", "bodyCrc32": "0"]) { $1 },
                RegisterBrokerBody(topicConfigTable: topics).body)
        case 104: return (broker, [])
        case 322: return (broker, DataVersion(timestamp: 1).body)
        case 105: return (["topic": "T", "acceptStandardJsonOnly": "false"], [])
        case 205, 327: return (["brokerName": "broker-a"], [])
        case 216: return (["topic": "Gone", "clusterName": "C1"], [])
        case 224: return (["cluster": "C1"], [])
        default: return ([:], [])
        }
    }

    private static func header(_ fields: [String: String]) -> HeaderFields {
        fields.reduce(into: HeaderFields()) { $0[$1.key] = $1.value }
    }

    @Test func theTableHasEveryField() {
        for code in Self.table.codes { Self.table.expectRows(of: code, for: Self.sound(code).fields) }
    }

    /// A code without a row is not served, which a name server shows by silence.
    @Test func theTableHasEveryCode() async throws {
        let known = Set(Self.table.codes)
        try await Bench.run { bench in
            await withTaskGroup(of: Void.self) { group in
                for code in Int32(0)...400 where !known.contains(code) {
                    let command = RemotingCommand(code: code, fields: HeaderFields())
                    group.addTask {
                        let answer = try? await bench.client.request(command, to: bench.address, timeout: .seconds(1))
                        #expect(answer == nil, "\(RequestCode(rawValue: code)) is answered, and has no row")
                    }
                }
            }
        }
    }

    @Test(arguments: table.codes) func theAnswersAreThoseOfTheTable(code: Int32) async throws {
        try await Bench.run { bench in
            try await bench.register()
            _ = try await bench.ask(.putKvConfig, fields: ["namespace": "n", "key": "k", "value": "v"])
            let (fields, body) = Self.sound(code)
            func answer(_ fields: [String: String]) async throws -> (code: Int32, remark: String?) {
                let answer = try await bench.ask(RequestCode(rawValue: code), fields: Self.header(fields), body: body)
                return (answer.code, answer.remark)
            }
            let first = try await answer(fields)
            #expect(first.code == 0, "\(code): \(first.remark ?? "")")
            try await Self.table.expectAnswers(to: code, sound: fields, answer)
        }
    }

    @Test("Case 2.8: what the name server does not need may be missing")
    func missingFields() async throws {
        try await Bench.run { bench in
            let topics = try await bench.ask(.getTopicsByCluster)
            #expect(topics.code == 0, "224 without cluster")
            #expect(try TopicList(body: topics.body).topics.isEmpty)
            #expect(try await bench.ask(.deleteTopicInNamesrv).code == 0, "216 without topic")
            #expect(try await bench.ask(.wipeWritePermOfBroker).fields?["wipeTopicCount"] == "0", "205 without brokerName")
            #expect(try await bench.ask(.addWritePermOfBroker).fields?["addTopicCount"] == "0", "327 without brokerName")
            #expect(try await bench.ask(.unregisterBroker, fields: ["brokerId": "0"]).code == 0, "104 without names")
            let version = try await bench.ask(.queryDataVersion, body: DataVersion(timestamp: 1).body)
            #expect(version.code == 0, "322 without fields")
            #expect(version.fields?["changed"] == "true")
        }
    }

    /// The fields of the reference's NamesrvConfig and NettyServerConfig in release 4.9.8.
    @Test func theConfigurationListsEveryKeyOfTheReference() async throws {
        let keys = """
            rocketmqHome kvConfigPath configStorePath productEnvName clusterTest orderMessageEnable configBlackList listenPort
            serverWorkerThreads serverCallbackExecutorThreads serverSelectorThreads serverOnewaySemaphoreValue serverAsyncSemaphoreValue
            serverChannelMaxIdleTimeSeconds serverSocketSndBufSize serverSocketRcvBufSize writeBufferHighWaterMark
            writeBufferLowWaterMark serverSocketBacklog serverPooledByteBufAllocatorEnable useEpollNativeSelector
            """.split(whereSeparator: \.isWhitespace).map(String.init)
        try await Bench.run({ $0.rocketmqHome = "/opt/rocketmq" }) { bench in
            let shown = Set(PropertiesText.parse(try await bench.ask(.getNamesrvConfig).text).map(\.key))
            for key in keys { #expect(shown.contains(key), "\(key)") }
        }
    }
}
