@testable import RMQBroker
import RMQCommon
import RMQRemoting
@testable import RMQStore
import RMQTestSupport
import Testing

/// Codes 303, 308, 314 and 321: what administrators ask of offsets and queues.
@Suite(.takesTurns) struct OffsetAdminTests {
    private func commit(_ peer: Peer, _ group: String, _ topic: String, _ offset: Int64, queue: Int = 0) async throws {
        let fields = ["consumerGroup": group, "topic": topic, "queueId": "\(queue)", "commitOffset": "\(offset)"]
        #expect(try await peer.ask(.updateConsumerOffset, fields).code == 0)
    }

    private func committed(_ peer: Peer, _ group: String, _ topic: String) -> [Int32: Int64]? {
        peer.broker.state.offsets.existing(group: group, topic: topic)?.all
    }

    // MARK: 314

    private func clone(_ peer: Peer, changing fields: [String: String]) async throws -> RemotingCommand {
        try await peer.ask(.cloneGroupOffset, ["srcGroup": "source", "destGroup": "target", "offline": "true"].merging(fields) { $1 })
    }

    private func withSource(_ body: (Peer) async throws -> Void) async throws {
        try await withPeer { peer in
            for topic in ["A", "B"] { _ = try await peer.createTopic(topic, queues: 2) }
            try await commit(peer, "source", "A", 3)
            try await commit(peer, "source", "A", 4, queue: 1)
            try await commit(peer, "source", "B", 5)
            try await commit(peer, "source", "Gone", 6)
            try await commit(peer, "source", "%RETRY%source", 7)
            try await commit(peer, "target", "A", 99, queue: 5)
            try await body(peer)
        }
    }

    @Test func aGroupGetsTheOffsetsOfAnother() async throws {
        try await withSource { peer in
            #expect(try await clone(peer, changing: ["topic": "A"]).code == 0)
            #expect(committed(peer, "target", "A") == [0: 3, 1: 4], "instead of its own")
            #expect(committed(peer, "target", "B") == nil)
            #expect(try await clone(peer, changing: ["topic": "Nowhere"]).code == 0)
            #expect(try await clone(peer, changing: ["topic": "Gone"]).code == 0)
            #expect(committed(peer, "target", "Gone") == nil, "only topics that are there")
            try await commit(peer, "source", "A", 8)
            #expect(committed(peer, "target", "A") == [0: 3, 1: 4], "from now on each has its own")
            try peer.restart()
            #expect(committed(peer, "target", "A") == [0: 3, 1: 4])
        }
    }

    @Test(arguments: [nil, "", " "]) func withoutATopicItGetsAll(topic: String?) async throws {
        try await withSource { peer in
            var fields: [String: String] = [:]
            fields["topic"] = topic
            let answer = try await clone(peer, changing: fields)
            #expect(answer.code == 0)
            #expect(committed(peer, "target", "A") == [0: 3, 1: 4])
            #expect(committed(peer, "target", "B") == [0: 5])
            #expect(committed(peer, "target", "%RETRY%source") == nil, "what the source failed to consume is no message of the target's")
        }
    }

