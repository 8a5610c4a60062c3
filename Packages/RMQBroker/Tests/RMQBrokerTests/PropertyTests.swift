@testable import RMQBroker
import RMQCommon
import RMQRemoting
import RMQStore
import RMQTestSupport
import Testing

/// What properties mean to the broker, and what it does with values that mean nothing.
@Suite(.takesTurns) struct PropertyTests {
    /// What became of a message: refused with a code, waiting for a delay level or for the end of a transaction, or in its queue.
    enum Outcome: Equatable {
        case refused(ResponseCode), waits(level: Int32), isHalf, delivered
    }

    /// `;` stands for the end of a pair, `=` for the end of its name.
    static let table: [(properties: String, outcome: Outcome)] = [
        // DELAY is a 32-bit number
        ("DELAY=1", .waits(level: 1)), ("DELAY=+1", .waits(level: 1)), ("DELAY=03", .waits(level: 3)), ("DELAY=18", .waits(level: 18)),
        ("DELAY=19", .waits(level: 18)), ("DELAY=2147483647", .waits(level: 18)), ("DELAY=0", .delivered), ("DELAY=-0", .delivered),
        ("DELAY=-1", .delivered), ("DELAY=-2147483648", .delivered),
        ("DELAY=abc", .refused(.systemError)), ("DELAY=1.0", .refused(.systemError)), ("DELAY= 1", .refused(.systemError)),
        ("DELAY=1 ", .refused(.systemError)), ("DELAY=2147483648", .refused(.systemError)), ("DELAY=-2147483649", .refused(.systemError)),
        ("DELAY=99999999999999999999", .refused(.systemError)), ("DELAY=+", .refused(.systemError)), ("DELAY=-", .refused(.systemError)),
        ("DELAY=+-1", .refused(.systemError)), ("DELAY=1_0", .refused(.systemError)), ("DELAY=0x1", .refused(.systemError)),
        // A pair without a value, or without a name, is absent; of several the last one counts
        ("DELAY=", .delivered), ("DELAY", .delivered), ("=1;DELAY=2", .waits(level: 2)), ("DELAY=2;DELAY=", .waits(level: 2)),
        ("DELAY=abc;DELAY=2", .waits(level: 2)), ("DELAY=2;DELAY=abc", .refused(.systemError)), ("delay=2", .delivered),
        // TRAN_MSG is a truth value; a half message is not delayed, but what it becomes
        ("TRAN_MSG=true", .isHalf), ("TRAN_MSG=TRUE", .isHalf), ("TRAN_MSG=true;TRAN_MSG=", .isHalf), ("TRAN_MSG=true;DELAY=2", .isHalf),
        ("TRAN_MSG=true;DELAY=abc", .refused(.systemError)),
        ("TRAN_MSG=true;TRAN_MSG=false", .delivered), ("TRAN_MSG=1", .delivered), ("TRAN_MSG= true", .delivered), ("TRAN_MSG=yes", .delivered),
        ("TRAN_MSG=", .delivered),
        // WAIT is a truth value; where nothing waits for the disk it changes nothing
        ("WAIT=false", .delivered), ("WAIT=abc", .delivered), ("WAIT=", .delivered),
        // No broker looks at these in a send
        ("PGROUP=", .delivered), ("RECONSUME_TIME=abc", .delivered), ("MAX_RECONSUME_TIMES=-1", .delivered), ("REAL_QID=abc", .delivered),
        ("REAL_TOPIC=SCHEDULE_TOPIC_XXXX", .delivered), ("INNER_MULTI_DISPATCH=../x", .delivered), ("INNER_MULTI_QUEUE_OFFSET=abc", .delivered),
        ("TRANSACTION_CHECK_TIMES=abc", .delivered), ("__STARTDELIVERTIME=abc", .delivered), ("CLUSTER=other", .delivered),
        ("TTL=abc", .delivered), ("MSG_TYPE=reply", .delivered), ("UNIQ_KEY=abc", .delivered),
    ]

    @Test func whatPropertiesDo() async throws {
        // None comes out meanwhile, however slow the machine is.
        try await withPeer({ $0.store.delayLevelMilliseconds = Array(repeating: 3_600_000, count: 18) }) { peer in
            _ = try await peer.createTopic("T")
            for (text, outcome) in Self.table {
                func end(_ topic: String, _ queue: Int32) async throws -> Int64 {
                    let answer = try await peer.ask(.getMaxOffset, ["topic": topic, "queueId": "\(queue)"])
                    return try #require(answer.fields?["offset"].flatMap { Int64($0) })
                }
                var waitingQueue: Int32 = 0
                if case .waits(let level) = outcome { waitingQueue = level - 1 }
                let before = (
                    own: try await end("T", 0), waiting: try await end("SCHEDULE_TOPIC_XXXX", waitingQueue), half: try await end("RMQ_SYS_TRANS_HALF_TOPIC", 0)
                )
                let properties = text.replacing("=", with: "\u{1}").replacing(";", with: "\u{2}")
                let answer = try await peer.send("T", "x", properties: properties)
                let found: Outcome
                if answer.code != 0 {
                    found = .refused(answer.responseCode)
                } else if try await end("SCHEDULE_TOPIC_XXXX", waitingQueue) > before.waiting {
                    found = .waits(level: waitingQueue + 1)
                } else if try await end("RMQ_SYS_TRANS_HALF_TOPIC", 0) > before.half {
                    found = .isHalf
                } else {
                    let own = try await end("T", 0)
                    #expect(own == before.own + 1, "\(text)")
                    found = .delivered
                }
                #expect(found == outcome, "\(text): \(answer.remark ?? "")")
            }
        }
    }

    @Test func aRefusedDelayIsNamed() async throws {
        try await withPeer { peer in
            let answer = try await peer.send("T", "x", properties: "DELAY\u{1}1.0")
            #expect(answer.remark == #"property DELAY is "1.0", not a 32-bit integer"#)
        }
    }

    /// `INNER_MULTI_DISPATCH` names queues where that is switched on; none of the names may be a path.
    @Test(arguments: [("%LMQ%a", ResponseCode.success), ("../x", .messageIllegal), ("%LMQ%a,a/b", .messageIllegal), (" ", .success), (",", .success)])
    func furtherQueuesAreNoPaths(names: String, code: ResponseCode) async throws {
        try await withPeer({ $0.store.dispatchesToSeveral = true; $0.store.lightQueues = true }) { peer in
            let answer = try await peer.send("T", "x", properties: "INNER_MULTI_DISPATCH\u{1}\(names)")
            #expect(answer.responseCode == code, "\(answer.remark ?? "")")
        }
    }
}
