@testable import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

@Suite(.takesTurns) struct QueueRotationTests {
    private let queues = ["a", "b"].flatMap { broker in (0..<2).map { MessageQueue(topic: "T", brokerName: broker, queueId: Int32($0)) } }

    @Test func allQueuesTakeTheirTurn() {
        var rotation = QueueRotation(start: .max - 1)
        let drawn = (0..<8).map { _ in rotation.next(of: queues, avoiding: nil) }
        #expect(Set(drawn).count == 4)
        #expect(drawn.count == 8)
    }

    @Test func aBrokerThatFailedIsAvoided() {
        var rotation = QueueRotation(start: 0)
        let drawn = (0..<20).map { _ in rotation.next(of: queues, avoiding: "a").brokerName }
        #expect(drawn.allSatisfy { $0 == "b" })
    }

    @Test func theFailedBrokerIsTakenWhenThereIsNoOther() {
        var rotation = QueueRotation(start: 0)
        let drawn = rotation.next(of: Array(queues[..<2]), avoiding: "a")
        #expect(drawn.brokerName == "a")
    }

    @Test(arguments: [("", 0), ("a", 97 % 4), ("order-42", nil), ("größe", nil)] as [(String, Int?)])
    func orderingKeysUseTheReferencesHash(key: String, expected: Int?) {
        let index = OrderingKey.index(of: key, among: 4)
        #expect((0..<4).contains(index))
        #expect(index == OrderingKey.index(of: key, among: 4))
        if let expected { #expect(index == expected) }
    }
}

@Suite(.takesTurns) struct RetryPolicyTests {
    private let policy = RetryPolicy(ProducerConfiguration())

    @Test func aStoredMessageIsFinished() {
        #expect(policy.decide(after: .accepted(.stored), attempt: 1) == .finish)
        #expect(policy.decide(after: .accepted(.flushTimedOut), attempt: 1) == .finish)
    }

    @Test(arguments: [ResponseCode.systemError, .serviceNotAvailable, .noPermission, .topicNotExist])
    func answersThatAnotherBrokerMayNotGiveAreRetried(code: ResponseCode) {
        #expect(policy.decide(after: .refused(code), attempt: 1) == .tryAnotherBroker)
        #expect(policy.decide(after: .refused(code), attempt: 3) == .finish)
    }

    @Test(arguments: [ResponseCode.systemBusy, .messageIllegal, .flowControl])
    func otherRefusalsAreFinal(code: ResponseCode) {
        #expect(policy.decide(after: .refused(code), attempt: 1) == .finish)
    }

    @Test func unreachableBrokersLeaveTimeForOthers() {
        #expect(policy.decide(after: .unreachable, attempt: 2) == .tryAnotherBroker)
        #expect(policy.timeout(ofAttempt: 1, remaining: .seconds(3), hasAlternative: true) == .milliseconds(1500))
        #expect(policy.timeout(ofAttempt: 1, remaining: .seconds(3), hasAlternative: false) == .seconds(3))
        #expect(policy.timeout(ofAttempt: 3, remaining: .seconds(1), hasAlternative: true) == .seconds(1))
    }

    @Test func halfStoredMessagesAreRetriedOnRequestOnly() {
        var configuration = ProducerConfiguration()
        configuration.retriesUnlessFullyStored = true
        #expect(RetryPolicy(configuration).decide(after: .accepted(.noReplica), attempt: 1) == .tryAnotherBroker)
    }
}

@Suite(.takesTurns) struct OutgoingMessageTests {
    @Test func largeBodiesAreCompressedAndComeBack() throws {
        let body = [UInt8](repeating: 7, count: 4096)
        let outgoing = OutgoingMessage(Message(topic: "T", body: body), threshold: 4096, level: 5)
        #expect(outgoing.systemFlag.contains(.compressed))
        #expect(try Zlib.decompress(outgoing.body, limit: 1 << 20) == body)
        #expect(!OutgoingMessage(Message(topic: "T", body: Array(body.dropLast())), threshold: 4096, level: 5).systemFlag.contains(.compressed))
    }

