import Foundation
@testable import RMQBroker
import RMQCommon
import RMQRemoting
import RMQStore
import RMQTestSupport
import Testing

/// Pulls by SQL92 expressions, over sockets.
@Suite(.takesTurns) struct FilterPullTests {
    private func withFilters(_ change: (inout BrokerConfiguration) -> Void = { _ in }, _ body: (Peer) async throws -> Void) async throws {
        try await withPeer({ $0.filtersByExpression = true; change(&$0) }, body)
    }

    private func sql(_ expression: String, topic: String = "T", version: Int64 = 1) -> SubscriptionData {
        SubscriptionData {
            $0.topic = topic
            $0.expression = expression
            $0.expressionType = "SQL92"
            $0.version = version
        }
    }

    private func send(_ numbers: Range<Int>, to peer: Peer, topic: String = "T") async throws {
        for number in numbers { #expect(try await peer.send(topic, "\(number)", properties: "price\u{1}\(number)\u{2}").code == 0) }
    }

    private static let byHeartbeat = ["sysFlag": "0"]

    private func carrying(_ expression: String) -> [String: String] { ["expressionType": "SQL92", "subscription": expression] }

    // MARK: Which filter counts

    @Test func anExpressionThatComesWithAPullFilters() async throws {
        try await withFilters { peer in
            try await send(0..<6, to: peer)
            for _ in 0..<2 {
                let found = try await peer.pull("T", from: 0, changing: carrying("price >= 2 AND price < 4"))
                #expect(try found.messages.map(\.text) == ["2", "3"])
                #expect(found.fields?["nextBeginOffset"] == "6")
            }
            // One loop remembers one filter of each group and topic: tags with the same text are something else.
            #expect(try await peer.pull("T", from: 0, tags: "price >= 2 AND price < 4").responseCode == .pullRetryImmediately)
            let nothing = try await peer.pull("T", from: 0, changing: carrying("price > 100"))
            #expect(nothing.responseCode == .pullRetryImmediately)
            #expect(nothing.fields?["nextBeginOffset"] == "6")
            let wrong = try await peer.pull("T", from: 0, changing: carrying("price >"))
            #expect(wrong.responseCode == .subscriptionParseFailed)
            #expect(wrong.remark?.hasPrefix("parse the consumer's subscription failed: ") == true)
        }
    }

    @Test func theHeartbeatsExpressionFilters() async throws {
        try await withFilters { peer in
            try await send(0..<4, to: peer)
            func texts() async throws -> [String] { try await peer.pull("T", from: 0, changing: Self.byHeartbeat).messages.map(\.text) }
            _ = try await peer.heartbeat("c", subscriptions: [sql("price > 2")])
            #expect(try await texts() == ["3"])
            _ = try await peer.heartbeat("c", subscriptions: [sql("price < 2", version: 2)])
            #expect(try await texts() == ["0", "1"])
            // Members that differ: the newer subscription counts for all.
            _ = try await peer.heartbeat("d", subscriptions: [SubscriptionData(topic: "T", tagExpression: "*", version: 3)], from: peer.anotherClient())
            #expect(try await texts() == ["0", "1", "2", "3"])
            _ = try await peer.heartbeat("c", subscriptions: [sql("price = 3", version: 4)])
            #expect(try await texts() == ["3"])
        }
    }

    @Test func aWrongOrOldFilterIsSaid() async throws {
        try await withFilters { peer in
            try await send(0..<2, to: peer)
            func refusal(version: Int) async throws -> String {
                let answer = try await peer.pull("T", from: 0, changing: ["sysFlag": "0", "subVersion": "\(version)"])
                return "\(answer.code) \(answer.remark ?? "")"
            }
            _ = try await peer.heartbeat("c", subscriptions: [sql("price >", version: 5)])
            #expect(try await refusal(version: 5) == "27 The broker's consumer filter data is not exist!Your expression may be wrong!")
            _ = try await peer.heartbeat("c", subscriptions: [sql("price = 1", version: 6)])
            #expect(try await refusal(version: 6) == "0 FOUND")
            #expect(try await refusal(version: 7) == "25 the consumer's subscription not latest")
            // A member that has not heard of the newer subscription cannot make the filter older.
            peer.broker.state.filters.register(group: "g", [sql("price = 0", version: 5)])
            #expect(try await refusal(version: 6) == "0 FOUND")
            _ = try await peer.ask(.updateBrokerConfig, text: "enablePropertyFilter=false")
            #expect(try await refusal(version: 6) == "1 The broker does not support consumer to filter message by SQL92")
        }
    }

    @Test func aFilterThatIsBehindItsSubscriptionIsSaid() async throws {
        try await withFilters { peer in
            try await send(0..<1, to: peer)
            _ = try await peer.heartbeat("c", subscriptions: [sql("price = 0", version: 5)])
            // What a heartbeat says reaches both tables one after the other.
            let consumer = ConsumerData {
                $0.group = "g"
                $0.subscriptions = [sql("price = 0", version: 6)]
            }
            let channel = try #require(peer.broker.state.clients.consumers["g"]?.channels.values.first)
            _ = peer.broker.state.clients.consumers.register(channel, consumer, limit: 10)
            let answer = try await peer.pull("T", from: 0, changing: ["sysFlag": "0", "subVersion": "6"])
            #expect(answer.responseCode == .filterDataNotLatest)
            #expect(answer.remark == "the consumer's consumer filter data not latest")
        }
    }

    // MARK: Pulls that wait

    @Test func aHeldPullIsWokenByWhatItsExpressionWants() async throws {
        try await withFilters { peer in
            try await send(0..<1, to: peer)
            _ = try await peer.heartbeat("c", subscriptions: [sql("price = 7")])
            async let held = peer.pull("T", from: 1, holdingMilliseconds: 60_000, changing: ["sysFlag": "2"], client: peer.anotherClient())
            try await eventually("it is held") { try await peer.heldPulls() == 1 }
            try await send(5..<7, to: peer)
            #expect(try await peer.heldPulls() == 1)
            try await send(7..<8, to: peer)
            let answer = try await held
            #expect(try answer.messages.map(\.text) == ["7"])
            #expect(answer.fields?["nextBeginOffset"] == "4")
        }
    }

    /// It passed over messages that the group wants now.
    @Test func aHeldPullBeginsAgainWhenItsFilterChanges() async throws {
        try await withFilters { peer in
            try await send(0..<1, to: peer)
            _ = try await peer.heartbeat("c", subscriptions: [sql("price = 7")])
            async let held = peer.pull("T", from: 1, holdingMilliseconds: 60_000, changing: ["sysFlag": "2"], client: peer.anotherClient())
            try await eventually("it is held") { try await peer.heldPulls() == 1 }
            try await send(5..<6, to: peer)
            _ = try await peer.heartbeat("c", subscriptions: [sql("price = 5", version: 2)])
            try await send(6..<7, to: peer)
            let answer = try await held
            #expect(answer.responseCode == .pullRetryImmediately)
            #expect(answer.fields?["nextBeginOffset"] == "1")
            #expect(try await peer.pull("T", from: 1, changing: Self.byHeartbeat).messages.map(\.text) == ["5"])
        }
    }

    @Test func aPullOfMuchThatDoesNotMatchSaysHowFarItIs() async throws {
        try await withFilters { peer in
            let long = String(repeating: "x", count: 20_000)
            for number in 0..<80 { #expect(try await peer.send("T", "\(number)", properties: "price\u{1}1\u{2}long\u{1}\(long)\u{2}").code == 0) }
            let answer = try await peer.pull("T", from: 0, changing: carrying("price = 2"))
            #expect(answer.responseCode == .pullRetryImmediately)
            let next = try #require(Int(answer.fields?["nextBeginOffset"] ?? ""))
            #expect(next > 40 && next < 80, "a mebibyte of properties is looked at: \(next)")
        }
    }

    // MARK: Bit maps

    @Test func bitMapsLeaveOutWhatIsNotWanted() async throws {
        try await withFilters({
            $0.computesFilterBitmaps = true
            $0.store.writesQueueExtensions = true
        }) { peer in
            // Older than the filter: only the record tells.
            try await send(0..<4, to: peer)
            _ = try await peer.heartbeat("c", subscriptions: [sql("price = 3")])
            let born = try #require(peer.broker.state.filters[topic: "T", group: "g"]?.bornAt)
            try await eventually("time passes") { WallClock.system.now() > born }
            try await send(0..<4, to: peer)
            let queue = peer.broker.state.store.queueHandle(topic: "T", queueId: 0)
            let maps = (0..<8).map { queue.extensionUnit(at: $0)?.filterBitmap }
            let (none, empty) = ([UInt8](), [UInt8](repeating: 0, count: 14))
            #expect(maps[0..<4].allSatisfy { $0 == none })
            #expect(maps[4..<7].allSatisfy { $0 == empty })
            #expect(maps[7] != none && maps[7] != empty)
            let found = try await peer.pull("T", from: 0, changing: Self.byHeartbeat)
            #expect(try found.messages.map { "\($0.queueOffset) \($0.text)" } == ["3 3", "7 3"])
            // Another group's expression, which no bit map knows.
            #expect(try await peer.pull("T", from: 0, changing: carrying("price = 1")).messages.map(\.queueOffset) == [1, 5])
            // Bits that say otherwise than the expression: the filter is told that it is as old as they are.
            try peer.restart()
            _ = try await peer.heartbeat("c", subscriptions: [sql("price = 3")])
            #expect(try await peer.pull("T", from: 0, changing: Self.byHeartbeat).messages.map(\.queueOffset) == [3, 7])
            _ = try await peer.heartbeat("c", subscriptions: [sql("price = 2", version: 2)])
            #expect(try await peer.pull("T", from: 0, changing: Self.byHeartbeat).messages.map(\.queueOffset) == [2, 6], "it is born again")
        }
    }

    /// Filters are known before the store looks at what it has.
    @Test func messagesThatARecoveryFindsGetTheirBitMaps() async throws {
        try await withFilters({
            $0.computesFilterBitmaps = true
            $0.store.writesQueueExtensions = true
        }) { peer in
            _ = try await peer.heartbeat("c", subscriptions: [sql("price = 1")])
            try await send(0..<3, to: peer)
            peer.broker.stop()
            for folder in ["consumequeue", "consumequeue_ext"] { try FileManager.default.removeItem(atPath: "\(peer.storeRoot)/\(folder)") }
            try SmallFile.replace(peer.storeRoot + "/abort", with: "")
            try peer.restart()
            let queue = peer.broker.state.store.queueHandle(topic: "T", queueId: 0)
            let wanted = (0..<3).map { queue.extensionUnit(at: $0)?.filterBitmap.contains { $0 != 0 } }
            #expect(wanted == [false, true, false])
        }
    }

    /// Code 321, as `mqadmin queryCq` asks it.
    @Test func anOperatorSeesAFilterAndWhatBitMapsSay() async throws {
        try await withFilters({
            $0.computesFilterBitmaps = true
            $0.store.writesQueueExtensions = true
        }) { peer in
            _ = try await peer.heartbeat("c", subscriptions: [sql("price = 1")])
            let born = try #require(peer.broker.state.filters[topic: "T", group: "g"]?.bornAt)
            try await eventually("time passes") { WallClock.system.now() > born }
            try await send(0..<3, to: peer)
            let answer = try await peer.ask(.queryConsumeQueue, ["topic": "T", "queueId": "0", "index": "0", "count": "8", "consumerGroup": "g"])
            let entries = try ConsumeQueueEntries(body: answer.body)
            #expect(entries.entries.map(\.isMatch) == [false, true, false])
            #expect(entries.filterData?.contains(#""expression":"price = 1""#) == true, "\(entries.filterData ?? "")")
            #expect(entries.subscription?.expressionType == "SQL92")
        }
    }

    @Test func bitMapsMayBeSwitchedOnWhileTheBrokerRuns() async throws {
        try await withFilters({ $0.store.writesQueueExtensions = true }) { peer in
            _ = try await peer.heartbeat("c", subscriptions: [sql("price = 1")])
            try await send(0..<1, to: peer)
            #expect(try await peer.ask(.updateBrokerConfig, text: "enableCalcFilterBitMap=true").code == 0)
            try await send(1..<2, to: peer)
            let queue = peer.broker.state.store.queueHandle(topic: "T", queueId: 0)
            #expect(queue.extensionUnit(at: 0)?.filterBitmap == [])
            #expect(queue.extensionUnit(at: 1)?.filterBitmap.count == 14)
        }
    }

    // MARK: Retry topics

    @Test(arguments: [true, false]) func retriesAreFilteredByTheirTopicsExpressionWhereThatIsOn(on: Bool) async throws {
        try await withFilters({ $0.filtersRetries = on }) { peer in
            _ = try await peer.heartbeat("c", subscriptions: [sql("price = 1"), SubscriptionData(topic: "%RETRY%g", tagExpression: "*", version: 1)])
            for (topic, price) in [("T", 1), ("T", 2), ("Other", 2)] {
                _ = try await peer.send("%RETRY%g", "\(topic) \(price)", properties: "RETRY_TOPIC\u{1}\(topic)\u{2}price\u{1}\(price)\u{2}")
            }
            _ = try await peer.send("%RETRY%g", "nowhere", properties: "price\u{1}2\u{2}")
            let expected = on ? ["T 1", "Other 2", "nowhere"] : ["T 1", "T 2", "Other 2", "nowhere"]
            for fields in [["sysFlag": "0"], [:]] {
                #expect(try await peer.pull("%RETRY%g", from: 0, changing: fields).messages.map(\.text) == expected)
            }
        }
    }

    // MARK: Restart and file

    @Test func aFilterIsInItsFileSoonAndAfterARestartThere() async throws {
        try await withFilters { peer in
            _ = try await peer.heartbeat("c", subscriptions: [sql("price = 1")])
            try await eventually("it is written") { (try? peer.file("consumerFilter.json").contains(#""expression":"price = 1""#)) == true }
            let born = try #require(peer.broker.state.filters[topic: "T", group: "g"]?.bornAt)
            try peer.restart()
            let kept = try #require(peer.broker.state.filters[topic: "T", group: "g"])
            #expect(kept.bornAt == born && kept.isDead)
            peer.broker.stop()
            #expect(try peer.file("consumerFilter.json").contains(#""dead":true"#))
        }
    }

    @Test func aGroupThatLeavesLetsItsFilterDie() async throws {
        try await withFilters { peer in
            let client = peer.anotherClient()
            _ = try await peer.heartbeat("c", subscriptions: [sql("price = 1")], from: client)
            #expect(peer.broker.state.filters[topic: "T", group: "g"]?.isDead == false)
            client.close()
            try await eventually("its consumer is gone") { peer.broker.state.filters[topic: "T", group: "g"]?.isDead == true }
        }
    }
}
