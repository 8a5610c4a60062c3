@testable import RMQBroker
import RMQCommon
import RMQRemoting
import RMQStore
import RMQTestSupport
import Testing

/// Code 11: what is refused, in which order, and how pulls are held.
@Suite(.takesTurns) struct PullTests {
    @Test func thingsAreLookedAtInTheReferencesOrder() async throws {
        try await withPeer({ $0.autoCreateSubscriptionGroup = false }) { peer in
            func refusal(_ fields: [String: String]) async throws -> String {
                let answer = try await peer.pull("Unknown", from: 0, changing: fields)
                return "\(answer.code) \(answer.remark ?? "")"
            }
            #expect(try await refusal([:]) == "26 subscription group [g] does not exist")
            _ = try await peer.changeGroup(#"{"groupName":"g","consumeEnable":false}"#)
            #expect(try await refusal([:]) == "16 subscription group no permission, g")
            _ = try await peer.changeGroup(#"{"groupName":"g"}"#)
            #expect(try await refusal(["queueId": "9"]) == "17 topic[Unknown] not exist, apply first please!")
            _ = try await peer.createTopic("Known", changing: ["perm": "2"])
            let known = ["topic": "Known"]
            #expect(try await refusal(known.merging(["queueId": "9"]) { $1 }) == "16 the topic[Known] pulling message is forbidden")
            _ = try await peer.createTopic("Known")
            for queue in ["1", "-1"] {
                let text = try await refusal(known.merging(["queueId": queue, "subscription": "||"]) { $1 })
                #expect(text == "1 queueId[\(queue)] is illegal, topic:[Known] topicConfig.readQueueNums:[1]")
            }
            #expect(try await refusal(known.merging(["subscription": "||"]) { $1 }).hasPrefix("23 parse the consumer's subscription failed"))
            let sql = try await refusal(known.merging(["expressionType": "SQL92", "subscription": "a > 1"]) { $1 })
            #expect(sql == "1 The broker does not support consumer to filter message by SQL92")
            // Without a subscription of its own the heartbeat's counts.
            #expect(try await refusal(known.merging(["sysFlag": "0"]) { $1 }) == "24 the consumer's group info not exist")
            #expect(try await refusal(known) == "19 NO_MESSAGE_IN_QUEUE")
            _ = try await peer.ask(.updateBrokerConfig, text: "brokerPermission=2\n")
            #expect(try await refusal([:]) == "16 the broker[127.0.0.1] pulling message is forbidden")
        }
    }

    @Test func aSubscriptionOfTheHeartbeatHasToBeThereAndNewEnough() async throws {
        try await withPeer { peer in
            for number in 0..<3 { _ = try await peer.send("Subscribed", "\(number)", properties: "TAGS\u{1}t\(number % 2)") }
            func code(version: Int, topic: String = "Subscribed") async throws -> Int32 {
                try await peer.pull(topic, from: 0, changing: ["sysFlag": "0", "subVersion": "\(version)"]).code
            }
            _ = try await peer.heartbeat("one", subscriptions: [SubscriptionData(topic: "Subscribed", tagExpression: "t1", version: 10)])
            #expect(try await code(version: 11) == ResponseCode.subscriptionNotLatest.rawValue)
            _ = try await peer.send("Other", "x")
            #expect(try await code(version: 10, topic: "Other") == ResponseCode.subscriptionNotExist.rawValue)
            let found = try await peer.pull("Subscribed", from: 0, changing: ["sysFlag": "0", "subVersion": "10"])
            #expect(try found.code == 0 && found.messages.map(\.text) == ["1"])
            // An older or equal version changes nothing, a newer one does.
            _ = try await peer.heartbeat("one", subscriptions: [SubscriptionData(topic: "Subscribed", tagExpression: "t0", version: 10)])
            #expect(try await peer.pull("Subscribed", from: 0, changing: ["sysFlag": "0"]).messages.map(\.text) == ["1"])
            _ = try await peer.heartbeat("one", subscriptions: [SubscriptionData(topic: "Subscribed", tagExpression: "t0", version: 11)])
            #expect(try await peer.pull("Subscribed", from: 0, changing: ["sysFlag": "0"]).messages.map(\.text) == ["0", "2"])
            // Of no kind that there is, so that there is no filter.
            var other = SubscriptionData(topic: "Subscribed", tagExpression: "*", version: 12)
            other.expressionType = "SQL91"
            _ = try await peer.heartbeat("one", subscriptions: [other])
            #expect(try await code(version: 12) == ResponseCode.filterDataNotExist.rawValue)
        }
    }

    @Test func broadcastingIsRefusedWhereTheGroupForbidsIt() async throws {
        try await withPeer { peer in
            _ = try await peer.send("News", "x")
            _ = try await peer.changeGroup(#"{"groupName":"g","consumeBroadcastEnable":false}"#)
            let subscription = SubscriptionData(topic: "News", tagExpression: "*", version: 1)
            _ = try await peer.heartbeat("one", subscriptions: [subscription], model: .broadcasting)
            let refused = try await peer.pull("News", from: 0, changing: ["sysFlag": "0"])
            #expect(refused.responseCode == .noPermission)
            #expect(refused.remark == "the consumer group[g] can not consume by broadcast way")
            _ = try await peer.heartbeat("one", subscriptions: [subscription])
            #expect(try await peer.pull("News", from: 0, changing: ["sysFlag": "0"]).code == 0)
        }
    }

    @Test(arguments: [
        (0, "19 OFFSET_OVERFLOW_ONE 3 0 3", 3), (4, "21 OFFSET_OVERFLOW_BADLY 3 0 3", 3), (99, "21 OFFSET_OVERFLOW_BADLY 3 0 3", 3),
        (0, "19 NO_MESSAGE_IN_QUEUE 0 0 0", 0), (5, "21 NO_MESSAGE_IN_QUEUE 0 0 0", 0), (-1, "21 OFFSET_TOO_SMALL 0 0 3", 3),
    ] as [(Int64, String, Int)])
    func anOffsetOutsideTheQueueIsCorrected(offset: Int64, expected: String, messages: Int) async throws {
        try await withPeer { peer in
            _ = try await peer.createTopic("Short")
            for _ in 0..<messages { _ = try await peer.send("Short", "x") }
            let answer = try await peer.pull("Short", from: offset == 0 ? Int64(messages) : offset)
            let fields = ["nextBeginOffset", "minOffset", "maxOffset"].map { answer.fields?[$0] ?? "none" }.joined(separator: " ")
            #expect("\(answer.code) \(answer.remark ?? "") \(fields)" == expected)
            #expect(answer.fields?["suggestWhichBrokerId"] == "0")
        }
    }

    @Test func fieldsThatMayBeMissingMayBeMissing() async throws {
        try await withPeer { peer in
            _ = try await peer.send("Least", "x")
            let fields = [
                "consumerGroup": "g", "topic": "Least", "queueId": "0", "queueOffset": "0", "maxMsgNums": "32", "sysFlag": "4", "commitOffset": "0",
                "suspendTimeoutMillis": "0", "subVersion": "0",
            ]
            #expect(try await peer.ask(.pullMessage, fields).code == 0)
            for name in ["consumerGroup", "topic", "queueId", "queueOffset", "maxMsgNums", "sysFlag"] {
                var less = fields
                less[name] = nil
                let refused = try await peer.ask(.pullMessage, less)
                #expect(refused.responseCode == .systemError)
                #expect(refused.remark?.contains(name) == true)
            }
        }
    }

    @Test func anOffsetIsCommittedWhateverThePullFinds() async throws {
        try await withPeer { peer in
            _ = try await peer.send("Committed", "x")
            func committed() async throws -> String? {
                try await peer.ask(.queryConsumerOffset, ["consumerGroup": "g", "topic": "Committed", "queueId": "0"]).fields?["offset"]
            }
            _ = try await peer.pull("Committed", from: 0, changing: ["sysFlag": "4", "commitOffset": "7"])
            #expect(try await committed() == "0", "the flag is missing")
            _ = try await peer.pull("Committed", from: 1, changing: ["sysFlag": "5", "commitOffset": "1"])
            #expect(try await committed() == "1")
            async let held = peer.pull("Committed", from: 1, holdingMilliseconds: 15_000, changing: ["sysFlag": "7", "commitOffset": "5"])
            try await eventually("the pull is held") { try await peer.heldPulls() == 1 }
            #expect(try await committed() == "5")
            _ = try await peer.pull("Committed", from: 0, changing: ["sysFlag": "1", "commitOffset": "9"])
            #expect(try await committed() == "5", "a refused pull commits nothing")
            _ = try await peer.send("Committed", "y")
            #expect(try await held.code == 0)
        }
    }

    /// A loop keeps where a group commits; when its offsets are removed, that is somewhere else.
    @Test func offsetsThatWereRemovedAreNotCommittedTo() async throws {
        try await withPeer({ $0.eventLoops = 1 }) { peer in
            for _ in 0..<3 { _ = try await peer.send("Anew", "x") }
            func committed() async throws -> String? {
                try await peer.ask(.queryConsumerOffset, ["consumerGroup": "g", "topic": "Anew", "queueId": "0"]).fields?["offset"]
            }
            // The first makes the group, after which a loop keeps nothing of what it kept before.
            for _ in 0..<2 { _ = try await peer.pull("Anew", from: 0, changing: ["sysFlag": "5", "commitOffset": "1"]) }
            #expect(try await committed() == "1")
            peer.broker.state.offsets.remove(group: "g")
            #expect(try await committed() == "0")
            _ = try await peer.pull("Anew", from: 0, changing: ["sysFlag": "5", "commitOffset": "2"])
            #expect(try await committed() == "2")
        }
    }

    // MARK: Held pulls

    /// Has a message come to queue 0 of `Narrow` between the read of the next pull and its being held.
    private func comesBeforeTheNextHold(_ peer: Peer, body: String = "", tagCode: Int64 = 0) {
        let store = peer.broker.state.store
        peer.broker.state.loops.all[0].post { state in
            let (host, encoder) = (state.settings.storeHost, RecordEncoder(maxMessageBytes: 1_024))
            state.holds.aboutToHold = {
                let attributes = RecordAttributes(bornTimestamp: 1, bornHost: host, storeHost: host)
                let appended = try? Array(body.utf8).withUnsafeBytes { body in
                    try store.append(encoder.encode(
                        queue: store.queueHandle(topic: "Narrow", queueId: 0), attributes: attributes, body: body, properties: .empty, tagCode: tagCode))
                }
                #expect(appended?.queueOffset == 0)
            }
        }
    }

    /// Whoever appends at that moment does not see yet that somebody waits, so the pull has to look again.
    @Test func aMessageThatComesWhileAPullIsBeingListedIsGivenAtOnce() async throws {
        try await withPeer({ $0.eventLoops = 1 }) { peer in
            _ = try await peer.createTopic("Narrow")
            comesBeforeTheNextHold(peer, body: "just now")
            // Behind the hook in the loop's mailbox: it is set when this returns.
            #expect(try await peer.heldPulls() == 0)
            let answer = try await peer.pull("Narrow", from: 0, holdingMilliseconds: 600_000)
            #expect(try answer.messages.map(\.text) == ["just now"])
            #expect(try await peer.heldPulls() == 0)
        }
    }

    /// The pull stays held then, and its time must still be watched.
    @Test func aPullThatAnUnwantedMessageOvertookIsAnsweredWhenItsTimeIsOver() async throws {
        try await withPeer({ $0.eventLoops = 1 }) { peer in
            _ = try await peer.createTopic("Narrow")
            comesBeforeTheNextHold(peer, tagCode: 7)
            #expect(try await peer.heldPulls() == 0)
            let answer = try await peer.pull("Narrow", from: 0, tags: "wanted", holdingMilliseconds: 300)
            #expect(answer.responseCode == .pullRetryImmediately)
            #expect(answer.fields?["nextBeginOffset"] == "1")
        }
    }

    @Test func oneMessageWakesAllThatWaitForIt() async throws {
        try await withPeer { peer in
            _ = try await peer.createTopic("Popular", queues: 2)
            let codes = try await withThrowingTaskGroup(of: Int32.self) { group in
                for _ in 0..<300 { group.addTask { try await peer.pull("Popular", from: 0, holdingMilliseconds: 60_000).code } }
                // Pulls of the other queue stay where they are.
                let other = Task { try await peer.pull("Popular", from: 0, holdingMilliseconds: 60_000, changing: ["queueId": "1"]).code }
                try await eventually("all are held") { try await peer.heldPulls() == 301 }
                _ = try await peer.send("Popular", "x")
                let codes = try await group.reduce(into: []) { $0.append($1) }
                #expect(try await peer.heldPulls() == 1)
                _ = try await peer.send("Popular", "y", queue: 1)
                #expect(try await other.value == 0)
                return codes
            }
            #expect(codes == Array(repeating: 0, count: 300))
        }
    }

    @Test func aHeldPullFollowsTheRulesThatChangeMeanwhile() async throws {
        try await withPeer { peer in
            func held(changing change: () async throws -> Void) async throws -> RemotingCommand {
                async let pulled = peer.pull("Ruled", from: 1, holdingMilliseconds: 60_000)
                try await eventually("the pull is held") { try await peer.heldPulls() == 1 }
                try await change()
                _ = try await peer.send("Ruled", "not for everybody")
                return try await pulled
            }
            func again() async throws {
                _ = try await peer.ask(.deleteTopicInBroker, ["topic": "Ruled"])
                _ = try await peer.createTopic("Ruled")
                _ = try await peer.send("Ruled", "first")
                _ = try await peer.changeGroup(#"{"groupName":"g"}"#)
            }
            try await again()
            let disabled = try await held { _ = try await peer.changeGroup(#"{"groupName":"g","consumeEnable":false}"#) }
            #expect(disabled.responseCode == .noPermission)
            #expect(disabled.body.isEmpty)
            try await again()
            let removed = try await held { _ = try await peer.ask(.deleteSubscriptiongroup, ["groupName": "g"]) }
            #expect(removed.responseCode == .subscriptionGroupNotExist)
            try await again()
            let unreadable = try await held { _ = try await peer.createTopic("Ruled", changing: ["perm": "2"]) }
            #expect(unreadable.responseCode == .noPermission)
            try await again()
            let harmless = try await held { _ = try await peer.createTopic("Another") }
            #expect(harmless.responseCode == .success)
            try await again()
            let noRead = try await held { _ = try await peer.ask(.updateBrokerConfig, text: "brokerPermission=2\n") }
            #expect(noRead.responseCode == .noPermission)
        }
    }

    @Test func aPullOfATopicThatIsDeletedAndMadeAgainGetsTheNewOne() async throws {
        try await withPeer { peer in
            _ = try await peer.send("Again", "old")
            async let held = peer.pull("Again", from: 1, holdingMilliseconds: 60_000)
            try await eventually("the pull is held") { try await peer.heldPulls() == 1 }
            _ = try await peer.ask(.deleteTopicInBroker, ["topic": "Again"])
            for text in ["new 0", "new 1"] {
                let sent = try await peer.send("Again", text)
                #expect(sent.responseCode == .success)
            }
            // Woken by nobody, since it waits for a queue that is gone; when its time is over it sees the new one.
            peer.expirePulls()
            let answer = try await held
            #expect(try answer.code == 0 && answer.messages.map(\.text) == ["new 1"], "\(answer.code) \(answer.remark ?? "")")
            #expect(try await peer.pull("Again", from: 0).messages.map(\.text) == ["new 0", "new 1"])
        }
    }

    @Test func theTopicIsGoneWhenTheTimeIsOver() async throws {
        try await withPeer { peer in
            _ = try await peer.send("Gone", "old")
            async let held = peer.pull("Gone", from: 1, holdingMilliseconds: 60_000)
            try await eventually("the pull is held") { try await peer.heldPulls() == 1 }
            _ = try await peer.ask(.deleteTopicInBroker, ["topic": "Gone"])
            peer.expirePulls()
            let answer = try await held
            #expect(answer.responseCode == .topicNotExist, "\(answer.code) \(answer.remark ?? "")")
        }
    }

    @Test func whoHasGoneIsForgotten() async throws {
        try await withPeer { peer in
            _ = try await peer.createTopic("Left")
            let leaving = peer.anotherClient()
            let pulls = (0..<50).map { _ in Task { try await peer.pull("Left", from: 0, holdingMilliseconds: 60_000, client: leaving) } }
            try await eventually("all are held") { try await peer.heldPulls() == 50 }
            leaving.close()
            for pull in pulls { await #expect(throws: (any Error).self) { try await pull.value } }
            try await eventually("none is held") { try await peer.heldPulls() == 0 }
            #expect(try await peer.send("Left", "x").code == 0)
        }
    }

    @Test func aBrokerThatStopsLetsItsPullsGo() async throws {
        let peer = try Peer()
        defer { peer.stop() }
        _ = try await peer.createTopic("Stopped")
        let pulls = (0..<20).map { _ in Task { try await peer.pull("Stopped", from: 0, holdingMilliseconds: 60_000) } }
        try await eventually("all are held") { try await peer.heldPulls() == 20 }
        let began = ContinuousClock.now
        peer.broker.stop()
        for pull in pulls { await #expect(throws: (any Error).self) { try await pull.value } }
        #expect(ContinuousClock.now - began < .seconds(15))
    }

    @Test func withoutLongPollingTheBrokerDecidesHowLong() async throws {
        try await withPeer({
            $0.longPolling = false
            $0.shortPollingMilliseconds = 50
        }) { peer in
            _ = try await peer.createTopic("Polled")
            let answer = try await peer.pull("Polled", from: 0, holdingMilliseconds: 600_000)
            #expect(answer.responseCode == .pullNotFound)
        }
    }

    /// Producers go on while the topic is deleted: it is made again, and what is acknowledged from then on can be read.
    @Test func aTopicThatIsDeletedUnderLoadIsReadableAfterwards() async throws {
        try await withPeer({ $0.eventLoops = 2 }) { peer in
            for round in 0..<5 {
                let senders = (0..<4).map { _ in
                    let client = peer.anotherClient()
                    return Task {
                        var failures = 0
                        for _ in 0..<40 {
                            let answer = try await peer.ask(.sendMessageV2, Peer.sendFields("Stormy"), text: "x", from: client)
                            if answer.code != 0 { failures += 1 }
                        }
                        return failures
                    }
                }
                for _ in 0..<3 {
                    let answer = try await peer.ask(.deleteTopicInBroker, ["topic": "Stormy"])
                    #expect(answer.code == 0)
                }
                for sender in senders { #expect(try await sender.value == 0) }
                let marker = try await peer.send("Stormy", "marker \(round)")
                let offset = try #require(marker.fields?["queueOffset"].flatMap { Int64($0) })
                let found = try await peer.pull("Stormy", from: offset)
                #expect(try found.messages.map(\.text) == ["marker \(round)"], "\(found.code) \(found.remark ?? "")")
            }
        }
    }

    @Test func aLightTopicThatIsDeletedCanBeUsedAgain() async throws {
        try await withPeer({
            $0.store.dispatchesToSeveral = true
            $0.store.lightQueues = true
        }) { peer in
            func arrives(_ text: String) async throws -> [String] {
                _ = try await peer.send("Source", text, properties: "INNER_MULTI_DISPATCH\u{1}%LMQ%l")
                return try await peer.pull("%LMQ%l", from: 0).messages.map(\.text)
            }
            let one = try await arrives("one")
            #expect(one == ["one"])
            _ = try await peer.ask(.deleteTopicInBroker, ["topic": "%LMQ%l"])
            let two = try await arrives("two")
            #expect(two == ["two"])
        }
    }
}
