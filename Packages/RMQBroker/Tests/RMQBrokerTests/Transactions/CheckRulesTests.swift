import RMQCommon
import RMQTestSupport
import Testing

@testable import RMQBroker

@Suite(.takesTurns) struct CheckRulesTests {
    private static let day: Int64 = 86_400_000

    /// A half message by its times in ms before now, and its properties; what is done with it.
    private struct Case: Sendable, CustomTestStringConvertible {
        let stored: Int64
        var born: Int64?
        var properties: MessageProperties = [:]
        let verdict: HalfVerdict
        var testDescription: String { "stored \(stored) ms ago, \(properties)" }
    }

    private static let cases: [Case] = [
        Case(stored: 0, verdict: .isYoung), Case(stored: 5_999, verdict: .isYoung), Case(stored: 6_000, verdict: .ask(times: 1)),
        // The broker's clock was set back.
        Case(stored: -1, verdict: .ask(times: 1)),
        // The clock of a producer says nothing of how long it has been at work.
        Case(stored: 100, born: 3_600_000, verdict: .isYoung), Case(stored: 6_000, born: -3_600_000, verdict: .ask(times: 1)),
        Case(stored: 6_000, properties: ["TRANSACTION_CHECK_TIMES": "1"], verdict: .ask(times: 2)),
        Case(stored: 100, properties: ["TRANSACTION_CHECK_TIMES": "14"], verdict: .ask(times: 15)),
        Case(stored: 100, properties: ["TRANSACTION_CHECK_TIMES": "15"], verdict: .giveUp(.askedTooOften)),
        Case(stored: 6_000, properties: ["TRANSACTION_CHECK_TIMES": "abc"], verdict: .ask(times: 1)),
        Case(stored: 6_000, properties: ["TRANSACTION_CHECK_TIMES": "99999999999"], verdict: .ask(times: 1)),
        Case(stored: 3 * day, verdict: .ask(times: 1)), Case(stored: 3 * day + 1, verdict: .giveUp(.expired)),
        Case(stored: 100, born: 4 * day, verdict: .isYoung),
        // Immunity is counted from the birth once the record is a copy.
        Case(stored: 0, properties: ["CHECK_IMMUNITY_TIME_IN_SECONDS": "10"], verdict: .isImmune),
        Case(stored: 9_999, properties: ["CHECK_IMMUNITY_TIME_IN_SECONDS": "10"], verdict: .isImmune),
        Case(stored: 10_000, properties: ["CHECK_IMMUNITY_TIME_IN_SECONDS": "10"], verdict: .ask(times: 1)),
        Case(stored: 1, born: 9_999, properties: ["CHECK_IMMUNITY_TIME_IN_SECONDS": "10", "TRAN_PREPARED_QUEUE_OFFSET": "3"], verdict: .isImmune),
        Case(stored: 1, born: 10_000, properties: ["CHECK_IMMUNITY_TIME_IN_SECONDS": "10", "TRAN_PREPARED_QUEUE_OFFSET": "3"], verdict: .ask(times: 1)),
        Case(stored: 1, properties: ["CHECK_IMMUNITY_TIME_IN_SECONDS": "0"], verdict: .ask(times: 1)),
        Case(stored: 1, properties: ["CHECK_IMMUNITY_TIME_IN_SECONDS": "-1"], verdict: .isYoung),
        Case(stored: 6_000, properties: ["CHECK_IMMUNITY_TIME_IN_SECONDS": "abc"], verdict: .ask(times: 1)),
        Case(stored: 2 * day, properties: ["CHECK_IMMUNITY_TIME_IN_SECONDS": "9223372036854775807"], verdict: .isImmune),
        Case(
            stored: 1, born: 3 * day, properties: ["CHECK_IMMUNITY_TIME_IN_SECONDS": "9223372036854775807", "TRAN_PREPARED_QUEUE_OFFSET": "3"],
            verdict: .ask(times: 1)),
        // Any number may stand for the birth.
        Case(stored: 6_000, born: now - .max, properties: ["TRAN_PREPARED_QUEUE_OFFSET": "3"], verdict: .ask(times: 1)),
        Case(stored: 6_000, born: .max, properties: ["TRAN_PREPARED_QUEUE_OFFSET": "3"], verdict: .ask(times: 1)),
        Case(stored: 1, properties: ["CHECK_IMMUNITY_TIME_IN_SECONDS": "10", "TRANSACTION_CHECK_TIMES": "15"], verdict: .giveUp(.askedTooOften)),
    ]

    private static let now: Int64 = 1_700_000_000_000

    private static func withHalf(_ properties: MessageProperties, stored: Int64, born: Int64, offset: Int64 = 7, _ body: (HalfMessage) throws -> Void) throws {
        var message = StoredMessage(topic: SystemTopic.transactionHalf, body: Array("x".utf8), properties: properties)
        message.queueOffset = offset
        message.storeTimestamp = now - stored
        message.bornTimestamp = now &- born
        try MessageRecord.encode(message).withUnsafeBytes { try body(#require(HalfMessage($0))) }
    }

    @Test(arguments: cases) private func aVerdictFollowsFromTheMessage(item: Case) throws {
        let rules = CheckRules(now: Self.now, timeout: 6_000, mostChecks: 15, mostAge: 3 * Self.day)
        try Self.withHalf(item.properties, stored: item.stored, born: item.born ?? item.stored) { #expect(rules.verdict($0) == item.verdict) }
    }

    @Test(arguments: [("3", 3), ("0", 0), ("7", 7), ("8", 7), ("-1", 7), ("abc", 7), ("", 7), ("99999999999999999999", 7)] as [(String, Int64)])
    func anOriginLiesBeforeItsCopies(text: String, origin: Int64) throws {
        try Self.withHalf(["TRAN_PREPARED_QUEUE_OFFSET": text], stored: 0, born: 0) {
            #expect($0.origin == origin && $0.isCopy == (origin != 7))
        }
    }

    @Test(arguments: [("0", 0), ("4095", 4_095), ("4096", nil), ("-1", nil), ("abc", nil), ("", nil)] as [(String, Int32?)])
    func aQueueIsOneThatATopicMayHave(text: String, queueId: Int32?) throws {
        try Self.withHalf(["REAL_QID": text], stored: 0, born: 0) { #expect($0.realQueueId == queueId) }
    }

    @Test func whatIsNoRecordIsNoHalfMessage() {
        for count in [0, 1, 90, 200] { [UInt8](repeating: 0xFF, count: count).withUnsafeBytes { #expect(HalfMessage($0) == nil) } }
    }
}
