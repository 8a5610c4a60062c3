@testable import RMQBroker
import RMQCommon
import RMQRemoting
import RMQStore
import RMQTestSupport
import Testing

/// What is counted when, as code 315 tells it.
@Suite(.takesTurns) struct StatisticsTests {
    /// How often something was counted, and the sum, of one item.
    private func count(_ peer: Peer, _ set: KeyPath<BrokerStatistics, StatisticsSet>, _ labels: String...) -> [Int64]? {
        let value = peer.broker.state.statistics[keyPath: set].family.existing(labels)?.value
        return value.map { [$0.times, $0.sum] }
    }

    private func stats(_ peer: Peer, _ name: String, _ key: String) async throws -> RemotingCommand {
        try await peer.ask(.viewBrokerStatsData, ["statsName": name, "statsKey": key])
    }

    @Test func sendsAreCountedByTopic() async throws {
        try await withPeer { peer in
            _ = try await peer.send("T", "one")
            let batch = try BatchBody.encode([Message(topic: "T", body: [1]), Message(topic: "T", body: [2]), Message(topic: "T", body: [3])])
            _ = try await peer.ask(.sendBatchMessage, Peer.sendFields("T").merging(["m": "true"]) { $1 }, body: batch)
            _ = try await peer.send("U", "other")
            #expect(try await peer.send("T", "refused", queue: 99).code != 0)
            #expect(count(peer, \.topicPutNumbers, "T") == [2, 4])
            #expect(count(peer, \.topicPutSizes, "T")?[0] == 2)
            let bytes = try #require(count(peer, \.topicPutSizes, "T")?[1]) + #require(count(peer, \.topicPutSizes, "U")?[1])
            #expect(bytes == peer.broker.state.store.maxPhysicalOffset)
            #expect(count(peer, \.brokerPuts, "DefaultCluster") == [3, 5])
        }
    }

    @Test func aMessageThatNobodyWaitsForIsCounted() async throws {
        try await withPeer { peer in
            var oneway = RemotingCommand(code: RequestCode.sendMessageV2.rawValue, body: [1])
            var fields = HeaderFields()
            for (name, value) in Peer.sendFields("T") { fields[name] = value }
            oneway.fields = fields
            try await peer.client.sendOneway(oneway, to: peer.address)
            try await eventually("it is counted") { count(peer, \.topicPutNumbers, "T") == [1, 1] }
        }
    }

    /// The broker's own messages are none that a producer sent.
    @Test func pullsAreCountedByTopicAndGroup() async throws {
        try await withPeer { peer in
            for text in ["a", "b", "c"] { _ = try await peer.send("T", text) }
            let pulled = try await peer.pull("T", from: 1)
            #expect(count(peer, \.groupGetNumbers, "T", "g") == [1, 2])
            #expect(count(peer, \.groupGetSizes, "T", "g") == [1, Int64(pulled.body.count)])
            #expect(count(peer, \.groupGetLatencies, "0", "T", "g")?[0] == 1)
            #expect(count(peer, \.brokerGets, "DefaultCluster") == [1, 2])
            #expect(try await peer.pull("T", from: 3).responseCode == .pullNotFound)
            #expect(try await peer.pull("T", from: 99).responseCode == .pullOffsetMoved)
            #expect(count(peer, \.groupGetNumbers, "T", "g") == [1, 2], "what is not there is not counted")
            #expect(count(peer, \.brokerPuts, "DefaultCluster") == [3, 3], "nor is the broker's own event")
            #expect(count(peer, \.topicPutNumbers, "OFFSET_MOVED_EVENT") == nil)
        }
    }

    @Test func aHeldPullIsCountedWhenItIsAnswered() async throws {
        try await withPeer { peer in
            _ = try await peer.createTopic("T")
            async let held = peer.pull("T", from: 0, holdingMilliseconds: 15_000)
            try await eventually("it is held") { try await peer.heldPulls() == 1 }
            #expect(count(peer, \.groupGetNumbers, "T", "g") == nil)
            _ = try await peer.send("T", "x")
            #expect(try await held.code == 0)
            #expect(count(peer, \.groupGetNumbers, "T", "g") == [1, 1])
        }
    }

