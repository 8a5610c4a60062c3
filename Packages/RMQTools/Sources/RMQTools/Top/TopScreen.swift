import RMQCommon

/// Two samples as one screen of text: the busiest topics and the groups that are furthest behind come first.
struct TopScreen {
    /// Nil at the first look, which knows no rates.
    var before: TopSample?
    var now: TopSample
    /// Why the last look brought nothing, so that `now` is an older one.
    var trouble: String?

    struct Broker {
        var title: String
        var address: String
        var isReached: Bool
        /// A second, over the broker's last ten.
        var sends: Double
        var deliveries: Double
        /// Milliseconds.
        var sendWait: Int64
        /// 0 to 1.
        var disk: Double
    }

    struct Topic {
        var name: String
        /// Messages a second; nil where one of the two looks does not know.
        var sends: Int64?
        var kept: Int64?
        var isComplete: Bool
    }

    struct Group {
        var name: String
        var lag: Int64?
        /// A second; nil where one of the two looks does not know.
        var growth: Int64?
        var consumed: Int64?
        var members: Int?
        var isComplete: Bool
    }

    var brokers: [Broker] {
        now.brokers.map { broker in
            let values = RuntimeValues(broker.values)
            return Broker(
                title: "\(broker.name):\(broker.id)", address: broker.address, isReached: !broker.values.isEmpty,
                sends: values.number("putTps"), deliveries: values.number("getTransferedTps"),
                sendWait: Int64(exactly: values.number("sendThreadPoolQueueHeadWaitTimeMills").rounded()) ?? 0, disk: values.number("commitLogDiskRatio"))
        }
    }

    var topics: [Topic] {
        now.topics.map { name, topic in
            let earlier = before?.topics[name]
            let sends = topic.isComplete && earlier?.isComplete == true ? rate(topic.end, earlier?.end) : nil
            return Topic(name: name.text, sends: sends, kept: topic.kept, isComplete: topic.isComplete)
        }.sorted { ($1.sends ?? 0, $1.kept ?? 0, ByteText($0.name)) < ($0.sends ?? 0, $0.kept ?? 0, ByteText($1.name)) }
    }

    /// Those first of which nobody knows how far they are.
    var groups: [Group] {
        now.groups.map { name, group in
            let earlier = before?.groups[name]
            let isRated = group.isComplete && earlier?.isComplete == true
            return Group(
                name: name.text, lag: group.lag, growth: isRated ? rate(group.lag, earlier?.lag) : nil,
                consumed: isRated ? rate(group.consumed, earlier?.consumed) : nil, members: group.members, isComplete: group.isComplete)
        }.sorted { ($1.lag ?? .max, $1.consumed ?? 0, ByteText($0.name)) < ($0.lag ?? .max, $0.consumed ?? 0, ByteText($1.name)) }
    }

    private func rate(_ later: Int64?, _ earlier: Int64?) -> Int64? {
        guard let before, let later, let earlier, now.takenAt > before.takenAt else { return nil }
        return Int64(exactly: (Double(later &- earlier) * 1_000 / Double(now.takenAt &- before.takenAt)).rounded()) ?? 0
    }
}

// MARK: Text

extension TopScreen {
    /// Lines without line feeds, none longer than `width`; at most `height` of them, nil for all.
    func lines(width: Int, height: Int?, time: LocalTime) -> [String] {
        let (brokers, topics, groups) = (brokers, topics, groups)
        // Three headings, the title and three empty lines.
        let room = height.map { max(3, $0 - 7) } ?? .max
        let brokerRows = min(brokers.count, max(1, room / 3))
        let rest = room == .max ? .max : room - brokerRows
        let topicRows = min(topics.count, max(rest / 2, rest - groups.count)), groupRows = min(groups.count, rest - topicRows)
        var lines = ["\(time.seconds(now.takenAt))   \(brokers.count) broker(s)   in \(whole(brokers.reduce(0) { $0 + $1.sends }))/s   "
            + "out \(whole(brokers.reduce(0) { $0 + $1.deliveries }))/s", trouble.map { "NOT UP TO DATE: " + TerminalText.escaped($0) } ?? ""]
        lines.append(line("BROKER", ["ADDRESS", "IN/S", "OUT/S", "WAIT MS", "DISK"], [22, 10, 10, 8, 6], width))
        lines += brokers.prefix(brokerRows).map { broker in
            let address = TerminalText.escaped(broker.address)
            let cells = broker.isReached
                ? [address, whole(broker.sends), whole(broker.deliveries), "\(broker.sendWait)", Decimal.text(broker.disk * 100, places: 0) + " %"]
                : [address, "no answer", "", "", ""]
            return line(broker.title, cells, [22, 10, 10, 8, 6], width)
        }
        lines += ["", line("TOPIC", ["IN/S", "MESSAGES"], [12, 16], width)]
        lines += topics.prefix(topicRows).map { line($0.name, [text($0.sends), text($0.kept, $0.isComplete)], [12, 16], width) }
        lines += ["", line("GROUP", ["LAG", "GROWS/S", "OUT/S", "MEMBERS"], [14, 10, 10, 8], width)]
        lines += groups.prefix(groupRows).map { group in
            let cells = [text(group.lag, group.isComplete), text(group.growth), text(group.consumed), group.members.map { "\($0)" } ?? "?"]
            return line(group.name, cells, [14, 10, 10, 8], width)
        }
        // A terminal lower than the headings shows their beginning.
        return lines.prefix(max(0, height ?? .max)).map { TerminalText.cut(Columns.trimmedEnd($0), columns: width) }
    }

    private func whole(_ number: Double) -> String { Int64(exactly: number.rounded()).map { Columns.grouped($0) } ?? "?" }
    private func text(_ rate: Int64?) -> String { rate.map { Columns.grouped($0) } ?? "-" }

    /// `1,234+` is what those brokers have that answered.
    private func text(_ sum: Int64?, _ isComplete: Bool) -> String { sum.map { Columns.grouped($0) + (isComplete ? "" : "+") } ?? "?" }

    /// A name at the left, cut to what the other columns leave it, but never below twelve.
    private func line(_ name: String, _ cells: [String], _ widths: [Int], _ width: Int) -> String {
        let nameWidth = max(12, width - widths.reduce(0) { $0 + $1 + 1 })
        return TerminalText.fitted(TerminalText.escaped(name), columns: nameWidth)
            + zip(cells, widths).map { " " + Columns.right($0, $1) }.joined()
    }
}

// MARK: JSON

extension TopScreen {
    var json: JSONValue {
        [
            "timestamp": .integer(now.takenAt),
            "brokers": .array(brokers.map { broker in
                ["broker": .string(broker.title), "address": .string(broker.address), "reached": .bool(broker.isReached),
                 "sendsPerSecond": .double(broker.sends), "deliveriesPerSecond": .double(broker.deliveries),
                 "sendWaitMilliseconds": .integer(broker.sendWait), "diskRatio": .double(broker.disk)]
            }),
            "topics": .array(topics.map { topic in
                ["topic": .string(topic.name), "sendsPerSecond": Self.number(topic.sends), "messages": Self.number(topic.kept),
                 "complete": .bool(topic.isComplete)]
            }),
            "groups": .array(groups.map { group in
                ["group": .string(group.name), "lag": Self.number(group.lag), "lagGrowthPerSecond": Self.number(group.growth),
                 "consumedPerSecond": Self.number(group.consumed), "members": Self.number(group.members.map { Int64($0) }),
                 "complete": .bool(group.isComplete)]
            }),
        ]
    }

    private static func number(_ number: Int64?) -> JSONValue { number.map { .integer($0) } ?? .null }
}
