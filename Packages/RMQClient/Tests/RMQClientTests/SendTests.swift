import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

@Suite(.takesTurns) struct SendTests {
    @Test func aBrokerThatDoesNotAnswerLeavesTimeForAnother() async throws {
        try await withFakeCluster(brokers: ["a", "b"]) { broker, command in
            broker == "a" && command.requestCode == .sendMessageV2 ? .silent : .usual
        } _: { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "p")
                for _ in 0..<2 {
                    let sent = try await producer.send(Message(topic: "T", text: "x"), timeout: .seconds(6))
                    #expect(sent.queue.brokerName == "b")
                }
                #expect((1...2).contains(cluster.asked(.sendMessageV2, of: "a").count))
            }
        }
    }

    @Test func theOnlyBrokerGetsTheWholeTimeAndOneCopy() async throws {
        try await withFakeCluster { _, command in
            command.requestCode == .sendMessageV2 ? .late(.milliseconds(3500)) : .usual
        } _: { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "p")
                #expect(try await producer.send(Message(topic: "T", text: "x"), timeout: .seconds(6)).status == .stored)
                #expect(cluster.asked(.sendMessageV2).count == 1)
            }
        }
    }

    @Test func aRefusalThatAnotherBrokerMayNotGiveIsTriedThreeTimes() async throws {
        try await withFakeCluster(brokers: ["a", "b"]) { _, command in
            command.requestCode == .sendMessageV2 ? .answer(.response(.serviceNotAvailable, remark: "the disk is full")) : .usual
        } _: { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "p")
                let error = try #require(await failure { () throws(ClientError) in try await producer.send(Message(topic: "T", text: "x")) })
                #expect(error.code == .refused)
                #expect(error.responseCode == .serviceNotAvailable)
                #expect(error.remark == "the disk is full")
                #expect(error.isTransient)
                #expect(error.attempts.map(\.brokerName) == ["a", "b", "a"] || error.attempts.map(\.brokerName) == ["b", "a", "b"])
                #expect(error.description.contains("the disk is full"))
                #expect(error.description.contains("T"))
            }
        }
    }

    @Test func anOrdinaryRefusalIsFinal() async throws {
        try await withFakeCluster(brokers: ["a", "b"]) { _, command in
            command.requestCode == .sendMessageV2 ? .answer(.response(.messageIllegal, remark: "no")) : .usual
        } _: { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "p")
                let error = await failure { () throws(ClientError) in try await producer.send(Message(topic: "T", text: "x")) }
                #expect(error?.code == .refused)
                #expect(error?.attempts.count == 1)
                #expect(error?.isTransient == false)
            }
        }
    }

    @Test func theTimeoutOfASendCoversTheSearchForTheRoute() async throws {
        try await withFakeCluster { _, command in command.requestCode == .getRouteinfoByTopic ? .silent : .usual } _: { cluster in
            try await cluster.withClient { $0.requestTimeout = .seconds(30) } _: { client in
                let producer = try await client.makeProducer(group: "p")
                let start = ContinuousClock.now
                let error = await failure { () throws(ClientError) in
                    try await producer.send(Message(topic: "T", text: "x"), timeout: .milliseconds(300))
                }
                #expect(error?.code == .timedOut)
                #expect(start.duration(to: .now) < .seconds(15))
            }
        }
    }

    @Test func whenTheTimeIsUpNobodyIsAsked() async throws {
        try await withFakeCluster { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "p")
                let error = await failure { () throws(ClientError) in try await producer.send(Message(topic: "T", text: "x"), timeout: .zero) }
                #expect(error?.code == .timedOut)
                #expect(error?.message.contains("no time was left") == true)
                #expect(cluster.asked(.getRouteinfoByTopic).isEmpty)
            }
        }
    }

    @Test func aTopicThatNobodyCreatesIsNamed() async throws {
        try await withFakeCluster { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "p")
                let error = await failure { () throws(ClientError) in try await producer.send(Message(topic: "Nowhere", text: "x")) }
                #expect(error?.code == .routeNotFound)
                #expect(error?.message.contains("Nowhere") == true)
                #expect(error?.message.contains("mqadmin updateTopic") == true)
            }
        }
    }

    @Test func theSecondNameServerIsAskedWhenTheFirstIsDown() async throws {
        try await withFakeCluster { cluster in
            try await cluster.withClient { $0.nameServers.insert("127.0.0.1:1", at: 0) } _: { client in
                let producer = try await client.makeProducer(group: "p")
                for _ in 0..<3 { try await producer.send(Message(topic: "T", text: "x")) }
            }
            try await cluster.withClient { $0.nameServers = ["127.0.0.1:1"] } _: { client in
                let producer = try await client.makeProducer(group: "p")
                let error = await failure { () throws(ClientError) in try await producer.send(Message(topic: "T", text: "x")) }
                #expect(error?.code == .connectionFailed)
                #expect(error?.isTransient == true)
                #expect(error?.message.contains("127.0.0.1:1") == true)
            }
        }
    }

    @Test func cancellingASendEndsTheWaiting() async throws {
        try await withFakeCluster { _, command in command.requestCode == .sendMessageV2 ? .silent : .usual } _: { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "p")
                let sending = Task { await failure { () throws(ClientError) in try await producer.send(Message(topic: "T", text: "x"), timeout: .seconds(300)) } }
                try await eventually("the send is on its way") { !cluster.asked(.sendMessageV2).isEmpty }
                sending.cancel()
                #expect(await sending.value?.code == .cancelled)
            }
        }
    }

    @Test func manySendsThatFailTogetherAskForTheRouteOnce() async throws {
        try await withFakeCluster { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "p")
                try await producer.send(Message(topic: "T", text: "x"))
                let before = cluster.asked(.getRouteinfoByTopic).count
                cluster.stop("a")
                await withDiscardingTaskGroup { group in
                    for _ in 0..<50 { group.addTask { _ = try? await producer.send(Message(topic: "T", text: "x")) } }
                }
                #expect(cluster.asked(.getRouteinfoByTopic).count - before <= 3)
                try cluster.start("a")
                try await eventually("the broker is used again") { (try? await producer.send(Message(topic: "T", text: "x"))) != nil }
            }
        }
    }

    @Test func groupsAreUniqueInAClientAndAClosedOneSaysSo() async throws {
        try await withFakeCluster { cluster in
            let (client, producer) = try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "p")
                #expect(await failure { () throws(ClientError) in _ = try await client.makeProducer(group: "p") }?.code == .groupAlreadyRegistered)
                await producer.close()
                return (client, try await client.makeProducer(group: "p"))
            }
            #expect(await failure { () throws(ClientError) in try await producer.send(Message(topic: "T", text: "x")) }?.code == .closed)
            #expect(await failure { () throws(ClientError) in _ = try await client.makeProducer(group: "q") }?.code == .closed)
            #expect(await failure { () throws(ClientError) in _ = try await client.makePushConsumer(group: "q") }?.code == .closed)
            await client.shutdown()
            try await eventually("no connection is left") { cluster.connectionCount == 0 }
        }
    }

    @Test(arguments: [
        { $0.nameServers = [] }, { $0.nameServers = ["localhost"] }, { $0.nameServers = ["a:b"] }, { $0.instanceName = .fixed("../x") },
        { $0.eventLoops = 0 }, { $0.heartbeatInterval = .zero }, { $0.sendBufferBytes = 0 },
    ] as [@Sendable (inout RocketMQClient.Configuration) -> Void])
    func wrongSettingsAreRefusedAtOnce(wrong: @Sendable (inout RocketMQClient.Configuration) -> Void) {
        var configuration = RocketMQClient.Configuration(nameServers: " 10.0.0.1:9876; [::1]:9876 ;")
        #expect(configuration.nameServers == ["10.0.0.1:9876", "[::1]:9876"])
        wrong(&configuration)
        #expect { _ = try RocketMQClient(configuration) } throws: { error in
            let code = (error as? ClientError)?.code
            return code == .invalidConfiguration || code == .noNameServer
        }
    }

    @Test func wrongSettingsOfRolesNameTheSetting() async throws {
        try await withFakeCluster { cluster in
            try await cluster.withClient { client in
                var sending = ProducerConfiguration()
                sending.compressionLevel = 12
                let wrongLevel = await failure { () throws(ClientError) in _ = try await client.makeProducer(group: "p", sending) }
                #expect(wrongLevel?.code == .invalidConfiguration)
                #expect(wrongLevel?.message == "compressionLevel is 12, allowed is 0 to 9")
                var consuming = ConsumerConfiguration()
                consuming.pullBatchSize = 2000
                let wrongBatch = await failure { () throws(ClientError) in _ = try await client.makePushConsumer(group: "c", consuming) }
                #expect(wrongBatch?.message == "pullBatchSize is 2000, allowed is 1 to 1024")
                let placeholder = await failure { () throws(ClientError) in _ = try await client.makePushConsumer(group: "DEFAULT_CONSUMER") }
                #expect(placeholder?.code == .invalidName)
            }
        }
    }
}
