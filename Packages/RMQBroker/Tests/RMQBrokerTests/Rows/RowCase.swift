@testable import RMQBroker
import RMQCommon
import RMQRemoting
import RMQStore
import RMQTestSupport
import Testing

/// One request of a row of the request table: what it is answered over a socket, and what it does.
///
/// A good one asks for what the row is for and looks at what became of it. A bad one is refused, and must leave topics, groups,
/// offsets and the log as they were.
struct RowCase: Sendable, CustomTestStringConvertible {
    typealias Step = @Sendable (Peer) async throws -> Void
    typealias Effect = @Sendable (Peer, RemotingCommand) async throws -> Void

    let code: RequestCode
    let isGood: Bool
    private let what: String
    private let run: Step

    /// A request that is served.
    /// - Parameters:
    ///   - given: what happened before.
    ///   - remark: the whole remark.
    ///   - effect: looks at the answer and at what it says happened.
    init(
        _ code: RequestCode, good what: String, given: @escaping Step = { _ in }, fields: [String: String] = [:], body: [UInt8] = [],
        answers expected: ResponseCode = .success, remark: String? = nil, effect: @escaping Effect
    ) {
        (self.code, isGood, self.what) = (code, true, what)
        run = { peer in
            try await given(peer)
            let answer = try await peer.ask(code, fields, body: body)
            #expect(answer.responseCode == expected)
            #expect(answer.remark == remark)
            try await effect(peer, answer)
        }
    }

    /// A request that is refused.
    /// - Parameter remark: a part of the remark that says what is wrong.
    init(
        _ code: RequestCode, bad what: String, given: @escaping Step = { _ in }, fields: [String: String] = [:], body: [UInt8] = [],
        answers expected: ResponseCode, remark: String
    ) {
        (self.code, isGood, self.what) = (code, false, what)
        run = { peer in
            try await given(peer)
            let before = peer.contents
            let answer = try await peer.ask(code, fields, body: body)
            #expect(answer.responseCode == expected, "\(answer.remark ?? "")")
            #expect(answer.remark?.contains(remark) == true, "\(answer.remark ?? "")")
            #expect(peer.contents == before)
        }
    }

    /// A request that is asked in another way than by one command and its answer.
    init(_ code: RequestCode, isGood: Bool, _ what: String, run: @escaping Step) {
        (self.code, self.isGood, self.what, self.run) = (code, isGood, what, run)
    }

    var testDescription: String { "\(code) \(what)" }

    func check() async throws {
        try await withPeer(accounts: AccountRows.files(for: code)) { peer in try await run(peer) }
    }
}

/// Every row of the request table is driven over a socket, with good and with bad input.
@Suite(.takesTurns) struct RowTests {
    static let cases: [RowCase] = [
        QueueRows.all, TopicRows.all, GroupRows.all, ClientRows.all, CallRows.all, OffsetRows.all, MessageRows.all, TransactionRows.all, BrokerRows.all, RetryRows.all,
        SendRows.all, PullRows.all, StatisticsRows.all, AccountRows.all, RoleRows.all,
    ].flatMap(\.self)

    /// What these ask has nothing in it that could be wrong.
    private static let withoutInput: Set<RequestCode> = [
        .getAllTopicConfig, .getBrokerConfig, .getBrokerRuntimeInfo, .getAllConsumerOffset, .getAllDelayOffset, .getAllSubscriptiongroupConfig,
        .getSystemTopicListFromBroker, .cleanExpiredConsumequeue, .cleanUnusedTopic, .getAllProducerInfo, .deleteExpiredCommitlog,
        .getBrokerConsumeStats, .getBrokerClusterAclInfo, .getBrokerEpochCache,
    ]

    @Test(arguments: cases) func theRowDoesWhatItIsFor(row: RowCase) async throws { try await row.check() }

    @Test func everyRowHasAGoodAndABadCase() {
        for number in Int32(0)...2_000 {
            let code = RequestCode(rawValue: number)
            let cases = Self.cases.filter { $0.code == code }
            guard HeaderTableTests.isServed(code) else {
                #expect(cases.isEmpty, "\(code) is not served")
                continue
            }
            #expect(cases.contains { $0.isGood }, "\(code) has no case that is good")
            #expect(cases.contains { !$0.isGood } != Self.withoutInput.contains(code), "\(code) has no case that is bad")
        }
    }
}

extension Peer {
    /// What a request that is refused must not change.
    struct Contents: Equatable {
        var topics: [ByteText: TopicConfig]
        var groups: [ByteText: SubscriptionGroupConfig]
        var offsets: [ByteText: [Int32: Int64]]
        var logEnd: Int64
    }

    var contents: Contents {
        let state = broker.state
        return Contents(
            topics: state.topics.table.topics, groups: state.groups.table.groups, offsets: state.offsets.file.offsets,
            logEnd: state.store.maxPhysicalOffset)
    }
}
