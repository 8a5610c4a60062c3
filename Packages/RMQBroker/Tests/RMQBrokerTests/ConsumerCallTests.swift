@testable import RMQBroker
import RMQCommon
import RMQRemoting
@testable import RMQStore
import RMQTestSupport
import Synchronization
import Testing

/// Codes 222, 223, 307 and 309: what consumers are asked and told through the broker.
@Suite(.takesTurns) struct ConsumerCallTests {
    private static let subscription = SubscriptionData(topic: "T", tagExpression: "*", version: 1)

    /// A consumer of group g that is connected, and what it was asked and told.
    private final class Consumer: Sendable {
        let client: RemotingClient
        private let heard: Heard

        private final class Heard: Sendable {
            let requests = Mutex<[RemotingCommand]>([])
        }

        init(
            _ id: String, at peer: Peer, version: Int32 = ProtocolVersion.current.ordinal,
            answering answer: @escaping @Sendable (RemotingCommand) -> RemotingCommand? = { _ in nil }
        ) async throws {
            let heard = Heard()
            self.heard = heard
            client = peer.anotherClient { request in
                guard request.requestCode != .notifyConsumerIdsChanged else { return nil }
                heard.requests.withLock { $0.append(request) }
                return request.isOneway ? nil : answer(request)
            }
            #expect(try await peer.heartbeat(id, subscriptions: [subscription], version: version, from: client).code == 0)
        }

        var requests: [RemotingCommand] { heard.requests.withLock { $0 } }
    }

    private static func ofClient(_ id: String, _ fields: [String: String] = [:]) -> [String: String] {
        ["consumerGroup": "g", "clientId": id].merging(fields) { $1 }
    }

    // MARK: 307

