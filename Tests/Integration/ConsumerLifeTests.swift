import Foundation
import RMQBroker
import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

/// Groups over time: members that come and go, brokers that restart, offsets that stay.
@Suite(.takesTurns) struct ConsumerLifeTests {
    /// Members join and leave while messages flow. Every message arrives; what is handled when a queue moves may arrive twice.
    @Test func membersThatJoinAndLeaveUnderLoadLoseNothing() async throws {
        try await withCluster { cluster in
            let inbox = Inbox()
            let total = 3_000
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "p_churn")
                try await producer.send(Message(topic: "Churn", text: "-"))
                let sending = Task { for number in 0..<total { try await producer.send(Message(topic: "Churn", text: "\(number)")) } }
                // One stays from beginning to end, others come and go beside it.
                try await cluster.withClient { stayer in
                    let consumer = try await stayer.makePushConsumer(group: "g_churn", .fromFirst)
                    try await consumer.subscribe(to: "Churn")
                    let running = Task { try await consumer.run { await inbox.add($0); return .success } }
                    for number in 0..<4 {
                        try await cluster.withClient { guest in
                            let second = try await guest.makePushConsumer(group: "g_churn", .fromFirst)
                            try await second.subscribe(to: "Churn")
                            let visiting = Task { try await second.run { await inbox.add($0); return .success } }
                            try await eventually("guest \(number) has a share") { !second.assignment.isEmpty }
                            await second.close()
                            try await visiting.value
                        }
                    }
                    try await sending.value
                    try await eventually("all messages") { await inbox.bodies.count == total + 1 }
                    await consumer.close()
                    try await running.value
                }
                #expect(await inbox.count < total + total / 2)
                let queues = try await client.admin.route(of: "Churn").subscribeQueues
                for queue in queues {
                    let end = try await client.admin.maxOffset(of: queue)
                    let stored = try await client.admin.committedOffset(group: "g_churn", queue: queue)
                    #expect(stored == end || end == 0, "\(queue): stored \(String(describing: stored)) of \(end)")
                }
            }
        }
    }

    @Test func aBrokerThatRestartsUnderLoadLosesNothingThatWasConfirmed() async throws {
        try await withCluster { cluster in
            try await cluster.withClient { client in
                let inbox = Inbox()
                let consumer = try await client.makePushConsumer(group: "g_reload", .fromFirst)
                try await consumer.subscribe(to: "Reload")
                let running = Task { try await consumer.run { await inbox.add($0); return .success } }
                let producer = try await client.makeProducer(group: "p_reload")
                let confirmed = Inbox()
                let sending = Task {
                    var number = 0
                    while !Task.isCancelled {
                        number += 1
                        let message = Message(topic: "Reload", text: "\(number)")
                        if (try? await producer.send(message)) != nil { await confirmed.add(StoredMessage(topic: "Reload", body: message.body)) }
                    }
                }
                try await eventually("messages flow") { await inbox.count > 100 }
                try cluster.restartBroker()
                let before = await confirmed.count
                try await eventually("sends succeed again") { await confirmed.count > before + 100 }
                sending.cancel()
                await sending.value
                let wanted = await confirmed.bodies
                try await eventually("everything confirmed has come") { await inbox.bodies.isSuperset(of: wanted) }
                await consumer.close()
                try await running.value
            }
        }
    }

    @Test func severalGroupsInOneClientEachGetEverything() async throws {
        try await withCluster { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "p_groups")
                var members: [(PushConsumer, Inbox, Task<Void, any Error>)] = []
                for number in 0..<3 {
                    let consumer = try await client.makePushConsumer(group: "g_groups_\(number)", .fromFirst)
                    try await consumer.subscribe(to: "Shared", .tags(["t\(number)"]))
                    let inbox = Inbox()
                    members.append((consumer, inbox, Task { try await consumer.run { await inbox.add($0); return .success } }))
                }
                for number in 0..<30 { try await producer.send(Message(topic: "Shared", text: "\(number)", tags: "t\(number % 3)")) }
                for (number, member) in members.enumerated() {
                    let wanted = Set((0..<30).filter { $0 % 3 == number }.map { Array("\($0)".utf8) })
                    try await eventually("the messages of group \(number)") { await member.1.bodies == wanted }
                }
                // One that leaves does not disturb the others.
                await members[0].0.close()
                try await producer.send(Message(topic: "Shared", text: "last", tags: "t1"))
                try await eventually("the last message") { await members[1].1.count == 11 }
                for member in members {
                    await member.0.close()
                    try await member.2.value
                }
                for inbox in members.map(\.1) { #expect(await inbox.count <= 11) }
            }
        }
    }

    @Test func oneKeyStaysInOneQueueAndInOrder() async throws {
        try await withCluster { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "p_keys")
                var queues: [String: Set<MessageQueue>] = [:]
                for number in 0..<60 {
                    let key = "customer-\(number % 5)"
                    let sent = try await producer.send(Message(topic: "Keyed", text: "\(number)", keys: [key]), orderingKey: key)
                    queues[key, default: []].insert(sent.queue)
                }
                #expect(queues.values.allSatisfy { $0.count == 1 })
                #expect(Set(queues.values).count > 1)
                for (key, queue) in queues {
                    let pulled = try await client.admin.pull(from: try #require(queue.first), offset: 0, maxCount: 64)
                    let numbers = pulled.messages.filter { $0.keys == [key] }.compactMap { Int($0.text) }
                    #expect(numbers == numbers.sorted())
                    #expect(numbers.count == 12)
                }
            }
        }
    }

    @Test func subscriptionsChangeWhileTheConsumerRuns() async throws {
        try await withCluster { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "p_change")
                for topic in ["First", "Second"] { try await producer.send(Message(topic: topic, text: "\(topic) 1", tags: "a")) }
                let consumer = try await client.makePushConsumer(group: "g_change", .fromFirst)
                try await consumer.subscribe(to: "First")
                let inbox = Inbox()
                let running = Task { try await consumer.run { await inbox.add($0); return .success } }
                func texts() async -> Set<String> { Set(await inbox.messages.map(\.text)) }
                try await eventually("the first topic") { await texts() == ["First 1"] }
                try await consumer.subscribe(to: "Second")
                try await eventually("the second topic") { await texts() == ["First 1", "Second 1"] }
                await consumer.unsubscribe(from: "First")
                try await eventually("its queues are given up") { consumer.assignment.allSatisfy { $0.topic != "First" } }
                try await producer.send(Message(topic: "First", text: "First 2", tags: "a"))
                try await consumer.subscribe(to: "Second", .tags(["b"]))
                try await producer.send(Message(topic: "Second", text: "Second b", tags: "b"))
                try await eventually("the other tag") { await texts().contains("Second b") }
                #expect(await !texts().contains("First 2"))
                await consumer.close()
                try await running.value
            }
        }
    }

    /// Broadcasting offsets are in a file of this machine: what came is not repeated, what was missed comes.
    @Test func aBroadcastingConsumerGoesOnWhereItsFileSays() async throws {
        try await withCluster { cluster in
            let directory = cluster.clientFolder("offsets")
            func consume(until texts: Set<String>) async throws -> [String] {
                var configuration = RocketMQClient.Configuration(nameServers: cluster.nameServerAddress)
                configuration.logger = .silent
                configuration.clientAddress = "10.0.0.1"
                configuration.instanceName = .fixed("news")
                return try await withRocketMQClient(configuration) { client in
                    var settings = ConsumerConfiguration.fromFirst
                    settings.model = .broadcasting(offsetDirectory: directory)
                    let consumer = try await client.makePushConsumer(group: "g_file", settings)
                    try await consumer.subscribe(to: "News")
                    let inbox = Inbox()
                    let running = Task { try await consumer.run { await inbox.add($0); return .success } }
                    try await eventually("\(texts)") { Set(await inbox.messages.map(\.text)).isSuperset(of: texts) }
                    await consumer.close()
                    try await running.value
                    return await inbox.messages.map(\.text).sorted()
                }
            }
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "p_file")
                for text in ["1", "2", "3"] { try await producer.send(Message(topic: "News", text: text)) }
                #expect(try await consume(until: ["1", "2", "3"]) == ["1", "2", "3"])
                for text in ["4", "5"] { try await producer.send(Message(topic: "News", text: text)) }
                #expect(try await consume(until: ["4", "5"]) == ["4", "5"])
                // A damaged file is as good as its backup, which is one write behind.
                let path = "\(directory)/10.0.0.1@news/g_file/offsets.json"
                #expect(FileManager.default.fileExists(atPath: path))
                #expect(FileManager.default.fileExists(atPath: path + ".bak"))
                try Data("{".utf8).write(to: URL(filePath: path))
                try await producer.send(Message(topic: "News", text: "6"))
                #expect(try await consume(until: ["6"]).contains("6"))
                // When both are damaged the consumer says so instead of beginning anew.
                for suffix in ["", ".bak"] { try Data("{".utf8).write(to: URL(filePath: path + suffix)) }
                await #expect { _ = try await consume(until: []) } throws: { ($0 as? ClientError)?.code == .offsetFileUnreadable }
            }
        }
    }

    @Test func aFailedBroadcastMessageIsNotRepeated() async throws {
        try await withCluster { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "p_once")
                for text in ["bad", "good"] { try await producer.send(Message(topic: "Once", text: text)) }
                var settings = ConsumerConfiguration.fromFirst
                settings.model = .broadcasting(offsetDirectory: cluster.clientFolder("once"))
                settings.redeliveryDelay = .zero
                let consumer = try await client.makePushConsumer(group: "g_once", settings)
                try await consumer.subscribe(to: "Once")
                let inbox = Inbox()
                let running = Task {
                    try await consumer.run { message in
                        await inbox.add(message)
                        return message.text == "bad" ? .retry : .success
                    }
                }
                try await eventually("both") { await inbox.count >= 2 }
                try await producer.send(Message(topic: "Once", text: "later"))
                try await eventually("a later one") { await inbox.count >= 3 }
                #expect(Set(await inbox.messages.map(\.text)) == ["bad", "good", "later"])
                #expect(await inbox.count == 3)
                await consumer.close()
                try await running.value
            }
        }
    }

    @Test func offsetsAreFoundByTime() async throws {
        try await withCluster { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "p_start")
                let queue = try #require(try await producer.queues(for: "Start").first)
                var times: [Int64] = []
                for number in 0..<3 {
                    let sent = try await producer.send(Message(topic: "Start", text: "\(number)"), to: queue)
                    times.append(try await client.admin.message(id: sent.offsetMessageId).storeTimestamp)
                    let before = WallClock.nowMilliseconds()
                    try await eventually("the clock moves on") { WallClock.nowMilliseconds() > before + 2 }
                }
                #expect(try await client.admin.searchOffset(of: queue, at: times[1]) == 1)
                #expect(try await client.admin.minOffset(of: queue) == 0)
                #expect(try await client.admin.maxOffset(of: queue) == 3)
                #expect(try await client.admin.earliestStoreTime(of: queue) == times[0])
            }
        }
    }

    @Test func aGroupThatIsNotAllowedIsToldAndWorksOnceItIsMade() async throws {
        let sink = MemorySink()
        try await withCluster { $0.autoCreateSubscriptionGroup = false } _: { cluster in
            var configuration = RocketMQClient.Configuration(nameServers: cluster.nameServerAddress)
            configuration.logger = Logger(category: "client", level: .warning, sink: sink)
            try await withRocketMQClient(configuration) { client in
                let producer = try await client.makeProducer(group: "p_strict")
                try await producer.send(Message(topic: "Strict", text: "x"))
                let consumer = try await client.makePushConsumer(group: "g_strict", .fromFirst)
                try await consumer.subscribe(to: "Strict")
                let inbox = Inbox()
                let running = Task { try await consumer.run { await inbox.add($0); return .success } }
                try await eventually("a line about the group") { sink.messages.contains { $0.contains("g_strict") && $0.contains("not exist") } }
                try await client.admin.createGroup(SubscriptionGroupConfig(groupName: "g_strict"), inCluster: "DefaultCluster")
                try await eventually("the message") { await inbox.count == 1 }
                await consumer.close()
                try await running.value
            }
        }
    }
}
