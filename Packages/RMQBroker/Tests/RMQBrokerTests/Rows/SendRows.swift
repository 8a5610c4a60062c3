@testable import RMQBroker
import RMQCommon
import RMQRemoting
@testable import RMQStore
import Synchronization
import Testing

/// Codes 10, 310 and 320: every check of a send, in each of the three forms.
enum SendRows {
    static let all: [RowCase] = [RequestCode.sendMessage, .sendMessageV2, .sendBatchMessage].flatMap { refused($0) + taken($0) }

    private static let longNames = [
        "a": "producerGroup", "b": "topic", "c": "defaultTopic", "d": "defaultTopicQueueNums", "e": "queueId", "f": "sysFlag", "g": "bornTimestamp",
        "h": "flag", "i": "properties", "j": "reconsumeTimes", "k": "unitMode", "m": "batch",
    ]

    /// - Parameter changes: by the short names.
    private static func fields(_ code: RequestCode, _ changes: [String: String] = [:]) -> [String: String] {
        let short = Peer.sendFields("T").merging(["m": code == .sendBatchMessage ? "true" : "false"]) { $1 }.merging(changes) { $1 }
        guard code == .sendMessage else { return short }
        return Dictionary(uniqueKeysWithValues: short.compactMap { field in longNames[field.key].map { ($0, field.value) } })
    }

    private static func body(_ code: RequestCode, count: Int = 1) -> [UInt8] {
        let message = Message(topic: "T", body: [UInt8](repeating: 0x78, count: count))
        return code == .sendBatchMessage ? (try? BatchBody.encode([message])) ?? [] : message.body
    }

    private static let topic: RowCase.Step = { peer async throws in _ = try await peer.createTopic("T") }

    /// The topic, and a setting that is changed then.
    private static func topic(and setting: String) -> RowCase.Step {
        { peer async throws in
            try await topic(peer)
            #expect(try await peer.ask(.updateBrokerConfig, text: setting).code == 0)
        }
    }

    private static func end(_ topic: String, queue: Int = 0, _ peer: Peer) async throws -> String? {
        try await peer.ask(.getMaxOffset, ["topic": topic, "queueId": "\(queue)"]).fields?["offset"]
    }

    private static func bad(
        _ code: RequestCode, _ what: String, given: @escaping RowCase.Step = topic, changing changes: [String: String] = [:], count: Int = 1,
        _ answer: ResponseCode, _ remark: String
    ) -> RowCase {
        RowCase(code, bad: what, given: given, fields: fields(code, changes), body: body(code, count: count), answers: answer, remark: remark)
    }

    private static let unwritableBroker: RowCase.Step = { peer async throws in
        try await topic(and: "brokerPermission=4")(peer)
        _ = peer.broker.state.topics.put(TopicConfig(topicName: "T", readQueueCount: 1, writeQueueCount: 1, isOrdered: true))
    }

    private static let replica: RowCase.Step = { peer async throws in
        try await topic(peer)
        try peer.broker.state.store.becomeReplica()
    }

    private static let hanging: RowCase.Step = { peer async throws in
        try await topic(peer)
        peer.broker.state.store.lockedSince.store(CoarseClock.milliseconds() - 5_000, ordering: .relaxed)
    }

    private static let unknownGroup: RowCase.Step = { peer async throws in
        _ = try await peer.createTopic("%RETRY%g")
        #expect(try await peer.ask(.updateBrokerConfig, text: "autoCreateSubscriptionGroup=false").code == 0)
    }

