@testable import RMQBroker
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

/// The broker itself.
enum BrokerRows {
    static let all: [RowCase] = [
        RowCase(.getBrokerConfig, good: "has every key and the version") { _, answer async throws in
            #expect(answer.text.contains("brokerName=broker-a\n"))
            #expect(answer.fields?["version"]?.contains("\"counter\":0") == true)
        },
        RowCase(.updateBrokerConfig, good: "changes it at once", body: Array("traceOn=false".utf8)) { peer, _ async throws in
            #expect(try await peer.send("T", "x").fields?["TRACE_ON"] == "false")
        },
        RowCase(
            .updateBrokerConfig, bad: "a path", body: Array("storePathRootDir=/tmp/x".utf8), answers: .noPermission, remark: "storePathRootDir"),
        RowCase(
            .updateBrokerConfig, bad: "a value that is not allowed", body: Array("brokerPermission=9".utf8), answers: .systemError,
            remark: "brokerPermission=9"),
        RowCase(.getBrokerRuntimeInfo, good: "has the keys that tools show", given: { peer async throws in _ = try await peer.send("T", "x") }) { _, answer async throws in
            let table = try KeyValueTable(body: answer.body).table
            for key in ["brokerVersionDesc", "bootTimestamp", "putTps", "commitLogMaxOffset", "runtime"] { #expect(table[key] != nil, "\(key)") }
            #expect(table["msgPutTotalTodayNow"] == "1")
        },
        RowCase(.cleanExpiredConsumequeue, good: "leaves what the log holds", given: { peer async throws in _ = try await peer.send("T", "x") }) { peer, _ async throws in
            #expect(try await peer.pull("T", from: 0).messages.count == 1)
        },
        RowCase(.deleteExpiredCommitlog, good: "leaves what is not expired", given: { peer async throws in _ = try await peer.send("T", "x") }) { peer, _ async throws in
            #expect(try await peer.pull("T", from: 0).messages.count == 1)
        },
    ]
}