    @Test func aMessageGetsAnIdAndKeepsTheOneItHas() {
        let fresh = OutgoingMessage(Message(topic: "T", text: "x"), threshold: nil, level: 5)
        #expect(fresh.ids[0].count == 32 || fresh.ids[0].count == 56)
        var again = Message(topic: "T", text: "x")
        again.uniqueId = fresh.ids[0]
        #expect(OutgoingMessage(again, threshold: nil, level: 5).ids == fresh.ids)
    }

    @Test func membersOfABatchHaveTheirOwnIds() throws {
        let batch = try OutgoingMessage(batch: (0..<3).map { Message(topic: "T", text: "\($0)") })
        #expect(Set(batch.ids).count == 3)
        let members = try BatchBody.decode(batch.body, topic: "T")
        #expect(members.map(\.uniqueId) == batch.ids)
    }

    @Test func whatTheRulesForbidIsRefusedBeforeAnythingIsSent() {
        func code(_ message: Message) -> ClientError.Code? {
            do throws(ClientError) { try Validation.check(message, maxBytes: 100); return nil } catch { return error.code }
        }
        #expect(code(Message(topic: "T", text: "fine")) == nil)
        #expect(code(Message(topic: "../..", text: "x")) == .invalidName)
        #expect(code(Message(topic: "", text: "x")) == .invalidName)
        #expect(code(Message(topic: "T", text: "")) == .invalidMessage)
        #expect(code(Message(topic: "T", body: [UInt8](repeating: 1, count: 101))) == .invalidMessage)
        #expect(code(Message(topic: SystemTopic.schedule, text: "x")) == .forbiddenTopic)
        #expect(code(Message(topic: "T", text: "x", properties: ["a": "b\u{1}c"])) == .invalidMessage)
        for name in ["REAL_TOPIC", "TRAN_MSG", "MIN_OFFSET", "CLUSTER", "RETRY_TOPIC", "TRACE_ON"] {
            #expect(code(Message(topic: "T", text: "x", properties: [name: "1"])) == .reservedProperty, "\(name)")
        }
        var ordinary = Message(topic: "T", text: "x", tags: "a", keys: ["k"], properties: ["real_topic": "1", "__STARTDELIVERTIME": "1"])
        ordinary.delayLevel = 3
        ordinary.waitsForStore = false
        ordinary.uniqueId = "0123"
        #expect(code(ordinary) == nil)
        #expect(code(Message(topic: "T", text: "x", properties: ["a": String(repeating: "b", count: 40_000)])) == .invalidMessage)
    }

    @Test func aBatchHasOneTopicAndNoDelay() {
        func code(_ messages: [Message]) -> ClientError.Code? {
            do throws(ClientError) { try Validation.checkBatch(messages, maxBytes: 100); return nil } catch { return error.code }
        }
        let message = Message(topic: "T", text: "x")
        var delayed = message
        delayed.delayLevel = 3
        var careless = message
        careless.waitsForStore = false
        #expect(code([message, message]) == nil)
        #expect(code([]) == .invalidMessage)
        #expect(code([message, Message(topic: "U", text: "x")]) == .invalidMessage)
        #expect(code([message, delayed]) == .invalidMessage)
        #expect(code([message, careless]) == .invalidMessage)
        #expect(code([Message(topic: RetryTopic.name("g"), text: "x")]) == .invalidMessage)
    }

    /// Failures that come all the time must not put the question off for ever.
    @Test func afterFailuresTheRouteIsAskedForOnceASecond() {
        let routes = KnownRoutes()
        let asked = (0...30).map { routes.mayAskAfterFailure("T", now: .at($0 * 100)) }
        #expect(asked.indices.filter { asked[$0] } == [0, 10, 20, 30])
        #expect(routes.mayAskAfterFailure("U", now: .at(3000)), "another topic")
    }

    @Test func nameServersAreTakenInTurnWhenOneFails() {
        var servers = NameServers(["a", "b", "c"], start: 4)
        #expect(servers.chosen == "b")
        servers.failed("b")
        #expect(servers.chosen == "c")
        servers.failed("b")
        #expect(servers.chosen == "c")
        #expect(NameServers([], start: -7).chosen == nil)
    }
}