    private static func refused(_ code: RequestCode) -> [RowCase] {
        let always: [RowCase] = [
            bad(code, "before its time", given: topic(and: "startAcceptSendRequestTimeStamp=9000000000000"), .systemError, "broker unable to service, until"),
            bad(code, "to an ordered topic of a broker that may not be written", given: unwritableBroker, .noPermission, "sending message is forbidden"),
            bad(code, "a name that is none", changing: ["b": "a/b"], .systemError, "a/b"),
            bad(code, "no name", changing: ["b": ""], .systemError, "blank"),
            bad(code, "a name that is too long", changing: ["b": String(repeating: "t", count: 128)], .systemError, "at most 127"),
            bad(code, "a topic that only the broker writes", changing: ["b": "RMQ_SYS_TRANS_HALF_TOPIC"], .noPermission, "is forbidden."),
            bad(code, "an unknown topic where none is made", given: topic(and: "autoCreateTopicEnable=false"), changing: ["b": "New"], .topicNotExist, "topic[New] not exist"),
            bad(code, "a template that makes none", changing: ["b": "New", "c": "SELF_TEST_TOPIC"], .topicNotExist, "topic[New] not exist"),
            bad(code, "a queue beyond the last", changing: ["e": "1"], .systemError, "request queueId[1] is illegal"),
            bad(code, "any queue of a topic without", given: { _ = try await $0.createTopic("T", queues: 0) }, changing: ["e": "-1"], .systemError, "has no queue to write to"),
            bad(code, "a body that is too long", given: topic(and: "maxMessageSize=100"), count: 101, .messageIllegal, "100"),
            bad(code, "properties that are too long", changing: ["i": "KEYS\u{1}" + String(repeating: "k", count: 32_768)], .messageIllegal, "32767"),
            bad(code, "a delay that is no number", changing: ["i": "DELAY\u{1}x"], .systemError, "property DELAY is \"x\""),
            bad(code, "to a replica", given: replica, .serviceNotAvailable, "replica"),
            bad(code, "while an append hangs", given: hanging, .systemBusy, "[REJECTREQUEST]system busy"),
        ]
        let ofKind: [RowCase] =
            code == .sendBatchMessage
            ? [
                bad(code, "a batch that is delayed", changing: ["i": "DELAY\u{1}1"], .messageIllegal, "a batch cannot be delayed"),
                bad(code, "a batch that is part of a transaction", changing: ["f": "4"], .messageIllegal, "transaction"),
            ]
            : [bad(code, "to the retry topic of an unknown group", given: unknownGroup, changing: ["b": "%RETRY%g"], .subscriptionGroupNotExist, "subscription group not exist, g")]
        return always + ofKind
    }

    private static func taken(_ code: RequestCode) -> [RowCase] {
        func good(_ what: String, given: @escaping RowCase.Step = topic, changing changes: [String: String] = [:], effect: @escaping RowCase.Effect) -> RowCase {
            RowCase(code, good: what, given: given, fields: fields(code, changes), body: body(code), effect: effect)
        }
        return [
            good("the broker chooses the queue", changing: ["e": "-1"]) { peer, answer async throws in
                #expect(answer.fields?["queueId"] == "0")
                #expect(try await end("T", peer) == "1")
            },
            good("a queue that is only read", given: { peer async throws in
                _ = try await peer.createTopic("T", changing: ["readQueueNums": "2"])
            }, changing: ["e": "1"]) { peer, _ async throws in
                #expect(try await end("T", queue: 1, peer) == "1")
            },
            good("a topic without the write permission, which routes alone go by", given: { peer async throws in
                _ = try await peer.createTopic("T", changing: ["perm": "4"])
            }) { peer, _ async throws in
                #expect(try await end("T", peer) == "1")
            },
            good("an unordered topic of a broker that may not be written", given: topic(and: "brokerPermission=4")) { peer, _ async throws in
                #expect(try await end("T", peer) == "1")
            },
            good("the topic is made after its template", changing: ["b": "New", "d": "100", "k": "true"]) { peer, _ async throws in
                let made = try await peer.topics["New"]
                #expect(made?.writeQueueCount == 8)
                #expect(made?.permission == .readWrite)
                #expect(made?.systemFlag == 1)
            },
            good("a topic of several tags marks it", given: { peer async throws in
                _ = try await peer.createTopic("T", changing: ["topicFilterType": "MULTI_TAG"])
            }) { peer, _ async throws in
                #expect(try await peer.pull("T", from: 0).messages.map { $0.systemFlag.contains(.multiTags) } == [true])
            },
            good("what comes back has region and trace switch", given: topic(and: "traceOn=false")) { _, answer async throws in
                #expect(answer.fields?["MSG_REGION"] == "DefaultRegion")
                #expect(answer.fields?["TRACE_ON"] == "false")
            },
        ]
    }
}
