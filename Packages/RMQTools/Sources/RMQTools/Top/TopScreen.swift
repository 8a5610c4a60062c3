import RMQCommon

/// Two samples as one screen of text: the busiest topics and the groups that are furthest behind come first.
struct TopScreen {
    /// Nil at the first look, which knows no rates.
    var before: TopSample?
    var now: TopSample

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
        /// Messages a second; nil at the first look.
        var sends: Int64?
        var kept: Int64
    }

    struct Group {
        var name: String
        var lag: Int64
        /// A second; nil at the first look.
        var growth: Int64?
        var consumed: Int64?
        var members: Int
    }

    var brokers: [Broker] {
        now.brokers.map { broker in
            func number(_ key: ByteText) -> Double { broker.values[key]?.split(ascii: " ").first.flatMap { Double($0) } ?? 0 }
            return Broker(
                title: "\(broker.name):\(broker.id)", address: broker.address, isReached: !broker.values.isEmpty,
                sends: number("putTps"), deliveries: number("getTransferedTps"),
                sendWait: Int64(number("sendThreadPoolQueueHeadWaitTimeMills")), disk: number("commitLogDiskRatio"))
        }
    }

    var topics: [Topic] {
        now.topics.map { name, topic in
            Topic(name: name.text, sends: rate(topic.end, before?.topics[name]?.end), kept: topic.kept)
        }.sorted { ($1.sends ?? 0, $1.kept, ByteText($0.name)) < ($0.sends ?? 0, $0.kept, ByteText($1.name)) }
    }

    var groups: [Group] {
        now.groups.map { name, group in
            let earlier = before?.groups[name]
            return Group(
                name: name.text, lag: group.lag, growth: rate(group.lag, earlier?.lag), consumed: rate(group.consumed, earlier?.consumed),
                members: group.members)
        }.sorted { ($1.lag, $1.consumed ?? 0, ByteText($0.name)) < ($0.lag, $0.consumed ?? 0, ByteText($1.name)) }
    }

    private func rate(_ later: Int64, _ earlier: Int64?) -> Int64? {
        guard let before, let earlier, now.takenAt > before.takenAt else { return nil }
        return Int64(exactly: (Double(later &- earlier) * 1_000 / Double(now.takenAt - before.takenAt)).rounded()) ?? 0
    }

    // MARK: Text

    /// Lines without line feeds, none longer than `width`; at most `height` of them, nil for all.
    func lines(width: Int, height: Int?, time: LocalTime) -> [String] {
        let (brokers, topics, groups) = (brokers, topics, groups)
        // Three headings, the title and three empty lines.
        let room = height.map { max(3, $0 - 7) } ?? .max
        let brokerRows = min(brokers.count, max(1, room / 3))
        let rest = room == .max ? .max : room - brokerRows
        let topicRows = min(topics.count, max(rest / 2, rest - groups.count)), groupRows = min(groups.count, rest - topicRows)
        var lines = ["\(time.seconds(now.takenAt))   \(brokers.count) broker(s)   in \(whole(brokers.reduce(0) { $0 + $1.sends }))/s   "
            + "out \(whole(brokers.reduce(0) { $0 + $1.deliveries }))/s", ""]
        lines.append(line("BROKER", ["ADDRESS", "IN/S", "OUT/S", "WAIT MS", "DISK"], [22, 10, 10, 8, 6], width))
        lines += brokers.prefix(brokerRows).map { broker in
            let cells = broker.isReached
                ? [broker.address, whole(broker.sends), whole(broker.deliveries), "\(broker.sendWait)", Decimal.text(broker.disk * 100, places: 0) + " %"]
                : [broker.address, "no answer", "", "", ""]
            return line(broker.title, cells, [22, 10, 10, 8, 6], width)
        }
        lines += ["", line("TOPIC", ["IN/S", "MESSAGES"], [12, 16], width)]
        lines += topics.prefix(topicRows).map { line($0.name, [text($0.sends), Columns.grouped($0.kept)], [12, 16], width) }
        lines += ["", line("GROUP", ["LAG", "GROWS/S", "OUT/S", "MEMBERS"], [14, 10, 10, 8], width)]
        lines += groups.prefix(groupRows).map { group in
            line(group.name, [Columns.grouped(group.lag), text(group.growth), text(group.consumed), "\(group.members)"], [14, 10, 10, 8], width)
        }
        return lines.map { Columns.cut(Columns.trimmedEnd($0), width) }
    }

    private func whole(_ number: Double) -> String { Int64(exactly: number.rounded()).map { Columns.grouped($0) } ?? "?" }
    private func text(_ rate: Int64?) -> String { rate.map { Columns.grouped($0) } ?? "-" }

    /// A name at the left, cut to what the other columns leave it, but never below twelve.
    private func line(_ name: String, _ cells: [String], _ widths: [Int], _ width: Int) -> String {
        let nameWidth = max(12, width - widths.reduce(0) { $0 + $1 + 1 })
        return Columns.left(Columns.cut(name, nameWidth), nameWidth)
            + zip(cells, widths).map { " " + Columns.right($0, $1) }.joined()
    }

    // MARK: JSON

    var json: JSONValue {
        [
            "timestamp": .integer(now.takenAt),
            "brokers": .array(brokers.map { broker in
                ["broker": .string(broker.title), "address": .string(broker.address), "reached": .bool(broker.isReached),
                 "sendsPerSecond": .double(broker.sends), "deliveriesPerSecond": .double(broker.deliveries),
                 "sendWaitMilliseconds": .integer(broker.sendWait), "diskRatio": .double(broker.disk)]
            }),
            "topics": .array(topics.map { topic in
                ["topic": .string(topic.name), "sendsPerSecond": topic.sends.map { .integer($0) } ?? .null, "messages": .integer(topic.kept)]
            }),
            "groups": .array(groups.map { group in
                ["group": .string(group.name), "lag": .integer(group.lag), "lagGrowthPerSecond": group.growth.map { .integer($0) } ?? .null,
                 "consumedPerSecond": group.consumed.map { .integer($0) } ?? .null, "members": JSONValue(group.members)]
            }),
        ]
    }
}