    @Test(arguments: [true, false]) func ofAGroupThatIsConnectedOnlyWhatItSubscribesTo(offline: Bool) async throws {
        try await withSource { peer in
            _ = try await peer.heartbeat("c", group: "source", subscriptions: [SubscriptionData(topic: "A", tagExpression: "*", version: 1)])
            for topic in ["A", "B"] { #expect(try await clone(peer, changing: ["topic": topic, "offline": "\(offline)"]).code == 0) }
            #expect(committed(peer, "target", "A") == [0: 3, 1: 4])
            #expect(committed(peer, "target", "B") == (offline ? [0: 5] : nil))
        }
    }

    // MARK: 308

    private func correction(_ peer: Peer, ignoring ignored: String = "", comparing compared: String? = nil) async throws -> [Int32: Int64] {
        var fields = ["topic": "T", "filterGroups": ignored]
        fields["compareGroup"] = compared
        let answer = try await peer.ask(.queryCorrectionOffset, fields)
        #expect(answer.code == 0)
        return try CorrectionOffsets(body: answer.body).offsets
    }

    @Test func theLeastOffsetOfAllGroups() async throws {
        try await withPeer { peer in
            try await commit(peer, "slow", "T", 2)
            try await commit(peer, "slow", "T", 9, queue: 1)
            try await commit(peer, "fast", "T", 5)
            try await commit(peer, "fast", "T", 7, queue: 1)
            try await commit(peer, "other", "U", 1)
            #expect(try await correction(peer) == [0: 2, 1: 7])
            #expect(try await correction(peer, ignoring: "slow,nobody") == [0: 5, 1: 7])
            #expect(try await correction(peer, ignoring: "slow", comparing: "slow") == [0: .max, 1: 7], "the slow group is behind in one queue")
            #expect(try await correction(peer, ignoring: "slow,fast").isEmpty)
            #expect(committed(peer, "slow", "T") == [0: 2, 1: 9], "a question deletes nothing")
            #expect(committed(peer, "fast", "T") == [0: 5, 1: 7])
        }
    }

    // MARK: 303

    @Test func theTimesBetweenWhichAGroupConsumes() async throws {
        let clock = HandClock()
        try await withPeer(clocks: clock.clocks) { peer in
            _ = try await peer.createTopic("T", queues: 3)
            let start = clock.wallMilliseconds
            for queue in [0, 0, 0, 1] {
                clock.advance(.seconds(1))
                _ = try await peer.send("T", "x", queue: queue)
            }
            try await commit(peer, "g", "T", 2)
            let answer = try await peer.ask(.queryConsumeTimeSpan, ["topic": "T", "group": "g"])
            #expect(answer.code == 0)
            let spans = try ConsumeTimeSpans(body: answer.body).spans
            #expect(spans.map(\.queue.queueId) == [0, 1, 2])
            let (first, second, empty) = (spans[0], spans[1], spans[2])
            #expect([first.minTimestamp, first.consumeTimestamp, first.maxTimestamp] == [start + 1_000, start + 2_000, start + 3_000])
            #expect(first.delayMilliseconds == 1_000, "the third message waits since then")
            #expect([second.minTimestamp, second.consumeTimestamp, second.maxTimestamp] == [start + 4_000, start + 4_000, start + 4_000])
            #expect(second.delayMilliseconds == 0, "it has just come")
            #expect([empty.minTimestamp, empty.consumeTimestamp, empty.maxTimestamp, empty.delayMilliseconds] == [-1, -1, -1, 0])
            let text = CalendarTime(milliseconds: start + 1_000).hashText
            #expect(answer.text.contains("\"minTimeStampStr\":\"\(text)\""))
            try await commit(peer, "g", "T", 3)
            let done = try ConsumeTimeSpans(body: try await peer.ask(.queryConsumeTimeSpan, ["topic": "T", "group": "g"]).body).spans[0]
            #expect(done.consumeTimestamp == start + 3_000)
            #expect(done.delayMilliseconds == 0)
        }
    }

    // MARK: 321

    private func entries(_ peer: Peer, from index: Int64, count: Int = 10, changing fields: [String: String] = [:]) async throws -> RemotingCommand {
        let query = ["topic": "T", "queueId": "0", "index": "\(index)", "count": "\(count)"]
        return try await peer.ask(.queryConsumeQueue, query.merging(fields) { $1 })
    }

    private func withTags(_ change: (inout BrokerConfiguration) -> Void = { _ in }, _ body: (Peer) async throws -> Void) async throws {
        try await withPeer(change) { peer in
            for tag in ["a", "b", "a"] { #expect(try await peer.send("T", tag, properties: "TAGS\u{1}\(tag)").code == 0) }
            try await body(peer)
        }
    }

    @Test func theEntriesOfAQueue() async throws {
        try await withTags { peer in
            let answer = try await entries(peer, from: 1)
            let body = try ConsumeQueueEntries(body: answer.body)
            #expect(body.minQueueIndex == 0)
            #expect(body.maxQueueIndex == 3)
            let messages = try await peer.pull("T", from: 1).messages
            #expect(body.entries.map(\.physicalOffset) == messages.map(\.physicalOffset))
            #expect(body.entries.map(\.size) == messages.map(\.storeSize))
            #expect(body.entries.map(\.tagsCode) == [98, 97], "the hash of a letter is its number")
            #expect(body.subscription == nil)
            #expect(body.filterData == nil)
            #expect(body.entries.allSatisfy { !$0.isMatch && $0.extensionJSON == nil })
            #expect(try ConsumeQueueEntries(body: try await entries(peer, from: 0, count: 1).body).entries.count == 1)
            #expect(try ConsumeQueueEntries(body: try await entries(peer, from: 0, count: -1).body).entries.isEmpty)
        }
    }

    @Test(arguments: [3, 99, -1] as [Int64]) func anIndexThatIsNotThere(index: Int64) async throws {
        try await withTags { peer in
            let answer = try await entries(peer, from: index)
            #expect(answer.code == 0)
            #expect(answer.remark == "Index \(index) of 0@T is not exist!")
            #expect(answer.body.isEmpty)
        }
    }

    @Test func anEntryWithFilterBitsAndOneWithout() {
        func described(_ content: StoredQueueEntry.Content) -> ConsumeQueueEntries.Entry {
            ConsumeQueueAdmin.described(StoredQueueEntry(position: 1, byteCount: 2, code: .min + 3, content: content), nil)
        }
        let entry = described(.unit(QueueExtensionUnit(tagCode: 97, storeTimestamp: 5, filterBitmap: [0x01, 0x80])))
        #expect(entry.extensionJSON == #"{"filterBitMap":"AYA=","msgStoreTime":5,"size":22,"tagsCode":97}"#)
        #expect(entry.bitMap == "1000000000000001\n")
        #expect(described(.missingUnit).message == "Cq extend not exist!addr: \(Int64.min + 3)")
    }

    @Test(arguments: [false, true]) func whatASubscriptionMakesOfThem(hasExtension: Bool) async throws {
        try await withTags({ $0.store.writesQueueExtensions = hasExtension }) { peer in
            let absent = try ConsumeQueueEntries(body: try await entries(peer, from: 0, changing: ["consumerGroup": "g"]).body)
            #expect(absent.filterData == "g@T is not online!")
            #expect(absent.subscription == nil)
            #expect(absent.entries.allSatisfy { !$0.isMatch })
            _ = try await peer.heartbeat("c", subscriptions: [SubscriptionData(topic: "T", tagExpression: "a", version: 1)])
            let body = try ConsumeQueueEntries(body: try await entries(peer, from: 0, changing: ["consumerGroup": "g"]).body)
            #expect(body.subscription?.expression == "a")
            #expect(body.filterData == "null")
            #expect(body.entries.map(\.isMatch) == [true, false, true])
            guard hasExtension else { return }
            let stored = try #require(try await peer.pull("T", from: 0).messages.first)
            #expect(body.entries.first?.tagsCode == .min, "where the extension begins")
            #expect(body.entries.first?.extensionJSON == #"{"msgStoreTime":\#(stored.storeTimestamp),"size":20,"tagsCode":97}"#)
        }
    }
}
