@testable import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

@Suite(.takesTurns) struct FaultTableTests {
    private let queues = ["a", "b", "c"].flatMap { broker in (0..<2).map { MessageQueue(topic: "T", brokerName: broker, queueId: Int32($0)) } }

    /// The brokers of the next queues.
    private func draw(_ count: Int, _ table: inout FaultTable, at time: Int64) -> [String] {
        (0..<count).map { _ in queues[table.nextPlace(among: queues, now: .at(time))].brokerName }
    }

    @Test func withoutFaultsAllQueuesTakeTheirTurn() {
        var table = FaultTable(.standard, start: 5)
        let places = (0..<12).map { _ in table.nextPlace(among: queues, now: .at(0)) }
        #expect(places == [0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5])
    }

    @Test(arguments: [
        (0, 0), (49, 0), (50, 0), (100, 0), (549, 0), (550, 30), (999, 30), (1_000, 60), (2_000, 120), (3_000, 180), (14_999, 180), (15_000, 600),
    ] as [(Int64, Int64)])
    func aSlowAnswerIsolatesForAsLongAsTheStepSays(milliseconds: Int64, seconds: Int64) {
        var table = FaultTable(.standard)
        table.note("a", latency: .milliseconds(milliseconds), isFailure: false, now: .at(7_000))
        if seconds > 0 { #expect(!table.isAvailable("a", now: .at(7_000 + seconds * 1_000 - 1))) }
        #expect(table.isAvailable("a", now: .at(7_000 + seconds * 1_000)))
    }

    @Test func aFailureIsolatesLongest() {
        var table = FaultTable(.standard, start: 0)
        table.note("a", latency: .milliseconds(1), isFailure: true, now: .at(0))
        #expect(!table.isAvailable("a", now: .at(599_999)))
        #expect(table.isAvailable("a", now: .at(600_000)))
        let isolated = draw(12, &table, at: 599_999)
        #expect(Set(isolated) == ["b", "c"])
        #expect(isolated.filter { $0 == "b" }.count == 6, "the others share evenly")
        let later = draw(6, &table, at: 600_000)
        #expect(Set(later) == ["a", "b", "c"])
    }

    @Test func aFastAnswerEndsTheIsolation() {
        var table = FaultTable(.standard)
        table.note("a", latency: .seconds(1), isFailure: true, now: .at(0))
        table.note("a", latency: .milliseconds(3), isFailure: false, now: .at(1))
        #expect(table.isAvailable("a", now: .at(1)))
    }

    @Test func whenAllAreIsolatedTheBetterHalfIsTaken() {
        var table = FaultTable(.standard)
        table.note("a", latency: .seconds(3), isFailure: false, now: .at(0))
        table.note("b", latency: .seconds(1), isFailure: false, now: .at(0))
        table.note("c", latency: .seconds(2), isFailure: false, now: .at(0))
        let drawn = draw(6, &table, at: 1)
        #expect(Set(drawn) == ["b"])
    }

    @Test func theBestBrokerMayHaveNoQueueOfTheTopic() {
        var table = FaultTable(.standard)
        for broker in ["a", "b", "c"] { table.note(broker, latency: .seconds(3), isFailure: true, now: .at(0)) }
        table.note("elsewhere", latency: .milliseconds(1), isFailure: false, now: .at(0))
        let places = (0..<12).map { _ in table.nextPlace(among: queues, now: .at(1)) }
        #expect(places.allSatisfy { queues.indices.contains($0) })
    }

    @Test(arguments: [
        [FaultAvoidance.Step(latency: .seconds(2), isolation: .zero), FaultAvoidance.Step(latency: .seconds(1), isolation: .zero)],
        [FaultAvoidance.Step(latency: .seconds(1), isolation: .seconds(-1))],
    ])
    func stepsOutOfOrderAreRefused(steps: [FaultAvoidance.Step]) async throws {
        try await withFakeCluster { cluster in
            try await cluster.withClient { client in
                var configuration = ProducerConfiguration()
                configuration.faultAvoidance = FaultAvoidance(steps: steps)
                let error = await failure { () throws(ClientError) in _ = try await client.makeProducer(group: "p", configuration) }
                #expect(error?.code == .invalidConfiguration)
                #expect(error?.message.contains("faultAvoidance") == true)
            }
        }
    }

    @Test func aBrokerThatFailedOnceIsLeftOutByLaterSends() async throws {
        try await withFakeCluster(brokers: ["a", "b"], topics: ["T": 4]) { broker, command in
            broker == "a" && command.requestCode == .sendMessageV2 ? .answer(.response(.systemError, remark: "ill")) : .usual
        } _: { cluster in
            try await cluster.withClient { client in
                var configuration = ProducerConfiguration()
                configuration.faultAvoidance = .standard
                let producer = try await client.makeProducer(group: "p", configuration)
                for _ in 0..<20 { #expect(try await producer.send(Message(topic: "T", text: "x")).queue.brokerName == "b") }
                #expect(cluster.asked(.sendMessageV2, of: "a").count <= 1)
            }
        }
    }

    @Test func aMessageThatIsRefusedForWhatItIsIsolatesNobody() async throws {
        try await withFakeCluster(brokers: ["a", "b"]) { broker, command in
            command.requestCode == .sendMessageV2 && command.body.count == 3 ? .answer(.response(.messageIllegal)) : .usual
        } _: { cluster in
            try await cluster.withClient { client in
                var configuration = ProducerConfiguration()
                configuration.faultAvoidance = .standard
                let producer = try await client.makeProducer(group: "p", configuration)
                for _ in 0..<2 {
                    _ = await failure { () throws(ClientError) in try await producer.send(Message(topic: "T", text: "bad")) }
                }
                var brokers: Set<String> = []
                for _ in 0..<4 { brokers.insert(try await producer.send(Message(topic: "T", text: "good")).queue.brokerName) }
                #expect(brokers == ["a", "b"])
            }
        }
    }
}
