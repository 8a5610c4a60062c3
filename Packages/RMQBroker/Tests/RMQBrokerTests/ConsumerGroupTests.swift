@testable import RMQBroker
import RMQCommon
@testable import RMQRemoting
import RMQTestSupport
import Synchronization
import Testing

/// What heartbeats make of a group, and what the log says of it.
@Suite(.takesTurns) struct ConsumerGroupTests {
    /// Keeps lines for a look at them.
    private final class Lines: LogSink {
        private let lines = Mutex<[String]>([])
        func write(_ record: LogRecord) { lines.withLock { $0.append("\(record.level.text) \(record.category) \(record.message)") } }
        var all: [String] { lines.withLock { $0 } }
        func count(containing part: String) -> Int { all.filter { $0.contains(part) }.count }
    }

    private let lines = Lines()
    private let clock = HandClock()
    /// Never runs: what is sent stays in its mailbox.
    private let loop = EventLoop(name: "test")

    private func clients(_ change: (inout BrokerConfiguration) -> Void = { _ in }) -> Clients {
        var configuration = BrokerConfiguration()
        change(&configuration)
        let clocks = clock.clocks
        return Clients(
            groups: GroupTable(clock: clocks.wall), live: LiveConfiguration(configuration, clock: clocks.wall),
            filters: ConsumerFilterTable(configuration, logger: quiet, clocks: clocks),
            logger: Logger(category: "RocketmqBroker", sink: lines), clocks: clocks)
    }

    private func channel(_ id: UInt64, _ clientId: String) -> ClientChannel {
        let handle = ConnectionHandle(id: id, remote: HostAddress(ipv4: (127, 0, 0, 1), port: 1), loop: loop)
        return ClientChannel(connection: handle, clientId: clientId, language: .java, version: 409, lastUpdate: clock.now)
    }

    private func consumer(
        _ tags: [String: String] = ["T": "*"], version: Int64 = 1, model: MessageModel = .clustering, type: ConsumeType = .passively
    ) -> ConsumerData {
        ConsumerData {
            $0.group = "g"
            $0.messageModel = model
            $0.consumeType = type
            $0.subscriptions = tags.map { SubscriptionData(topic: $0.key, tagExpression: $0.value, version: version) }
        }
    }

    @Test func theLastHeartbeatCounts() throws {
        let clients = clients()
        clients.register(channel(1, "one"), consumer(), limit: 10)
        clients.register(channel(2, "two"), consumer(["U": "a"], model: .broadcasting, type: .actively), limit: 10)
        let group = try #require(clients.consumers["g"])
        #expect(group.messageModel == .broadcasting)
        #expect(group.consumeType == .actively)
        #expect(group.subscriptions.sortedTexts == ["U"])
        #expect(group.channels.count == 2)
        clients.register(channel(1, "one"), consumer(["U": "b"], version: 0), limit: 10)
        #expect(clients.consumers["g"]?.subscriptions["U"]?.expression == "a", "an older subscription replaces none")
    }

