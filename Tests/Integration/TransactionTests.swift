import RMQBroker
import RMQClient
import RMQCommon
import RMQTestSupport
import Synchronization
import Testing

/// Transactions of the client against a broker.
@Suite(.takesTurns) struct TransactionMessagingTests {
    /// What checks were asked about, and what they say.
    private final class Answers: Sendable {
        private let state = Mutex<(decision: TransactionDecision, asked: [String])>((.unknown, []))

        var asked: [String] { state.withLock { $0.asked } }
        func decide(_ decision: TransactionDecision) { state.withLock { $0.decision = decision } }
        func answer(_ message: StoredMessage) -> TransactionDecision {
            state.withLock { state in
                state.asked.append(message.text)
                return state.decision
            }
        }
    }

    /// Runs `body` with the inbox of a consumer of `topic`.
    private func withInbox(_ client: RocketMQClient, _ topic: String, _ body: (Inbox) async throws -> Void) async throws {
        let consumer = try await client.makePushConsumer(group: "g_" + topic, .fromFirst)
        try await consumer.subscribe(to: topic)
        let inbox = Inbox()
        let running = Task { try await consumer.run { await inbox.add($0); return .success } }
        try await body(inbox)
        await consumer.close()
        try await running.value
    }

    private static func asksOften(_ configuration: inout BrokerConfiguration) {
        configuration.transactionTimeoutMilliseconds = 0
        configuration.transactionCheckMilliseconds = 100
        configuration.transactionCheckMax = 10_000
    }

    @Test func committedMessagesArriveAndOthersDoNot() async throws {
        try await withCluster { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeTransactionProducer(group: "tx") { _ in .unknown }
                var kept: [String] = []
                for number in 0..<20 {
                    let decision: TransactionDecision = number % 2 == 0 ? .commit : .rollback
                    let result = try await producer.send(Message(topic: "Deals", text: "\(number)", tags: "t", keys: ["k\(number)"])) { _ in decision }
                    #expect(result.send.status == .stored)
                    #expect(result.send.queue.topic == "Deals")
                    if decision == .commit { kept.append(result.send.messageId) }
                }
                // Without a transaction, behind them.
                try await producer.producer.send(Message(topic: "Deals", text: "last"))
                try await withInbox(client, "Deals") { inbox in
                    try await eventually("the committed ones") { await inbox.count >= 11 }
                    let messages = await inbox.messages
                    #expect(Set(messages.map(\.text)) == Set((0..<10).map { "\($0 * 2)" } + ["last"]))
                    #expect(Set(messages.filter { $0.text != "last" }.map(\.messageId)) == Set(kept))
                    #expect(messages.filter { $0.text != "last" }.allSatisfy { $0.tags == "t" && $0.keys.count == 1 })
                    #expect(messages.count == 11)
                }
            }
        }
    }

    @Test func anUnknownTransactionIsAskedAboutUntilItIsKnown() async throws {
        try await withCluster(Self.asksOften) { cluster in
            try await cluster.withClient { client in
                let answers = Answers()
                let producer = try await client.makeTransactionProducer(group: "tx") { answers.answer($0) }
                let sent = try await producer.send(Message(topic: "Deals", text: "größe", tags: "t")) { id in
                    #expect(!id.isEmpty)
                    return .unknown
                }
                #expect(sent.decision == .unknown)
                try await eventually("asked more than once") { answers.asked.count >= 2 }
                #expect(Set(answers.asked) == ["größe"])
                answers.decide(.commit)
                try await withInbox(client, "Deals") { inbox in
                    try await eventually("the message") { await inbox.count == 1 }
                    let message = try #require(await inbox.messages.first)
                    #expect(message.text == "größe")
                    #expect(message.tags == "t")
                    #expect(message.messageId == sent.send.messageId)
                }
            }
        }
    }

    @Test func aTransactionThatIsRolledBackWhenAskedDoesNotArrive() async throws {
        try await withCluster(Self.asksOften) { cluster in
            try await cluster.withClient { client in
                let answers = Answers()
                answers.decide(.rollback)
                let producer = try await client.makeTransactionProducer(group: "tx") { answers.answer($0) }
                try await producer.send(Message(topic: "Deals", text: "doubtful")) { _ in .unknown }
                try await eventually("asked") { !answers.asked.isEmpty }
                try await producer.send(Message(topic: "Deals", text: "sure")) { _ in .commit }
                try await withInbox(client, "Deals") { inbox in
                    try await eventually("the other message") { await inbox.count >= 1 }
                    #expect(await inbox.messages.map(\.text) == ["sure"])
                }
            }
        }
    }

    /// The sender dies in the middle of its transaction; who answers for it has never sent anything.
    @Test func anotherMemberOfTheGroupAnswersForOneThatIsGone() async throws {
        try await withCluster(Self.asksOften) { cluster in
            try await cluster.withClient { first in
                let producer = try await first.makeTransactionProducer(group: "tx") { _ in .unknown }
                try await producer.send(Message(topic: "Deals", text: "orphan")) { _ in .unknown }
            }
            try await cluster.withClient { second in
                let answers = Answers()
                answers.decide(.commit)
                _ = try await second.makeTransactionProducer(group: "tx") { answers.answer($0) }
                try await withInbox(second, "Deals") { inbox in
                    try await eventually("the message") { await inbox.count == 1 }
                    #expect(await inbox.messages.first?.text == "orphan")
                    #expect(answers.asked.first == "orphan")
                }
            }
        }
    }

    @Test func aTransactionOutlivesARestartOfTheBroker() async throws {
        try await withCluster(Self.asksOften) { cluster in
            try await cluster.withClient { client in
                let answers = Answers()
                let producer = try await client.makeTransactionProducer(group: "tx") { answers.answer($0) }
                try await producer.send(Message(topic: "Deals", text: "patient")) { _ in .unknown }
                try cluster.restartBroker()
                // The broker of now has another port, and finds the producer by its next message.
                try await eventually("the broker is found again") {
                    (try? await producer.producer.send(Message(topic: "Elsewhere", text: "x"), timeout: .seconds(5))) != nil
                }
                answers.decide(.commit)
                try await withInbox(client, "Deals") { inbox in
                    try await eventually("the message") { await inbox.count == 1 }
                    #expect(await inbox.messages.first?.text == "patient")
                }
            }
        }
    }
}