    @Test func whatAConsumerSaysOfItselfIsHandedOn() async throws {
        try await withPeer { peer in
            let said = RemotingCommand(code: 0, remark: "said", fields: ["more": "1"], body: Array(#"{"jstack":"main"}"#.utf8))
            let consumer = try await Consumer("c", at: peer) { _ in said }
            let answer = try await peer.ask(.getConsumerRunningInfo, Self.ofClient("c", ["jstackEnable": "true", "later": "x"]))
            #expect(answer.code == 0)
            #expect(answer.remark == "said")
            #expect(answer.fields?["more"] == "1")
            #expect(answer.text == #"{"jstack":"main"}"#)
            let asked = try #require(consumer.requests.first)
            #expect(asked.requestCode == .getConsumerRunningInfo)
            #expect(asked.fields?["jstackEnable"] == "true")
            #expect(asked.fields?["later"] == "x", "also what this broker does not know")
        }
    }

    @Test func aRefusalOfAConsumerIsHandedOn() async throws {
        try await withPeer { peer in
            _ = try await Consumer("c", at: peer) { _ in .response(.systemError, remark: "not now") }
            let answer = try await peer.ask(.getConsumerRunningInfo, Self.ofClient("c"))
            #expect(answer.responseCode == .systemError)
            #expect(answer.remark == "not now")
        }
    }

    @Test(arguments: [(61, false), (62, true)] as [(Int32, Bool)])
    func aConsumerMustBeNewEnough(version: Int32, isAsked: Bool) async throws {
        try await withPeer { peer in
            let consumer = try await Consumer("c", at: peer, version: version) { _ in .response(.success) }
            let answer = try await peer.ask(.getConsumerRunningInfo, Self.ofClient("c"))
            #expect(answer.code == (isAsked ? 0 : 1))
            #expect(consumer.requests.isEmpty != isAsked)
            if !isAsked { #expect(answer.remark?.contains("too low to finish, please upgrade it to V3_1_8_SNAPSHOT") == true) }
        }
    }

    @Test func aConsumerThatIsSilentOrGone() async throws {
        let clock = HandClock()
        try await withPeer(clocks: clock.clocks) { peer in
            let consumer = try await Consumer("c", at: peer)
            let silent = Task { try await peer.ask(.getConsumerRunningInfo, Self.ofClient("c")) }
            try await eventually("it is asked") { consumer.requests.count == 1 }
            clock.advance(.milliseconds(10_100))
            _ = try await peer.heartbeat("c", subscriptions: [Self.subscription], from: consumer.client)
            let late = try await silent.value
            #expect(late.responseCode == .consumeMsgTimeout)
            #expect(late.remark?.contains("consumer <g> <c> Timeout") == true)

            let left = Task { try await peer.ask(.getConsumerRunningInfo, Self.ofClient("c")) }
            try await eventually("it is asked again") { consumer.requests.count == 2 }
            consumer.client.close()
            let gone = try await left.value
            #expect(gone.responseCode == .systemError)
            #expect(gone.remark?.contains("invoke consumer <g> <c> Exception") == true)
            try await eventually("it is forgotten") { peer.broker.state.clients.consumers["g"] == nil }
            let absent = try await peer.ask(.getConsumerRunningInfo, Self.ofClient("c"))
            #expect(absent.responseCode == .systemError)
            #expect(absent.remark == "The Consumer <g> <c> not online")
        }
    }

    // MARK: 309

    /// Also one that lies so far back that a worker has to read it.
    @Test(arguments: [Int64(64 << 20), -1]) func aConsumerIsHandedAMessage(recentBytes: Int64) async throws {
        try await withPeer({ $0.store.recentBytes = recentBytes }) { peer in
            let sent = try await peer.send("T", "at once", properties: "TAGS\u{1}a")
            let id = try #require(sent.fields?["msgId"])
            let result = Array(#"{"consumeResult":"CR_SUCCESS"}"#.utf8)
            let consumer = try await Consumer("c", at: peer) { _ in .response(.success, body: result) }
            let answer = try await peer.ask(.consumeMessageDirectly, Self.ofClient("c", ["msgId": id]))
            #expect(answer.code == 0, "\(answer.remark ?? "")")
            #expect(answer.body == result)
            let asked = try #require(consumer.requests.first)
            #expect(asked.requestCode == .consumeMessageDirectly)
            #expect(asked.fields?["brokerName"] == "broker-a")
            #expect(asked.fields?["msgId"] == id)
            let message = try #require(try asked.messages.first)
            #expect(message.text == "at once")
            #expect(message.topic == "T")
            #expect(message.tags == "a")
        }
    }

    @Test func aMessageThatIsNotThereIsHandedToNobody() async throws {
        try await withPeer { peer in
            let consumer = try await Consumer("c", at: peer) { _ in .response(.success) }
            for id in ["7F00000100002A9F0000000000001234", "FD00", "ABC"] {
                let answer = try await peer.ask(.consumeMessageDirectly, Self.ofClient("c", ["msgId": id]))
                #expect(answer.responseCode == .systemError)
                #expect(answer.remark?.contains(id) == true, "\(answer.remark ?? "")")
            }
            #expect(consumer.requests.isEmpty)
        }
    }

    // MARK: 223

    private static let status = #"{"messageQueueTable":{{"brokerName":"broker-a","queueId":0,"topic":"T"}:5}}"#
    private static let question = ["topic": "T", "group": "g"]

    @Test func theMembersOfAGroupSayHowFarTheyAre() async throws {
        try await withPeer { peer in
            let absent = try await peer.ask(.invokeBrokerToGetConsumerStatus, Self.question)
            #expect(absent.responseCode == .systemError)
            #expect(absent.remark == "No Any Consumer online in the consumer group: [g]")
            let one = try await Consumer("one", at: peer) { _ in .response(.success, body: Array(Self.status.utf8)) }
            let two = try await Consumer("two", at: peer) { _ in .response(.success, body: Array(Self.status.utf8)) }
            _ = try await Consumer("refuses", at: peer) { _ in .response(.systemError) }
            _ = try await Consumer("babbles", at: peer) { _ in .response(.success, body: [1, 2]) }
            let all = try await peer.ask(.invokeBrokerToGetConsumerStatus, Self.question)
            #expect(all.code == 0)
            let queue = MessageQueue(topic: "T", brokerName: "broker-a", queueId: 0)
            #expect(try ConsumerStatus(body: all.body).clients == ["one": [queue: 5], "two": [queue: 5]])
            let asked = try #require(one.requests.first)
            #expect(asked.requestCode == .getConsumerStatusFromClient)
            #expect(asked.fields == ["topic": "T", "group": "g"])
            let single = try await peer.ask(.invokeBrokerToGetConsumerStatus, Self.question.merging(["clientAddr": "two"]) { $1 })
            #expect(try ConsumerStatus(body: single.body).clients == ["two": [queue: 5]])
            #expect(one.requests.count == 1)
            #expect(two.requests.count == 2)
            let nobody = try await peer.ask(.invokeBrokerToGetConsumerStatus, Self.question.merging(["clientAddr": "nobody"]) { $1 })
            #expect(nobody.code == 0)
            #expect(try ConsumerStatus(body: nobody.body).clients.isEmpty)
        }
    }

    /// All are asked at once: five seconds are enough for any number of silent ones.
    @Test func silentMembersAreWaitedForTogether() async throws {
        let clock = HandClock()
        try await withPeer(clocks: clock.clocks) { peer in
            var silent: [Consumer] = []
            for number in 0..<3 { silent.append(try await Consumer("silent\(number)", at: peer)) }
            _ = try await Consumer("one", at: peer) { _ in .response(.success, body: Array(Self.status.utf8)) }
            let answer = Task { try await peer.ask(.invokeBrokerToGetConsumerStatus, Self.question) }
            try await eventually("all are asked") { silent.allSatisfy { $0.requests.count == 1 } }
            clock.advance(.milliseconds(5_100))
            for consumer in silent { _ = try await peer.ask(.getConsumerListByGroup, ["consumerGroup": "g"], from: consumer.client) }
            #expect(try ConsumerStatus(body: try await answer.value.body).clients.keys.map(\.text) == ["one"])
        }
    }

    // MARK: 222

    /// Two queues with three messages each, of which the group has consumed two.
    private func prepare(_ peer: Peer) async throws {
        _ = try await peer.createTopic("T", queues: 2)
        for queue in 0..<2 {
            for text in ["a", "b", "c"] { _ = try await peer.send("T", text, queue: queue) }
            _ = try await peer.ask(.updateConsumerOffset, ["consumerGroup": "g", "topic": "T", "queueId": "\(queue)", "commitOffset": "2"])
        }
    }

    private func reset(_ peer: Peer, timestamp: Int64, force: Bool = true, language: LanguageCode = .java) async throws -> RemotingCommand {
        var command = RemotingCommand(.invokeBrokerToResetOffset, header: ResetOffsetHeader {
            $0.topic = "T"
            $0.group = "g"
            $0.timestamp = timestamp
            $0.isForced = force
        })
        command.language = language
        return try await peer.client.request(command, to: peer.address, timeout: .generous)
    }

    private func offsets(_ answer: RemotingCommand) throws -> [Int64] {
        try ResetOffsets(body: answer.body).offsets.sorted { $0.key < $1.key }.map(\.value)
    }

    @Test(arguments: [(0, true, [0, 0]), (0, false, [0, 0]), (-1, true, [3, 3]), (-1, false, [2, 2])] as [(Int64, Bool, [Int64])])
    func membersAreToldWhereToGoOn(timestamp: Int64, force: Bool, expected: [Int64]) async throws {
        try await withPeer { peer in
            try await prepare(peer)
            let consumers = [try await Consumer("one", at: peer), try await Consumer("two", at: peer)]
            let answer = try await reset(peer, timestamp: timestamp, force: force)
            #expect(answer.code == 0)
            #expect(try offsets(answer) == expected)
            for consumer in consumers {
                try await eventually("it is told") { consumer.requests.count == 1 }
                let told = try #require(consumer.requests.first)
                #expect(told.requestCode == .resetConsumerClientOffset)
                #expect(told.isOneway)
                #expect(told.fields == ["topic": "T", "group": "g", "timestamp": "\(timestamp)", "isForce": "false"])
                #expect(try offsets(told) == expected)
            }
            #expect(peer.broker.state.offsets.existing(group: "g", topic: "T")?.all == [0: 2, 1: 2], "the members commit it")
        }
    }

    @Test func membersInCppAreToldByAList() async throws {
        try await withPeer { peer in
            try await prepare(peer)
            let consumer = try await Consumer("one", at: peer)
            let answer = try await reset(peer, timestamp: -1, language: .cpp)
            #expect(try offsets(answer) == [3, 3])
            try await eventually("it is told") { consumer.requests.count == 1 }
            #expect(consumer.requests.first?.text == #"""
                {"offsetTable":[{"brokerName":"broker-a","offset":3,"queueId":0,"topic":"T"},{"brokerName":"broker-a","offset":3,"queueId":1,"topic":"T"}]}
                """#)
        }
    }

    @Test func nobodyIsToldWhereOneIsTooOld() async throws {
        try await withPeer { peer in
            try await prepare(peer)
            let new = try await Consumer("new", at: peer)
            _ = try await Consumer("old", at: peer, version: 27)
            let answer = try await reset(peer, timestamp: -1)
            #expect(answer.responseCode == .systemError)
            #expect(answer.remark?.contains("the client does not support this feature") == true)
            _ = try await peer.ask(.getConsumerListByGroup, ["consumerGroup": "g"], from: new.client)
            #expect(new.requests.isEmpty)
        }
    }

    /// What a tool does then: it finds the offset of the time and commits it for the group, queue by queue.
    @Test func aGroupThatIsNotConnectedIsSetBackByTheTool() async throws {
        try await withPeer { peer in
            let unknown = try await reset(peer, timestamp: -1)
            #expect(unknown.responseCode == .systemError)
            #expect(unknown.remark == "[reset-offset] reset offset failed, no topic in this broker. topic=T")
            _ = try await peer.createTopic("T", queues: 2)
            let never = try await reset(peer, timestamp: -1)
            #expect(never.responseCode == .systemError)
            #expect(never.remark == "THe consumer group <g> not exist")
            try await prepare(peer)
            let offline = try await reset(peer, timestamp: 5)
            #expect(offline.responseCode == .consumerNotOnline)
            #expect(offline.remark == "Consumer not online, so can not reset offset, Group: g Topic: T Timestamp: 5")

            let stats = try ConsumeStats(body: try await peer.ask(.getConsumeStats, ["consumerGroup": "g", "topic": "T"]).body)
            #expect(stats.queues.count == 2)
            for queue in stats.queues.keys {
                let place = ["topic": "T", "queueId": "\(queue.queueId)"]
                let found = try await peer.ask(.searchOffsetByTimestamp, place.merging(["timestamp": "5"]) { $1 })
                let offset = try #require(found.fields?["offset"])
                #expect(offset == "0")
                let committed = try await peer.ask(.updateConsumerOffset, place.merging(["consumerGroup": "g", "commitOffset": offset]) { $1 })
                #expect(committed.code == 0)
            }
            #expect(peer.broker.state.offsets.existing(group: "g", topic: "T")?.all == [0: 0, 1: 0])
        }
    }
}
