@testable import RMQBroker
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

/// Who is connected.
enum ClientRows {
    private static let subscription = SubscriptionData(topic: "T", tagExpression: "a || b", version: 1)
    private static let online: RowCase.Step = { peer async throws in
        let consumer = ConsumerData {
            $0.group = "g"
            $0.subscriptions = [subscription]
        }
        let heartbeat = HeartbeatData {
            $0.clientId = "c"
            $0.producers = [ProducerData(group: "p")]
            $0.consumers = [consumer]
        }
        #expect(try await peer.ask(.heartBeat, body: heartbeat.body).code == 0)
    }

    private static let expressions: RowCase.Step = { peer async throws in
        #expect(try await peer.ask(.updateBrokerConfig, text: "enablePropertyFilter=true").code == 0)
    }

    static let all: [RowCase] = [
        RowCase(
            .heartBeat, good: "makes the client a member and the group's retry topic",
            body: Array(#"{"clientID":"c","consumerDataSet":[{"groupName":"g"}],"producerDataSet":[{"groupName":"p"}]}"#.utf8)
        ) { peer, _ async throws in
            #expect(peer.broker.state.clients.consumers["g"]?.clientIds == ["c"])
            #expect(peer.broker.state.clients.producers.channels(of: "p")?.map(\.clientId) == ["c"])
            #expect(try await peer.topics["%RETRY%g"]?.writeQueueCount == 1)
        },
        RowCase(.heartBeat, bad: "no object", body: Array("[]".utf8), answers: .systemError, remark: ""),
        RowCase(
            .heartBeat, bad: "more groups than a client has",
            body: HeartbeatData {
                $0.clientId = "c"
                $0.producers = (0..<1_025).map { ProducerData(group: "p\($0)") }
            }.body, answers: .systemError, remark: "1024 groups"),
        RowCase(.unregisterClient, good: "the client is no member any more", given: online, fields: [
            "clientID": "c", "producerGroup": "p", "consumerGroup": "g",
        ]) { peer, _ async throws in
            #expect(peer.broker.state.clients.consumers["g"] == nil)
            #expect(peer.broker.state.clients.producers.channels(of: "p") == nil)
        },
        RowCase(.unregisterClient, isGood: false, "of another group nothing changes") { peer async throws in
            try await online(peer)
            let answer = try await peer.ask(.unregisterClient, ["clientID": "c", "producerGroup": "other", "consumerGroup": "other"])
            #expect(answer.code == 0)
            #expect(peer.broker.state.clients.consumers["g"]?.clientIds == ["c"])
            #expect(peer.broker.state.clients.producers.channels(of: "p")?.count == 1)
        },
        RowCase(.getConsumerListByGroup, good: "names the members", given: online, fields: ["consumerGroup": "g"]) { _, answer async throws in
            #expect(try ConsumerIdList(body: answer.body).clientIds == ["c"])
        },
        RowCase(
            .getConsumerListByGroup, bad: "nobody is there", fields: ["consumerGroup": "g"], answers: .systemError,
            remark: "no consumer for this group, g"),
        RowCase(
            .checkClientConfig, good: "tags are always right",
            body: Array(#"{"clientId":"c","group":"g","subscriptionData":{"topic":"T","subString":"a","expressionType":"TAG"}}"#.utf8)
        ) { _, answer async throws in
            #expect(answer.body.isEmpty)
        },
        RowCase(
            .checkClientConfig, good: "an expression that is one", given: expressions,
            body: Array(#"{"clientId":"c","group":"g","subscriptionData":{"topic":"T","subString":"a > 1","expressionType":"SQL92"}}"#.utf8)
        ) { _, answer async throws in
            #expect(answer.body.isEmpty)
        },
        RowCase(
            .checkClientConfig, bad: "an expression that is none", given: expressions,
            body: Array(#"{"clientId":"c","group":"g","subscriptionData":{"topic":"T","subString":"a >","expressionType":"SQL92"}}"#.utf8),
            answers: .subscriptionParseFailed, remark: ""),
        RowCase(
            .checkClientConfig, bad: "an expression where there are none",
            body: Array(#"{"clientId":"c","group":"g","subscriptionData":{"topic":"T","subString":"a > 1","expressionType":"SQL92"}}"#.utf8),
            answers: .systemError, remark: "SQL92"),
        RowCase(.getConsumerConnectionList, good: "shows members and subscriptions", given: online, fields: ["consumerGroup": "g"]) { _, answer async throws in
            let group = try ConsumerConnection(body: answer.body)
            #expect(group.connections.map(\.clientId) == ["c"])
            #expect(group.subscriptions["T"]?.expression == "a || b")
        },
        RowCase(
            .getConsumerConnectionList, bad: "nobody is there", fields: ["consumerGroup": "g"], answers: .consumerNotOnline,
            remark: "the consumer group[g] not online"),
        RowCase(.getProducerConnectionList, good: "shows members", given: online, fields: ["producerGroup": "p"]) { _, answer async throws in
            #expect(try ProducerConnection(body: answer.body).connections.map(\.clientId) == ["c"])
        },
        RowCase(
            .getProducerConnectionList, bad: "nobody is there", fields: ["producerGroup": "p"], answers: .systemError,
            remark: "the producer group[p] not exist"),
        RowCase(.getAllProducerInfo, good: "shows every producer", given: online) { _, answer async throws in
            let producer = try #require(try ProducerTableInfo(body: answer.body).groups["p"]?.first)
            #expect(producer.clientId == "c")
            #expect(producer.lastUpdateTimestamp > 0)
        },
    ]
}
