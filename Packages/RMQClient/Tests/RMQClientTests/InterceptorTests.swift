@testable import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Synchronization
import Testing

@Suite(.takesTurns) struct InterceptorTests {
    private struct Refusal: Error, CustomStringConvertible { let description = "not today" }

    /// Keeps what passes, and does with it what a test wants.
    private final class Witness: SendInterceptor {
        private let list = Mutex<[String]>([])
        let name: String
        let change: @Sendable (inout SendAttempt) throws -> Void

        init(_ name: String = "", change: @escaping @Sendable (inout SendAttempt) throws -> Void = { _ in }) {
            self.name = name
            self.change = change
        }

        var notes: [String] { list.withLock { $0 } }

        func send(_ attempt: SendAttempt, next: SendAttempt.Next) async throws -> SendResult? {
            var attempt = attempt
            list.withLock { $0.append("\(attempt.number) \(attempt.queue.brokerName)") }
            try change(&attempt)
            let result = try await next(attempt)
            list.withLock { $0.append(result == nil ? "nothing" : "\(result!.status)") }
            return result
        }
    }

    private func configuration(_ interceptors: [any SendInterceptor]) -> ProducerConfiguration {
        var configuration = ProducerConfiguration()
        configuration.interceptors = interceptors
        return configuration
    }

    private func properties(_ command: RemotingCommand) throws -> MessageProperties {
        MessageProperties(decoding: Array((try command.header(SendMessageHeaderV2.self).message.properties ?? "").utf8))
    }

    @Test func eachTryPassesThroughAllOfThemTheOutermostFirst() async throws {
        try await withFakeCluster { cluster in
            try await cluster.withClient { client in
                let order = Mutex<[String]>([])
                let inner = Witness { attempt in
                    order.withLock { $0.append("inner") }
                    #expect(attempt.messages[0].properties["by"] == "outer")
                    attempt.messages[0].properties["by"] = "inner"
                }
                let outer = Witness { attempt in
                    order.withLock { $0.append("outer") }
                    attempt.messages[0].properties["by"] = "outer"
                }
                let producer = try await client.makeProducer(group: "p", configuration([outer, inner]))
                let sent = try await producer.send(Message(topic: "T", text: "x", tags: "a"))
                #expect(order.withLock { $0 } == ["outer", "inner"])
                #expect(outer.notes == ["1 a", "stored"])
                let command = try #require(cluster.asked(.sendMessageV2).first)
                #expect(try properties(command)["by"] == "inner")
                #expect(try properties(command)["UNIQ_KEY"] == sent.messageId)
                #expect(try properties(command)["TAGS"] == "a")
            }
        }
    }

    @Test func theySeeWhatIsSentAndWhere() async throws {
        try await withFakeCluster { cluster in
            try await cluster.withClient { client in
                let seen = Mutex<[SendAttempt]>([])
                let witness = Witness { attempt in seen.withLock { [attempt] list in list.append(attempt) } }
                let producer = try await client.makeProducer(group: "p", configuration([witness]))
                let big = Message(topic: "T", body: [UInt8](repeating: 7, count: 10_000), flag: 9)
                try await producer.send(big)
                try await producer.send(batch: [Message(topic: "T", text: "1"), Message(topic: "T", text: "2", keys: ["k"])])
                let attempts = seen.withLock { $0 }
                #expect(attempts.map(\.messages.count) == [1, 2])
                #expect(attempts[0].messages[0].body == big.body, "as it was before compression")
                #expect(attempts[0].messages[0].flag == 9)
                #expect(attempts[0].messages[0].uniqueId != nil)
                #expect(attempts[0].group == "p")
                #expect(attempts[0].brokerAddress == cluster.address(of: "a"))
                #expect(!attempts[0].isOneway)
                #expect(!attempts[0].isHalfMessage)
                #expect(attempts[1].messages.map(\.text) == ["1", "2"])
                #expect(attempts[1].messages[1].keys == ["k"])
            }
        }
    }

