@testable import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

@Suite(.takesTurns) struct TraceFormatTests {
    /// A record of the reference, by its fields.
    private func record(_ fields: [String]) throws -> TraceRecord {
        func number(_ place: Int) throws -> Int64 { try #require(Int64(fields[place])) }
        func optional(_ place: Int) -> String? { fields[place] == "null" ? nil : fields[place] }
        switch fields[0] {
        case "Pub":
            return .sent(
                TraceRecord.Sent(
                    time: try number(1), region: optional(2), group: fields[3], topic: fields[4], messageId: fields[5], tags: optional(6),
                    keys: optional(7), brokerAddress: fields[8], bodyBytes: Int(try number(9)), cost: try number(10),
                    kind: try #require(TraceRecord.Kind(rawValue: Int(try number(11)))), offsetMessageId: fields[12], isSuccess: fields[13] == "true"))
        case "SubBefore":
            let item = TraceRecord.Consuming.Item(messageId: fields[5], retries: Int32(try number(6)), keys: optional(7))
            return .consuming(
                TraceRecord.Consuming(time: try number(1), region: optional(2), group: fields[3], requestId: fields[4], items: [item]))
        case "SubAfter":
            let item = TraceRecord.Consuming.Item(messageId: fields[2], retries: 0, keys: optional(5))
            let outcome = try #require(TraceRecord.Outcome(rawValue: Int(try number(6))))
            return .consumed(
                TraceRecord.Consuming(time: 0, region: nil, group: fields[8], requestId: fields[1], items: [item]), isSuccess: fields[4] == "true", outcome: outcome,
                cost: try number(3), time: try number(7))
        default:
            #expect(fields[0] == "EndTransaction")
            #expect(fields[9] == "2")
            return .transactionEnded(
                TraceRecord.TransactionEnded(
                    time: try number(1), region: fields[2], group: fields[3], topic: fields[4], messageId: fields[5], tags: optional(6),
                    keys: optional(7), brokerAddress: fields[8], transactionId: optional(10), state: fields[11], answersCheck: fields[12] == "true"))
        }
    }

    @Test func recordsAreWrittenAsTheReferenceWritesThem() throws {
        var kinds: Set<String> = []
        for line in try GoldenData.lines("trace-messages.jsonl") {
            let message = try JSONValue(parsing: line)
            let body = try #require(message["body"]?.asString)
            let records = try body.split(separator: "\u{2}").map { try record($0.split(separator: "\u{1}", omittingEmptySubsequences: false).map(String.init)) }
            for record in body.split(separator: "\u{2}") { kinds.insert(String(record.split(separator: "\u{1}")[0])) }
            let packed = TraceMessage.pack(records.flatMap { $0.lines() }, topic: "RMQ_SYS_TRACE_TOPIC")
            #expect(packed.map(\.text) == [body])
            let keys = try #require(message["keys"]?.asString).split(separator: " ").map(String.init)
            #expect(Set(packed.flatMap(\.keys)) == Set(keys))
            #expect(packed.flatMap(\.keys).count == keys.count, "each key once")
        }
        #expect(kinds == ["Pub", "SubBefore", "SubAfter", "EndTransaction"])
    }

    @Test func whatIsAbsentIsWrittenAsNull() {
        let line = TraceRecord.sent(TraceRecord.Sent(group: "g", topic: "T", messageId: "id")).lines()[0]
        #expect(String(decoding: line.text, as: UTF8.self) == "Pub\u{1}0\u{1}null\u{1}g\u{1}T\u{1}id\u{1}null\u{1}null\u{1}\u{1}0\u{1}0\u{1}0\u{1}\u{1}true\u{2}")
        #expect(line.keys == ["id"])
    }

    private func line(id: String, keys: String? = nil, bytes: Int) -> [TraceLine] {
        TraceRecord.sent(TraceRecord.Sent(topic: String(repeating: "t", count: bytes), messageId: id, keys: keys)).lines()
    }

    @Test func textIsCutIntoMessagesThatBrokersTake() {
        let lines = (0..<100).flatMap { line(id: "id\($0)", bytes: 4_000) }
        let messages = TraceMessage.pack(lines, topic: "T")
        #expect(messages.count == 4)
        #expect(messages.allSatisfy { $0.body.count <= TraceMessage.mostTextBytes })
        #expect(messages.flatMap(\.body) == lines.flatMap(\.text))
        #expect(messages.flatMap(\.keys) == (0..<100).map { "id\($0)" })
        #expect(messages.allSatisfy { $0.topic == "T" })
    }

    @Test func keysAreCutIntoMessagesThatBrokersTake() {
        let key = String(repeating: "k", count: 12_000)
        let lines = (0..<5).flatMap { line(id: "id\($0)", keys: key + "\($0)", bytes: 1) }
        let messages = TraceMessage.pack(lines, topic: "T")
        #expect(messages.count == 3)
        #expect(messages.allSatisfy { $0.properties.encoded().count <= MessageProperties.byteLimit - 1_000 })
        #expect(messages.flatMap(\.keys).count == 10)
        // Of a record with more keys than a message may have, as many are taken as there is room for.
        let many = TraceMessage.pack(line(id: "id", keys: (0..<40).map { "\($0)" + String(repeating: "k", count: 1_000) }.joined(separator: " "), bytes: 1), topic: "T")
        #expect(many.count == 1)
        #expect((2...30).contains(many[0].keys.count))
        #expect(many[0].keys[0] == "id")
    }

    // MARK: When records are sent

    private func record(bytes: Int = 1) -> TraceRecord { .sent(TraceRecord.Sent(topic: String(repeating: "t", count: bytes))) }

    @Test func theFirstRecordWaitsForOthersAndTheTimerSendsThemAll() {
        var buffer = TraceBuffer()
        let actions = (0..<3).map { _ in buffer.add(record()) }
        #expect(actions == [.startTimer, .none, .none])
        let ended = buffer.timerEnded()
        #expect(ended == .flush)
        let whileFlushing = buffer.add(record())
        #expect(whileFlushing == .none)
        let first = buffer.take()
        #expect(first?.lines.count == 4)
        #expect(first?.dropped == 0)
        let second = buffer.take()
        #expect(second == nil)
        let next = buffer.add(record())
        #expect(next == .startTimer)
    }

    @Test func enoughTextDoesNotWait() {
        var buffer = TraceBuffer()
        let early = buffer.add(record(bytes: TraceBuffer.enoughBytes - 1_000))
        #expect(early == .startTimer)
        let enough = buffer.add(record(bytes: 1_000))
        #expect(enough == .flush)
        let taken = buffer.take()
        #expect(taken?.lines.count == 2)
        let timer = buffer.timerEnded()
        #expect(timer == .none)
    }

    @Test func aTimerThatEndsWhenNothingWaitsDoesNothing() {
        var buffer = TraceBuffer()
        _ = buffer.add(record())
        _ = buffer.take()
        let ended = buffer.timerEnded()
        #expect(ended == .none)
    }

    @Test func whatFindsNoRoomIsDroppedAndCounted() {
        var buffer = TraceBuffer()
        for _ in 0..<TraceBuffer.mostRecords + 7 { _ = buffer.add(record()) }
        let taken = buffer.take()
        #expect(taken?.lines.count == TraceBuffer.mostRecords)
        #expect(taken?.dropped == 7)
        _ = buffer.add(record())
        let next = buffer.take()
        #expect(next?.dropped == 0)
    }
}

@Suite(.takesTurns) struct TraceTests {
    private static let topics: [String: Int32] = ["T": 1, "TBW102": 1, "RMQ_SYS_TRACE_TOPIC": 1, "Own": 1]

    /// The records in the messages that brokers got for a trace topic, a list of fields each.
    private func records(_ cluster: FakeCluster, topic: String = "RMQ_SYS_TRACE_TOPIC") throws -> [[String]] {
        try cluster.asked(.sendMessageV2).filter { try $0.header(SendMessageHeaderV2.self).message.topic == topic }.flatMap { command in
            String(decoding: command.body, as: UTF8.self).split(separator: "\u{2}").map {
                $0.split(separator: "\u{1}", omittingEmptySubsequences: false).map(String.init)
            }
        }
    }

    private func withTracedClient<Result: Sendable>(
        _ cluster: FakeCluster, topic: String = "RMQ_SYS_TRACE_TOPIC", _ body: (RocketMQClient) async throws -> Result
    ) async throws -> Result {
        try await cluster.withClient { $0.tracing = .enabled(topic: topic) } _: { try await body($0) }
    }

    @Test(arguments: ["RMQ_SYS_TRACE_TOPIC", "Own"])
    func aSendIsRecorded(topic: String) async throws {
        try await withFakeCluster(topics: Self.topics) { cluster in
            let sent = try await withTracedClient(cluster, topic: topic) { client in
                let producer = try await client.makeProducer(group: "p")
                let sent = try await producer.send(Message(topic: "T", text: "x", tags: "a", keys: ["k1", "k2"]))
                try await eventually("the record") { try !records(cluster, topic: topic).isEmpty }
                return sent
            }
            let fields = try #require(try records(cluster, topic: topic).first)
            #expect(fields.count == 14)
            #expect(fields[0] == "Pub")
            #expect(fields[2...9] == ["DefaultRegion", "p", "T", sent.messageId, "a", "k1 k2", cluster.address(of: "a"), "1"])
            #expect(fields[11...13] == ["0", sent.offsetMessageId, "true"])
            // The trace is not traced, and asks for no trace of itself by its keys.
            #expect(try records(cluster, topic: topic).count == 1)
            let message = try #require(cluster.asked(.sendMessageV2).last).header(SendMessageHeaderV2.self).message
            #expect(message.producerGroup == "_INNER_TRACE_PRODUCER")
            #expect(MessageProperties(decoding: Array((message.properties ?? "").utf8)).keys == [sent.messageId, "k1", "k2"])
        }
    }

    @Test func whatWaitsIsSentWhenTheClientShutsDown() async throws {
        try await withFakeCluster(topics: Self.topics) { cluster in
            try await withTracedClient(cluster) { client in
                let producer = try await client.makeProducer(group: "p")
                for _ in 0..<10 { try await producer.send(Message(topic: "T", text: "x")) }
            }
            #expect(try records(cluster).count == 10)
        }
    }

    @Test func theKindOfTheMessageIsRecorded() async throws {
        try await withFakeCluster(topics: Self.topics) { cluster in
            try await withTracedClient(cluster) { client in
                let producer = try await client.makeTransactionProducer(group: "tx") { _ in .unknown }
                try await producer.send(Message(topic: "T", text: "x", tags: "a")) { _ in .rollback }
                var delayed = Message(topic: "T", text: "x")
                delayed.delayLevel = 2
                try await producer.producer.send(delayed)
                try await producer.producer.send(batch: [Message(topic: "T", text: "x"), Message(topic: "T", text: "y")])
                try await producer.producer.sendOneway(Message(topic: "T", text: "x"))
            }
            let records = try records(cluster)
            #expect(records.map { $0[0] } == ["Pub", "EndTransaction", "Pub", "Pub"])
            #expect(records[0][11] == "1")
            #expect(records[2][11] == "3")
            #expect(records[3][5].split(separator: ",").count == 2)
            #expect(records[3][12].split(separator: ",").count == 2)
            let end = records[1]
            #expect(end[2...7] == ["DefaultRegion", "tx", "T", records[0][5], "a", "null"])
            #expect(end[8...12] == [cluster.address(of: "a"), "2", records[0][5], "ROLLBACK_MESSAGE", "false"])
        }
    }

    @Test func failuresAndWhatTheBrokerWantsUntracedAreNotRecorded() async throws {
        let untraced = SendMessageResponseHeader {
            $0.messageId = OffsetMessageId(storeHost: .unspecified, physicalOffset: 1).text
            $0.isTraceOn = false
        }
        try await withFakeCluster(topics: Self.topics) { _, command in
            guard command.requestCode == .sendMessageV2, let header = try? command.header(SendMessageHeaderV2.self).message, header.topic == "T" else { return .usual }
            return String(decoding: command.body, as: UTF8.self) == "refused"
                ? .answer(.response(.messageIllegal)) : .answer(.response(.success, header: untraced))
        } _: { cluster in
            try await withTracedClient(cluster) { client in
                let producer = try await client.makeProducer(group: "p")
                try await producer.send(Message(topic: "T", text: "x"))
                _ = await failure { () throws(ClientError) in try await producer.send(Message(topic: "T", text: "refused")) }
            }
            #expect(try records(cluster).isEmpty)
        }
    }

    @Test func whatIsNotAsSafeAsItShouldBeIsRecordedAsNoSuccess() async throws {
        let header = SendMessageResponseHeader { $0.messageId = OffsetMessageId(storeHost: .unspecified, physicalOffset: 1).text }
        try await withFakeCluster(topics: Self.topics) { _, command in
            guard command.requestCode == .sendMessageV2, (try? command.header(SendMessageHeaderV2.self).message.topic) == "T" else { return .usual }
            return .answer(.response(.slaveNotAvailable, header: header))
        } _: { cluster in
            _ = try await withTracedClient(cluster) { client in
                try await client.makeProducer(group: "p").send(Message(topic: "T", text: "x"))
            }
            #expect(try records(cluster).map { $0[13] } == ["false"])
        }
    }

    @Test func theHandlingOfMessagesIsRecordedBeforeAndAfter() async throws {
        try await withFakeCluster(topics: Self.topics) { cluster in
            try await withTracedClient(cluster) { client in
                func message(_ id: String, _ properties: MessageProperties = [:]) -> StoredMessage {
                    var message = StoredMessage(topic: "T", body: [1], properties: properties, reconsumeTimes: 3)
                    message.properties[PropertyName.uniqueKey] = id
                    return message
                }
                let span = client.core.traceConsuming(
                    [message("1", [PropertyName.keys: "k", PropertyName.region: "R"]), message("2", [PropertyName.traceOn: "false"])], group: "c")
                client.core.traceConsumed(span, .threw)
                #expect(client.core.traceConsuming([message("3", [PropertyName.traceOn: "false"])], group: "c") == nil)
                client.core.traceConsumed(nil, .success)
            }
            let records = try records(cluster)
            #expect(records.map { $0[0] } == ["SubBefore", "SubAfter"])
            let requestId = records[0][4]
            #expect(records[0][2...3] == ["R", "c"])
            #expect(records[0][5...7] == ["1", "3", "k"])
            #expect(requestId.utf8.count >= 32)
            #expect(records[1][1...2] == [requestId, "1"])
            #expect(records[1][4...6] == ["false", "k", "2"])
            #expect(records[1][8] == "c")
            #expect(Int64(records[1][7]) != nil)
        }
    }

    @Test func handlersOfConsumersAreRecorded() async throws {
        try await withFakeCluster(topics: Self.topics) { cluster in
            cluster.fill("T", with: ["1", "2"])
            try await withTracedClient(cluster) { client in
                var configuration = ConsumerConfiguration()
                configuration.start = .first
                configuration.rebalanceInterval = .milliseconds(50)
                let consumer = try await client.makePushConsumer(group: "c", configuration)
                try await consumer.subscribe(to: "T")
                let running = Task { try await consumer.run { message in message.text == "1" ? .success : .retry } }
                try await eventually("both are recorded") { try records(cluster).filter { $0[0] == "SubAfter" }.count >= 2 }
                await consumer.close()
                try await running.value
            }
            let all = try records(cluster)
            let after = Dictionary(all.filter { $0[0] == "SubAfter" }.map { ($0[2], $0) }) { first, _ in first }
            #expect(after["id-1"]?[4...6] == ["true", "null", "0"])
            #expect(after["id-2"]?[4...6] == ["false", "null", "4"])
            for record in after.values {
                #expect(all.contains { $0[0] == "SubBefore" && $0[4] == record[1] && $0[5] == record[2] && $0[3] == "c" })
            }
        }
    }

    @Test func deliveriesAreRecordedWhenTheyAreTakenAndWhenTheyAreSettled() async throws {
        try await withFakeCluster(topics: Self.topics) { cluster in
            cluster.fill("T", with: ["1", "2", "3"])
            try await withTracedClient(cluster) { client in
                let consumer = try await client.makePushConsumer(group: "c", .quick())
                try await consumer.subscribe(to: "T")
                var taken = 0
                for try await delivery in consumer.deliveries {
                    switch delivery.message.text {
                    case "1": delivery.acknowledge()
                    case "2": delivery.deadLetter()
                    default: break   // never settled
                    }
                    // The first word counts.
                    if delivery.message.text != "3" { delivery.acknowledge() }
                    taken += 1
                    if taken == 3 { break }
                }
                try await eventually("the settled ones are recorded") { try records(cluster).count { $0[0] == "SubAfter" } == 2 }
                await consumer.close(gracePeriod: .zero)
            }
            let all = try records(cluster)
            #expect(Set(all.filter { $0[0] == "SubBefore" }.map { $0[5] }) == ["id-1", "id-2", "id-3"])
            let after = Dictionary(all.filter { $0[0] == "SubAfter" }.map { ($0[2], $0) }) { first, _ in first }
            #expect(after.count == 2)
            #expect(after["id-1"]?[4...6] == ["true", "null", "0"])
            #expect(after["id-2"]?[4...6] == ["false", "null", "4"])
            for record in after.values { #expect(all.contains { $0[0] == "SubBefore" && $0[4] == record[1] && $0[5] == record[2] }) }
        }
    }

    @Test func aHandlerThatTakesTooLongIsRecordedSo() async throws {
        try await withFakeCluster(topics: Self.topics) { cluster in
            try await withTracedClient(cluster) { client in
                let message = StoredMessage(topic: "T", body: [1], properties: [PropertyName.uniqueKey: "1"])
                for outcome in [TraceRecord.Outcome.success, .failed, .threw] {
                    client.core.traceConsumed(client.core.traceConsuming([message], group: "c", limit: .zero), outcome)
                }
            }
            let after = try records(cluster).filter { $0[0] == "SubAfter" }
            #expect(after.map { [$0[4], $0[6]] } == [["true", "1"], ["false", "1"], ["false", "2"]])
        }
    }

    @Test func tracesOfAHostedClusterGoToTheTopicOfTheRegion() async throws {
        let topic = "rmq_sys_TRACE_DATA_"
        let topics = Self.topics.merging([topic + "DefaultRegion": 1, topic + "R": 1]) { first, _ in first }
        try await withFakeCluster(topics: topics) { cluster in
            try await cluster.withClient {
                $0.tracing = .enabled()
                $0.accessChannel = .cloud
            } _: { client in
                try await client.makeProducer(group: "p").send(Message(topic: "T", text: "x"))
                let message = StoredMessage(topic: "T", body: [1], properties: [PropertyName.uniqueKey: "1", PropertyName.region: "R"])
                client.core.traceConsumed(client.core.traceConsuming([message, message], group: "c"), .success)
                let trace = StoredMessage(topic: topic + "R", body: [1], properties: [PropertyName.region: "R"])
                #expect(client.core.traceConsuming([trace], group: "c") == nil, "a trace is not traced")
            }
            #expect(try records(cluster).isEmpty)
            #expect(try records(cluster, topic: topic + "DefaultRegion").map { [$0[0], "\($0.count)"] } == [["Pub", "14"]])
            let consumed = try records(cluster, topic: topic + "R")
            #expect(consumed.map { [$0[0], "\($0.count)"] } == [["SubBefore", "8"], ["SubBefore", "8"], ["SubAfter", "7"], ["SubAfter", "7"]])
            #expect(consumed[2][1...2] == [consumed[0][4], "1"])
            #expect(consumed[2][4...6] == ["true", "null", "0"])
        }
    }

    /// Who reads traces names their topic without knowing of namespaces.
    @Test func theTopicOfTheTraceHasNoNamespace() async throws {
        try await withFakeCluster(topics: ["ns%T": 1, "Own": 1]) { cluster in
            try await cluster.withClient {
                $0.tracing = .enabled(topic: "Own")
                $0.namespace = "ns"
            } _: { client in
                _ = try await client.makeProducer(group: "p").send(Message(topic: "T", text: "x"))
            }
            #expect(try records(cluster, topic: "Own").map { $0[3...4] } == [["p", "T"]])
        }
    }

    @Test func withoutTracingNothingIsRecorded() async throws {
        try await withFakeCluster(topics: Self.topics) { cluster in
            try await cluster.withClient { client in
                try await client.makeProducer(group: "p").send(Message(topic: "T", text: "x"))
                #expect(client.core.traceConsuming([StoredMessage(topic: "T", body: [1])], group: "c") == nil)
            }
            #expect(try records(cluster).isEmpty)
        }
    }

    @Test func aTraceThatCannotBeSentHarmsNothing() async throws {
        try await withFakeCluster(topics: ["T": 1]) { cluster in
            let log = MemoryLog()
            try await cluster.withClient {
                $0.tracing = .enabled()
                $0.logger = Logger(category: "test", level: .warning, sink: log)
            } _: { client in
                let producer = try await client.makeProducer(group: "p")
                #expect(try await producer.send(Message(topic: "T", text: "x")).status == .stored)
            }
            #expect(log.texts.contains { $0.contains("trace records are lost") })
        }
    }

    @Test func aTopicThatCannotBeIsRefusedAtOnce() {
        var configuration = RocketMQClient.Configuration(nameServers: "127.0.0.1:1")
        configuration.tracing = .enabled(topic: "../..")
        #expect(throws: ClientError.self) { try RocketMQClient(configuration) }
    }
}