    /// From the last queue entry that a pull looked at: never fewer bytes than its own record.
    @Test(arguments: [true, false]) func itIsKeptHowFarAGroupIsBehind(isKept: Bool) async throws {
        try await withPeer({ $0.keepsFalls = isKept }) { peer in
            for text in ["a", "b", "c"] { _ = try await peer.send("T", text) }
            let all = Int64(try await peer.pull("T", from: 0).body.count)
            let falls = peer.broker.state.statistics.fallSizes.family
            _ = try await peer.pull("T", from: 0, changing: ["maxMsgNums": "1"])
            #expect(falls.existing(["0", "T", "g"])?.value == (isKept ? all / 3 * 2 : nil), "it was the second that did not fit")
            _ = try await peer.pull("T", from: 0)
            #expect(falls.existing(["0", "T", "g"])?.value == (isKept ? all / 3 : nil))
            let time = peer.broker.state.statistics.fallTimes.family.existing(["0", "T", "g"])?.value
            if isKept { #expect((0..<60_000).contains(try #require(time))) } else { #expect(time == nil) }
        }
    }

    @Test(arguments: [true, false]) func delayedMessagesAreCountedWhereTheyWaitAndWhenTheyAreDelivered(inDetail: Bool) async throws {
        try await withPeer({
            $0.store.delayLevelMilliseconds = [1, 3_600_000]
            $0.detailedStatistics = inDetail
        }) { peer in
            let schedule = SystemTopic.schedule
            _ = try await peer.send("T", "x", properties: "DELAY\u{1}1")
            _ = try await peer.send("T", "y", properties: "DELAY\u{1}9")
            #expect(count(peer, \.topicPutNumbers, schedule) == [2, 2])
            #expect(count(peer, \.queuePutNumbers, schedule, "0") == (inDetail ? [1, 1] : nil))
            #expect(count(peer, \.queuePutNumbers, schedule, "1") == (inDetail ? [1, 1] : nil))
            try await eventually("the first is delivered") { count(peer, \.topicPutNumbers, "T") == [1, 1] }
            try await eventually("and counted as a whole") { count(peer, \.brokerPuts, "DefaultCluster") == [3, 3] }
            #expect(count(peer, \.groupGetNumbers, schedule, "SCHEDULE_CONSUMER") == [1, 1])
            #expect(count(peer, \.queueGetNumbers, schedule, "0", "SCHEDULE_CONSUMER") == (inDetail ? [1, 1] : nil))
            let bytes = [try #require(count(peer, \.topicPutSizes, schedule)), try #require(count(peer, \.topicPutSizes, "T"))].map { $0[1] }.reduce(0, +)
            #expect(bytes == peer.broker.state.store.maxPhysicalOffset)
        }
    }

    @Test func withoutDetailsTheTimesOfPullsAreThoseOfAllQueues() async throws {
        try await withPeer({ $0.detailedStatistics = false }) { peer in
            for queue in 0..<2 { _ = try await peer.send("T", "x", queue: queue) }
            for queue in 0..<2 { _ = try await peer.pull("T", from: 0, changing: ["queueId": "\(queue)"]) }
            #expect(count(peer, \.groupGetLatencies, "T", "g")?[0] == 2)
            #expect(try await stats(peer, "GROUP_GET_LATENCY", "T@g").code == 0)
        }
    }

    @Test func sendBacksAreCountedByTopicAndGroup() async throws {
        try await withPeer { peer in
            let statistics = LoopStatistics(peer.broker.state.statistics, loop: 7, levelCount: 18, keepsFalls: false)
            statistics.countSendBack(topic: "T", group: "g", delayed: (level: 3, byteCount: 200))
            statistics.countSendBack(topic: "U", group: "g", delayed: nil)
            statistics.countSendBack(topic: "T", group: "g", delayed: nil)
            #expect(count(peer, \.sendBacks, "U", "g") == [1, 1])
            #expect(count(peer, \.sendBacks, "T", "g") == [2, 2])
            #expect(count(peer, \.topicPutSizes, SystemTopic.schedule) == [1, 200])
            #expect(count(peer, \.queuePutNumbers, SystemTopic.schedule, "2") == [1, 1])
            #expect(count(peer, \.brokerPuts, "DefaultCluster") == [0, 0], "no producer sent it")
        }
    }

    @Test func whatAConsumerGivesBackIsCounted() async throws {
        try await withPeer { peer in
            _ = try await peer.send("T", "x")
            for level in ["5", "99", "-1"] {
                let fields = ["offset": "0", "group": "g", "delayLevel": level, "originMsgId": "", "originTopic": "T", "unitMode": "false"]
                #expect(try await peer.ask(.consumerSendMsgBack, fields).code == 0)
            }
            #expect(count(peer, \.sendBacks, "T", "g") == [3, 3])
            #expect(count(peer, \.topicPutNumbers, SystemTopic.schedule) == [2, 2], "a dead letter is not delayed")
            #expect(count(peer, \.queuePutNumbers, SystemTopic.schedule, "4") == [1, 1])
            #expect(count(peer, \.queuePutNumbers, SystemTopic.schedule, "17") == [1, 1])
            #expect(count(peer, \.brokerPuts, "DefaultCluster") == [1, 1])
        }
    }

    @Test func lightTopicsAndGroupsAreOneInPulls() async throws {
        try await withPeer({
            $0.store.dispatchesToSeveral = true
            $0.store.lightQueues = true
        }) { peer in
            _ = try await peer.send("T", "x", properties: "INNER_MULTI_DISPATCH\u{1}%LMQ%one,%LMQ%two")
            for topic in ["%LMQ%one", "%LMQ%two"] {
                _ = try await peer.pull(topic, from: 0, holdingMilliseconds: 15_000, changing: ["consumerGroup": topic])
            }
            #expect(count(peer, \.groupGetNumbers, "%LMQ%", "%LMQ%") == [2, 2])
        }
    }

    // MARK: What is told

    @Test func anItemIsToldAsTheReferenceDoes() async throws {
        try await withPeer { peer in
            for text in ["a", "b"] { _ = try await peer.send("T", text) }
            _ = try await peer.pull("T", from: 0)
            let before = try await stats(peer, "TOPIC_PUT_NUMS", "T")
            let nothing = #"{"avgpt":0.0,"sum":0,"tps":0.0}"#
            #expect(before.text == #"{"statsDay":\#(nothing),"statsHour":\#(nothing),"statsMinute":\#(nothing)}"#)
            peer.broker.state.statistics.takeSample()
            for (name, key) in [("TOPIC_PUT_NUMS", "T"), ("GROUP_GET_NUMS", "T@g"), ("BROKER_PUT_NUMS", "DefaultCluster"), ("BROKER_GET_NUMS", "DefaultCluster")] {
                let data = try BrokerStatsData(body: try await stats(peer, name, key).body)
                #expect(data.minute.sum == 2, "\(name)")
                #expect(data.minute.tps > 0, "\(name)")
                #expect(data.minute.avgpt == (name.hasBytePrefix("BROKER") ? 0 : name.hasBytePrefix("TOPIC") ? 1 : 2), "\(name)")
            }
        }
    }

    @Test(arguments: [
        ("TOPIC_PUT_NUMS", "U"), ("GROUP_GET_NUMS", "T"), ("GROUP_GET_NUMS", "T@h"), ("NO_SUCH", "T"), ("COMMERCIAL_SEND_TIMES", "T"),
        ("BROKER_GET_FROM_DISK_NUMS", "DefaultCluster"), ("GROUP_GET_FALL_SIZE", "0@T@g"), ("", ""),
    ])
    func whatIsNotThereIsToldSo(name: String, key: String) async throws {
        try await withPeer { peer in
            _ = try await peer.send("T", "x")
            let answer = try await stats(peer, name, key)
            #expect(answer.responseCode == .systemError)
            #expect(answer.remark == "The stats <\(name)> <\(key)> not exist")
        }
    }

    @Test func theRateOfAGroupIsThatOfTheSameNumbers() async throws {
        try await withPeer { peer in
            for text in ["a", "b", "c"] { _ = try await peer.send("T", text) }
            _ = try await peer.pull("T", from: 0)
            _ = try await peer.ask(.updateConsumerOffset, ["consumerGroup": "g", "topic": "T", "queueId": "0", "commitOffset": "3"])
            peer.broker.state.statistics.takeSample()
            let item = try BrokerStatsData(body: try await stats(peer, "GROUP_GET_NUMS", "T@g").body).minute
            let progress = try ConsumeStats(body: try await peer.ask(.getConsumeStats, ["consumerGroup": "g"]).body)
            #expect(item.sum == 3)
            #expect(progress.consumeTPS == item.tps)
            let all = try await peer.ask(.getBrokerConsumeStats, ["isOrder": "false"]).text
            #expect(all.contains(#""consumeTps":\#(item.tps)"#), "\(all)")
        }
    }

    @Test(arguments: [true, false]) func whatIsDeletedIsForgottenWhereThatIsWished(isWished: Bool) async throws {
        try await withPeer({ $0.deletesUnusedStatistics = isWished }) { peer in
            for topic in ["T", "U"] {
                _ = try await peer.send(topic, "x")
                for group in ["g", "h"] { _ = try await peer.pull(topic, from: 0, changing: ["consumerGroup": group]) }
            }
            _ = try await peer.ask(.deleteSubscriptiongroup, ["groupName": "h"])
            _ = try await peer.ask(.deleteTopicInBroker, ["topic": "U"])
            let gone = isWished ? nil : [Int64(1), 1]
            #expect(count(peer, \.topicPutNumbers, "U") == gone)
            #expect(count(peer, \.groupGetNumbers, "U", "g") == gone)
            #expect(count(peer, \.groupGetNumbers, "T", "h") == gone)
            #expect(count(peer, \.groupGetLatencies, "0", "T", "h")?[0] == gone?[0])
            #expect((peer.broker.state.statistics.fallSizes.family.existing(["0", "U", "g"]) == nil) == isWished)
            #expect(count(peer, \.topicPutNumbers, "T") == [1, 1])
            #expect(count(peer, \.groupGetNumbers, "T", "g") == [1, 1])
        }
    }
}