    @Test func membersThatDifferAreNamedOnce() {
        let clients = clients()
        let one = consumer(["T": "a", "Same": "*"]), two = consumer(["T": "b", "Same": "*"], model: .broadcasting)
        clients.register(channel(1, "one"), one, limit: 10)
        #expect(lines.count(containing: "differ") == 0)
        clients.register(channel(2, "two"), two, limit: 10)
        let line = lines.all.first { $0.contains("differ") } ?? ""
        for part in ["warn", "group g", "two", "one", "BROADCASTING", "CLUSTERING", "topic T"] { #expect(line.lowercased().contains(part.lowercased()), "\(line)") }
        for _ in 0..<10 {
            clock.advance(.seconds(30))
            clients.register(channel(1, "one"), one, limit: 10)
            clients.register(channel(2, "two"), two, limit: 10)
        }
        #expect(lines.count(containing: "differ") == 1)
        clock.advance(.seconds(600))
        clients.register(channel(1, "one"), one, limit: 10)
        #expect(lines.count(containing: "differ") == 2, "whoever missed it sees it again")
    }

    @Test func membersThatAreAlikeAreNot() {
        let clients = clients()
        for version in 1...3 {
            for id in 1...3 { clients.register(channel(UInt64(id), "c\(id)"), consumer(["T": "a || b"], version: Int64(version)), limit: 10) }
        }
        // One that changes its mind is alone with itself.
        let alone = consumer(["T": "c"], version: 9)
        for id in 1...3 { clients.connectionClosed(UInt64(id)) }
        clients.register(channel(1, "c1"), consumer(), limit: 10)
        clients.register(channel(1, "c1"), alone, limit: 10)
        #expect(lines.count(containing: "differ") == 0)
    }

    @Test func whatHappensToAGroupIsInTheLog() {
        let clients = clients()
        clients.register(channel(1, "one"), consumer(), limit: 10)
        clients.register(channel(1, "other"), consumer(["T": "a", "U": "*"], version: 2), limit: 10)
        clients.register(channel(1, "other"), consumer(["U": "*"], version: 2), limit: 10)
        clients.unregister(connection: 1, consumersOf: "g")
        clients.register(channel(2, "two"), consumer(), limit: 10)
        clients.connectionClosed(2)
        clients.register(channel(3, "three"), consumer(), limit: 10)
        clock.advance(.seconds(121))
        clients.expire(now: clock.now)
        for part in [
            "new consumer connected, group: g CONSUME_PASSIVELY CLUSTERING channel: ClientChannelInfo [channel=127.0.0.1:1, clientId=one",
            "subscription changed, add new topic, group: g SubscriptionData [classFilterMode=false, topic=T, subString=*",
            "consumer channel exist in broker, but clientId not equal. GROUP: g OLD: ClientChannelInfo [channel=127.0.0.1:1, clientId=one",
            "subscription changed, group: g OLD: ", "subscription changed, group: g remove topic T ", "unregister a consumer[g] from consumerGroupInfo",
            "unregister consumer ok, no any connection, and remove consumer group, g",
            "NETTY EVENT: remove not active channel[ClientChannelInfo [channel=127.0.0.1:1, clientId=two",
            "SCAN: remove expired channel from ConsumerManager consumerTable. channel=ClientChannelInfo [channel=127.0.0.1:1, clientId=three",
        ] { #expect(lines.count(containing: part) >= 1, "\(part)") }
        #expect(clients.consumers["g"] == nil)
    }

    @Test func linesThatClientsCauseAreBounded() {
        let clients = clients()
        for id in 0..<10_000 { clients.register(channel(UInt64(id), "c\(id)"), ProducerData(group: "p"), limit: 10) }
        #expect(lines.all.count == ClientLog.linesPerSecond)
        clock.advance(.seconds(1))
        clients.connectionClosed(0)
        #expect(lines.all.last?.contains("and 9800 lines before it that are left out") == true)
    }

    @Test func locksAreInTheirOwnLog() {
        let clients = clients { $0.lockLifetime = .seconds(5) }
        let queue = [MessageQueue(topic: "T", brokerName: "b", queueId: 0)]
        #expect(clients.locks.lock(queue, group: "g", clientId: "one", now: clock.now) == queue)
        #expect(clients.locks.lock(queue, group: "g", clientId: "two", now: clock.now).isEmpty)
        clock.advance(.seconds(5))
        #expect(clients.locks.lock(queue, group: "g", clientId: "two", now: clock.now) == queue, "the time is configured")
        clients.locks.unlock(queue, group: "g", clientId: "one")
        clients.locks.unlock(queue, group: "g", clientId: "two")
        clients.locks.unlock(queue, group: "g", clientId: "two")
        let name = "MessageQueue [topic=T, brokerName=b, queueId=0]"
        #expect(lines.all == [
            "INFO RocketmqRebalanceLock tryLockBatch, message queue not locked, I got it. Group: g NewClientId: one \(name)",
            "INFO RocketmqRebalanceLock tryLockBatch, message queue locked by other client. Group: g OtherClientId: one NewClientId: two \(name)",
            "INFO RocketmqRebalanceLock tryLockBatch, message queue lock expired, I got it. Group: g OldClientId: one NewClientId: two \(name)",
            "INFO RocketmqRebalanceLock unlockBatch, but mq locked by other client: two, Group: g \(name) one",
            "INFO RocketmqRebalanceLock unlockBatch, Group: g \(name) two",
            "INFO RocketmqRebalanceLock unlockBatch, but mq not locked, Group: g \(name) two",
        ])
    }

