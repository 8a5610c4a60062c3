import RMQClient
import RMQCommon

/// What a consumer says of itself, in the words of the reference; and what is wrong with it.
enum RunningInfo {
    private static let consumeType = "PROP_CONSUME_TYPE"
    private static let startTime = "PROP_CONSUMER_START_TIMESTAMP"
    private static let isOrderly = "PROP_CONSUMEORDERLY"

    // MARK: Text

    static func render(_ info: ConsumerRunningInfo, time: LocalTime) -> String {
        var text = "#Consumer Properties#\n"
        for property in HashOrder.sorted(info.properties.sorted(by: { $0.key < $1.key }), hash: { JavaString.hash($0.key.text) }) {
            text += Columns.left(property.key, 40) + ": \(property.value)\n"
        }
        text += "\n\n#Consumer Subscription#\n"
        for (index, subscription) in subscriptions(info).enumerated() {
            text += "\(Decimal.text(index + 1, digits: 3)) Topic: \(Columns.left(subscription.topic, 40)) "
                + "ClassFilter: \(Columns.left(subscription.isClassFilter, 8)) SubExpression: \(subscription.expression)\n"
        }
        let queues = info.queues.sorted { $0.key < $1.key }
        text += "\n\n#Consumer Offset#\n" + queueLine("#Topic", 64, "#Broker Name", "#QID", Columns.left("#Consumer Offset", 20))
        for (queue, state) in queues {
            text += queueLine(queue.topic, 32, queue.brokerName, "\(queue.queueId)", Columns.left(state.commitOffset, 20))
        }
        text += "\n\n#Consumer MQ Detail#\n" + queueLine("#Topic", 64, "#Broker Name", "#QID", Columns.left("#ProcessQueueInfo", 20))
        for (queue, state) in queues { text += queueLine(queue.topic, 64, queue.brokerName, "\(queue.queueId)", self.text(state, time)) }
        text += "\n\n#Consumer RT&TPS#\n" + statusLine(
            "#Topic", 64, ["#Pull RT", "#Pull TPS", "#Consume RT", "#ConsumeOK TPS", "#ConsumeFailed TPS", "#ConsumeFailedMsgsInHour"])
        for (topic, status) in info.status.sorted(by: { $0.key < $1.key }) {
            let rates = [status.pullTime, status.pulledPerSecond, status.consumeTime, status.consumedPerSecond, status.failedPerSecond]
            text += statusLine(topic.text, 32, rates.map { Decimal.text($0, places: 2) } + ["\(status.failedInHour)"])
        }
        return text + (info.stacks.map { "\n\n#Consumer jstack#\n\($0)" } ?? "")
    }

    /// The headings are wider than the rows, as in the reference.
    private static func queueLine(_ topic: String, _ width: Int, _ broker: String, _ queue: String, _ last: String) -> String {
        Columns.left(topic, width) + "  " + Columns.left(broker, 32) + "  " + Columns.left(queue, 4) + "  \(last)\n"
    }

    private static func statusLine(_ topic: String, _ width: Int, _ values: [String]) -> String {
        Columns.left(topic, width) + "  " + zip(values, [14, 14, 14, 14, 18, 25]).map { Columns.right($0, $1) }.joined(separator: " ") + "\n"
    }

    private static func text(_ state: ConsumerRunningInfo.Queue, _ time: LocalTime) -> String {
        func moment(_ milliseconds: Int64) -> String { CalendarTime(milliseconds: milliseconds, zone: time.zone).compactText }
        return "ProcessQueueInfo [commitOffset=\(state.commitOffset), cachedMsgMinOffset=\(state.cachedMinOffset), "
            + "cachedMsgMaxOffset=\(state.cachedMaxOffset), cachedMsgCount=\(state.cachedCount), "
            + "cachedMsgSizeInMiB=\(state.cachedMebibytes), transactionMsgMinOffset=\(state.takenMinOffset), "
            + "transactionMsgMaxOffset=\(state.takenMaxOffset), transactionMsgCount=\(state.takenCount), locked=\(state.isLocked), "
            + "tryUnlockTimes=\(state.unlockTries), lastLockTimestamp=\(moment(state.lastLockTime)), droped=\(state.isDropped), "
            + "lastPullTimestamp=\(moment(state.lastPullTime)), lastConsumeTimestamp=\(moment(state.lastConsumeTime))]"
    }

    private static func subscriptions(_ info: ConsumerRunningInfo) -> [SubscriptionData] {
        info.subscriptions.sorted { ByteText($0.topic + "@" + $0.expression) < ByteText($1.topic + "@" + $1.expression) }
    }

    // MARK: JSON

    /// The members of the answer, with lists in place of the tables that have objects as keys.
    static func json(_ info: ConsumerRunningInfo) -> [(JSONValue, JSONValue)] {
        let queues: [JSONValue] = info.queues.sorted { $0.key < $1.key }.map { queue, state in
            .object(JSONObject(queue, (state.json.asObject?.members ?? []).map { ($0.key, $0.value) }))
        }
        let status: [(JSONValue, JSONValue)] = info.status.sorted { $0.key < $1.key }.map { (.string($0.key.text), $0.value.json) }
        var members: [(JSONValue, JSONValue)] = [
            ("properties", .table(info.properties)), ("subscriptionSet", .array(subscriptions(info).map(\.json))),
            ("mqTable", .array(queues)), ("statusTable", .object(JSONObject(status))),
        ]
        if let stacks = info.stacks { members.append(("jstack", .string(stacks))) }
        return members
    }

    // MARK: What is wrong

    /// Whether all members subscribe to the same, and to something. Push consumers are asked to, once the first has run for two minutes: a
    /// change takes that long to reach all.
    /// - Parameter infos: by client id.
    static func subscribesAlike(_ infos: [ByteText: ConsumerRunningInfo], now: Int64) -> Bool {
        let infos = infos.sorted { $0.key < $1.key }.map(\.value)
        guard let first = infos.first, isPush(first), let started = first.properties[startTime].flatMap({ Int64($0) }), now &- started > 120_000
        else { return true }
        let sets = infos.map { Set(texts: $0.subscriptions.map { $0.topic + "@" + $0.expression }) }
        return !sets[0].isEmpty && sets.allSatisfy { $0 == sets[0] }
    }

    /// A line for each queue of a push consumer in which nothing moves.
    static func problems(of clientId: String, _ info: ConsumerRunningInfo, now: Int64) -> [String] {
        guard isPush(info) else { return [] }
        let inOrder = info.properties[isOrderly]?.isExactlyIgnoringCase("true") == true
        return info.queues.sorted { $0.key < $1.key }.compactMap { queue, state in
            problem(state, inOrder: inOrder, now: now).map { "\(clientId) \(queue) \($0)" }
        }
    }

    private static func problem(_ state: ConsumerRunningInfo.Queue, inOrder: Bool, now: Int64) -> String? {
        if inOrder {
            if !state.isLocked { return "can't lock for a while, \(now &- state.lastLockTime)ms" }
            return state.isDropped && state.unlockTries > 0 ? "unlock \(state.unlockTries) times, still failed" : nil
        }
        let idle = now &- state.lastConsumeTime
        return idle > 60_000 && state.cachedCount > 0 ? "can't consume for a while, maybe blocked, \(idle)ms" : nil
    }

    private static func isPush(_ info: ConsumerRunningInfo) -> Bool {
        info.properties[consumeType].isExactly(ConsumeType.passively.rawValue)
    }
}
