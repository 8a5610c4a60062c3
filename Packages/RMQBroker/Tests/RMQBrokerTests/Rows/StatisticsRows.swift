@testable import RMQBroker
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

/// What is counted, and what is told of the broker's work.
enum StatisticsRows {
    /// Three messages were sent, and a group got them and committed two.
    @Sendable private static func consumed(_ peer: Peer) async throws {
        for text in ["a", "b", "c"] { _ = try await peer.send("T", text) }
        _ = try await peer.pull("T", from: 0)
        _ = try await peer.ask(.updateConsumerOffset, ["consumerGroup": "g", "topic": "T", "queueId": "0", "commitOffset": "2"])
        peer.broker.state.statistics.takeSample()
    }

    static let all: [RowCase] = [
        RowCase(
            .viewBrokerStatsData, good: "tells what was sent to a topic", given: consumed, fields: ["statsName": "TOPIC_PUT_NUMS", "statsKey": "T"]
        ) { _, answer async throws in
            let data = try BrokerStatsData(body: answer.body)
            #expect(data.minute.sum == 3)
            #expect(data.minute.avgpt == 1)
        },
        RowCase(
            .viewBrokerStatsData, good: "tells what a group pulled", given: consumed, fields: ["statsName": "GROUP_GET_NUMS", "statsKey": "T@g"]
        ) { _, answer async throws in
            let data = try BrokerStatsData(body: answer.body)
            #expect(data.minute.sum == 3)
            #expect(data.minute.avgpt == 3)
        },
        RowCase(.viewBrokerStatsData, bad: "no name", fields: ["statsKey": "T"], answers: .systemError, remark: "statsName"),
        RowCase(.viewBrokerStatsData, bad: "no key", fields: ["statsName": "TOPIC_PUT_NUMS"], answers: .systemError, remark: "statsKey"),
        RowCase(
            .viewBrokerStatsData, bad: "an unknown name", given: consumed, fields: ["statsName": "TOPIC_PUT", "statsKey": "T"], answers: .systemError,
            remark: "The stats <TOPIC_PUT> <T> not exist"),
        RowCase(
            .viewBrokerStatsData, bad: "an unknown key", given: consumed, fields: ["statsName": "GROUP_GET_NUMS", "statsKey": "T@h"], answers: .systemError,
            remark: "The stats <GROUP_GET_NUMS> <T@h> not exist"),
        RowCase(.getConsumeStats, good: "tells how fast it is", given: consumed, fields: ["consumerGroup": "g"]) { _, answer async throws in
            #expect(try ConsumeStats(body: answer.body).consumeTPS > 0)
        },
        RowCase(.getBrokerConsumeStats, good: "tells how fast each group is", given: consumed) { _, answer async throws in
            let groups = try #require(try JSONValue(parsing: answer.body)["consumeStatsList"]?.asArray)
            let rates = groups.compactMap { $0["g"]?.asArray?.first }
            #expect(try rates.map { try ConsumeStats(json: $0).consumeTPS > 0 } == [true])
        },
        RowCase(.getBrokerRuntimeInfo, good: "tells what was sent and pulled, and what waits", given: consumed) { _, answer async throws in
            let table = try KeyValueTable(body: answer.body).table
            for (key, value) in [
                ("msgPutTotalTodayNow", "3"), ("msgGetTotalTodayNow", "3"), ("putMessageTimesTotal", "3"), ("sendThreadPoolQueueSize", "0"),
                ("pullThreadPoolQueueSize", "0"), ("queryThreadPoolQueueSize", "0"), ("sendThreadPoolQueueHeadWaitTimeMills", "0"),
                ("EndTransactionQueueSize", "0"), ("dispatchBehindBytes", "0"), ("remainTransientStoreBufferNumbs", "2147483647"),
            ] as [(ByteText, ByteText)] {
                #expect(table[key].map { ByteText($0) } == value, "\(key)")
            }
        },
    ]
}