    @Test func whatThrowsRefusesTheTryAndAnotherBrokerIsTried() async throws {
        try await withFakeCluster(brokers: ["a", "b"]) { cluster in
            try await cluster.withClient { client in
                let rule = Witness { attempt in if attempt.queue.brokerName == "a" { throw Refusal() } }
                let producer = try await client.makeProducer(group: "p", configuration([rule]))
                for _ in 0..<4 { #expect(try await producer.send(Message(topic: "T", text: "x")).queue.brokerName == "b") }
                #expect(cluster.asked(.sendMessageV2, of: "a").isEmpty)
            }
        }
    }

    @Test func whenEveryTryIsRefusedTheSendSaysSo() async throws {
        try await withFakeCluster { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "p", configuration([Witness { _ in throw Refusal() }]))
                let error = await failure { () throws(ClientError) in try await producer.send(Message(topic: "T", text: "x")) }
                #expect(error?.code == .refusedByInterceptor)
                #expect(error?.message.contains("not today") == true)
                #expect(error?.attempts.count == 3)
                #expect(cluster.asked(.sendMessageV2).isEmpty)
            }
        }
    }

    @Test func retriesPassThroughThemAgain() async throws {
        try await withFakeCluster { _, command in
            command.requestCode == .sendMessageV2 ? .answer(.response(.serviceNotAvailable)) : .usual
        } _: { cluster in
            try await cluster.withClient { client in
                let witness = Witness()
                let producer = try await client.makeProducer(group: "p", configuration([witness]))
                let error = await failure { () throws(ClientError) in try await producer.send(Message(topic: "T", text: "x")) }
                #expect(error?.responseCode == .serviceNotAvailable)
                #expect(witness.notes == ["1 a", "2 a", "3 a"])
                let ids = try Set(cluster.asked(.sendMessageV2).map { try properties($0).dictionary["UNIQ_KEY"] })
                #expect(ids.count == 1, "the same message each time")
            }
        }
    }

    @Test func onewaySendsPassThroughThemToo() async throws {
        try await withFakeCluster { cluster in
            try await cluster.withClient { client in
                let witness = Witness { attempt in
                    #expect(attempt.isOneway)
                    attempt.messages[0].properties["by"] = "me"
                }
                let producer = try await client.makeProducer(group: "p", configuration([witness]))
                try await producer.sendOneway(Message(topic: "T", text: "x"))
                #expect(witness.notes == ["1 a", "nothing"])
                try await eventually("it arrives") { !cluster.asked(.sendMessageV2).isEmpty }
                #expect(try properties(#require(cluster.asked(.sendMessageV2).first))["by"] == "me")
                let refusing = try await client.makeProducer(group: "q", configuration([Witness { _ in throw Refusal() }]))
                let error = await failure { () throws(ClientError) in try await refusing.sendOneway(Message(topic: "T", text: "x")) }
                #expect(error?.code == .refusedByInterceptor)
            }
        }
    }

    @Test func halfMessagesKeepWhatMakesThemSo() async throws {
        try await withFakeCluster(topics: ["T": 1, "TBW102": 1]) { cluster in
            try await cluster.withClient { client in
                let witness = Witness { attempt in
                    #expect(attempt.isHalfMessage)
                    attempt.messages[0].properties["by"] = "me"
                }
                let producer = try await client.makeTransactionProducer(group: "p", configuration([witness])) { _ in .unknown }
                try await producer.send(Message(topic: "T", text: "x")) { _ in .commit }
                let command = try #require(cluster.asked(.sendMessageV2).first)
                #expect(try SystemFlag(rawValue: command.header(SendMessageHeaderV2.self).message.systemFlag).transactionKind == .prepared)
                #expect(try properties(command)["TRAN_MSG"] == "true")
                #expect(try properties(command)["by"] == "me")
            }
        }
    }

    @Test(arguments: [
        { $0.messages[0].topic = "U" }, { $0.messages[0].uniqueId = "other" }, { $0.messages = [] }, { $0.messages.append($0.messages[0]) },
        { $0.messages[0].properties["REAL_TOPIC"] = "U" }, { $0.messages[0].body = [] },
    ] as [@Sendable (inout SendAttempt) -> Void])
    func whatTheRulesForbidIsRefused(change: @escaping @Sendable (inout SendAttempt) -> Void) async throws {
        try await withFakeCluster { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "p", configuration([Witness { change(&$0) }]))
                let error = await failure { () throws(ClientError) in try await producer.send(Message(topic: "T", text: "x")) }
                #expect([.refusedByInterceptor, .reservedProperty, .invalidMessage].contains(error?.code))
                #expect(cluster.asked(.sendMessageV2).isEmpty)
            }
        }
    }
}