    // MARK: Limits

    private func twentyGroups() -> HeartbeatData {
        var heartbeat = HeartbeatData()
        heartbeat.clientId = "c"
        for number in 0..<20 {
            var consumer = ConsumerData()
            consumer.group = "g\(number)"
            heartbeat.consumers.append(consumer)
            heartbeat.producers.append(ProducerData(group: "p\(number)"))
        }
        return heartbeat
    }

    /// How many of the twenty groups have a consumer.
    private func connectedGroups(_ peer: Peer) -> Int {
        var count = 0
        for number in 0..<20 where peer.broker.state.clients.consumers["g\(number)"] != nil { count += 1 }
        return count
    }

    private func retryTopics(_ peer: Peer) async throws -> Int {
        let topics = try await peer.topics
        return topics.keys.filter { $0.text.hasPrefix("%RETRY%") }.count
    }

    @Test func groupsBeyondTheLimitAreLeftOut() async throws {
        let heartbeat = twentyGroups().body
        try await withPeer({ $0.maxGroups = 12 }) { peer in
            #expect(try await peer.ask(.heartBeat, body: heartbeat).code == 0)
            let state = peer.broker.state
            #expect(state.groups.names.count == 12, "with those that every broker has")
            #expect(connectedGroups(peer) == 12)
            #expect(state.clients.producers.all.count == 12)
            #expect(try await retryTopics(peer) == 5)
            let made = try await peer.changeGroup(#"{"groupName":"made"}"#)
            #expect(made.code == 0, "a command may make more")
            #expect(try await peer.ask(.updateBrokerConfig, text: "maxGroups=100").code == 0)
            #expect(try await peer.ask(.heartBeat, body: heartbeat).code == 0)
            #expect(connectedGroups(peer) == 20)
        }
    }

    @Test func topicsBeyondTheLimitAreNotMadeByUse() async throws {
        try await withPeer { peer in
            let count = peer.broker.state.topics.count
            #expect(try await peer.ask(.updateBrokerConfig, text: "maxTopics=\(count + 1)").code == 0)
            #expect(try await peer.send("First", "x").code == 0)
            let second = try await peer.send("Second", "x")
            #expect(second.responseCode == .topicNotExist)
            #expect(second.remark?.contains("maxTopics") == true)
            _ = try await peer.heartbeat("c")
            #expect(try await peer.topics["%RETRY%g"] == nil)
            #expect(try await peer.createTopic("Second").code == 0, "a command may make more")
            #expect(try await peer.send("Second", "x").code == 0)
        }
    }

    /// The whole is refused when it is too long to be read on a loop; what is short is taken up to a bound.
    @Test func aHeartbeatWithAHundredThousandSubscriptions() async throws {
        try await withPeer { peer in
            let long = (0..<100_000).map { SubscriptionData(topic: "Topic\($0)", tagExpression: "*", version: 1) }
            let refused = try await peer.heartbeat("c", subscriptions: long)
            #expect(refused.responseCode == .systemError)
            #expect(refused.remark?.contains("a body of ") == true)
            #expect(peer.broker.state.clients.consumers["g"] == nil)
            let short = (0..<20_000).map { #"{"topic":"\#($0)"}"# }.joined(separator: ",")
            let text = #"{"clientID":"c","consumerDataSet":[{"groupName":"g","subscriptionDataSet":[\#(short)]}]}"#
            #expect(try await peer.ask(.heartBeat, text: text).code == 0)
            #expect(peer.broker.state.clients.consumers["g"]?.subscriptions.count == ClientLimit.subscriptionsPerGroup)
            #expect(try await peer.send("T", "x").code == 0, "others are served on")
        }
    }
}
