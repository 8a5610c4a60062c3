import RMQClient
import RMQCommon
import RMQTestSupport
import Testing

/// Looking messages up by their keys and ids, as applications and `mqadmin` do.
@Suite(.takesTurns) struct QueryTests {
    @Test func messagesAreFoundByEachOfTheirKeysAndByUniqueId() async throws {
        try await withCluster { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "p_query")
                var ids: [String] = []
                for number in 0..<6 {
                    let keys = ["order-\(number % 2)", "ключ-\(number)"]
                    ids.append(try await producer.send(Message(topic: "Queried", text: "\(number)", keys: keys)).messageId)
                }
                // The same key in another topic, and keys with one hash ("AaAa" and "BBBB").
                try await producer.send(Message(topic: "Elsewhere", text: "x", keys: ["order-0"]))
                try await producer.send(Message(topic: "Queried", text: "AaAa", keys: ["AaAa"]))
                try await producer.send(Message(topic: "Queried", text: "BBBB", keys: ["BBBB"]))

                try await eventually("the index has caught up") { try await client.admin.messages(topic: "Queried", key: "BBBB").count == 1 }
                let even = try await client.admin.messages(topic: "Queried", key: "order-0")
                #expect(even.map(\.text) == ["0", "2", "4"])
                #expect(even.map(\.messageId) == [ids[0], ids[2], ids[4]])
                #expect(try await client.admin.messages(topic: "Queried", key: "ключ-3").map(\.text) == ["3"])
                #expect(try await client.admin.messages(topic: "Queried", key: "AaAa").map(\.text) == ["AaAa"])
                #expect(try await client.admin.messages(topic: "Queried", key: "order-0", maxCount: 2).map(\.text) == ["2", "4"])
                #expect(try await client.admin.messages(topic: "Queried", key: "nothing").isEmpty)

                let third = try #require(try await client.admin.message(topic: "Queried", uniqueId: ids[3]))
                #expect(third.text == "3")
                #expect(third.keys == ["order-1", "ключ-3"])
                #expect(try await client.admin.message(topic: "Queried", uniqueId: UniqueId.make()) == nil)
                #expect(try await client.admin.message(id: third.offsetMessageId).messageId == ids[3])
            }
        }
    }

    @Test func aTimeSpanLeavesOutWhatWasStoredBeforeAndAfter() async throws {
        try await withCluster { cluster in
            try await cluster.withClient { client in
                let producer = try await client.makeProducer(group: "p_times")
                var times: [Int64] = []
                for number in 0..<3 {
                    let sent = try await producer.send(Message(topic: "Timed", text: "\(number)", keys: ["k"]))
                    times.append(try await client.admin.message(id: sent.offsetMessageId).storeTimestamp)
                    let before = WallClock.nowMilliseconds()
                    try await eventually("the clock moves on") { WallClock.nowMilliseconds() > before + 2 }
                }
                try await eventually("the index has caught up") { try await client.admin.messages(topic: "Timed", key: "k").count == 3 }
                #expect(try await client.admin.messages(topic: "Timed", key: "k", times: times[1]...times[1]).map(\.text) == ["1"])
                #expect(try await client.admin.messages(topic: "Timed", key: "k", times: times[1]...Int64.max).map(\.text) == ["1", "2"])
            }
        }
    }

    @Test func wrongQueriesNameWhatIsWrong() async throws {
        try await withCluster { cluster in
            try await cluster.withClient { client in
                func code(_ work: () async throws(ClientError) -> Void) async -> ClientError.Code? {
                    do { try await work(); return nil } catch { return error.code }
                }
                #expect(await code { () throws(ClientError) in _ = try await client.admin.messages(topic: "Unknown", key: "k") } == .routeNotFound)
                #expect(await code { () throws(ClientError) in _ = try await client.admin.message(topic: "Unknown", uniqueId: "0A") } == .routeNotFound)
                #expect(await code { () throws(ClientError) in _ = try await client.admin.message(id: "not an id") } == .invalidName)
            }
        }
    }
}
