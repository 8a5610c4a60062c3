import RMQClient
import RMQCommon

/// What `resetOffsetByTime` and `skipAccumulatedMessage` do: they set a group back or forward.
///
/// Where members of the group are connected, brokers tell them. Where none is, the offsets are stored one by one, and a table says from where
/// to where.
struct OffsetReset {
    var group: String
    var topic: String
    var target: Admin.ResetTarget
    /// Whether the group may also skip messages.
    var isForced: Bool
    /// Whether members are told in the way that those in C++ understand.
    var tellsCPlusPlus = false
}

extension OffsetReset {
    enum Outcome {
        /// The offsets that the members were told.
        case told([MessageQueue: Int64])
        /// Nobody was there to be told.
        case stored([StoredOffset])
    }

    /// One queue of a group that has no members.
    struct StoredOffset {
        var queue: MessageQueue
        /// Where the queue ends.
        var brokerOffset: Int64
        /// Where the group was.
        var consumerOffset: Int64
        /// Where it was to be set to.
        var targetOffset: Int64
        /// Where it is now.
        var newOffset: Int64
    }

    func run(_ context: CommandContext) async throws -> Outcome {
        do {
            return .told(try await context.admin.resetMembers(
                ofGroup: group, topic: topic, to: target, forwards: isForced, asList: tellsCPlusPlus))
        } catch where error.responseCode == .consumerNotOnline {
            return .stored(try await store(context))
        } catch {
            return try await context.change { throw error }
        }
    }

    private func store(_ context: CommandContext) async throws -> [StoredOffset] {
        var stored: [StoredOffset] = []
        let route = try await context.admin.routeData(of: topic)
        for broker in route.brokers {
            guard let address = broker.anyAddress else { continue }
            for (queue, progress) in try await queues(of: broker, at: address, route, context) {
                stored.append(try await store(queue, progress, context))
            }
        }
        return stored
    }

    /// The queues of one broker in the order of the reference. A group that has consumed nothing there stands at the beginning of each.
    private func queues(
        of broker: BrokerData, at address: String, _ route: TopicRouteData, _ context: CommandContext
    ) async throws -> [(queue: MessageQueue, progress: ConsumeStats.Progress)] {
        let stats = try await context.admin.consumeStats(group: group, at: address)
        let consumed = HashOrder.sorted(stats.queues.keys.sorted()).filter { $0.topic.isExactly(topic) }
        guard consumed.isEmpty else { return consumed.compactMap { queue in stats.queues[queue].map { (queue, $0) } } }
        let count = route.queues.first { $0.brokerName.isExactly(broker.brokerName) }?.readQueueCount ?? 0
        let ranges = try await context.admin.topicStats(topic, at: address).queues.filter { $0.key.queueId < count }
        return ranges.sorted { $0.key < $1.key }.map { queue, range in
            (queue, ConsumeStats.Progress {
                $0.brokerOffset = range.maxOffset
                $0.consumerOffset = range.minOffset
            })
        }
    }

    private func store(_ queue: MessageQueue, _ progress: ConsumeStats.Progress, _ context: CommandContext) async throws -> StoredOffset {
        let wanted = switch target {
        case .time(let time): try await context.admin.searchOffset(of: queue, at: time)
        case .end: try await context.admin.maxOffset(of: queue)
        }
        let moves = isForced || wanted <= progress.consumerOffset
        if moves { try await context.admin.commit(group: group, queue: queue, offset: wanted) }
        return StoredOffset(
            queue: queue, brokerOffset: progress.brokerOffset, consumerOffset: progress.consumerOffset, targetOffset: wanted,
            newOffset: moves ? wanted : progress.consumerOffset)
    }
}

// MARK: - Tables

extension OffsetReset.Outcome {
    var text: String {
        switch self {
        case .told(let offsets):
            Self.line(["#brokerName", "#queueId", "#offset"], width: 40)
                + Self.ordered(offsets).map { queue, offset in
                    Self.line([Columns.cut(queue.brokerName, 32), "\(queue.queueId)", "\(offset)"], width: 40)
                }.joined()
        case .stored(let offsets):
            Self.line(["#brokerName", "#queueId", "#brokerOffset", "#consumerOffset", "#timestampOffset", "#rollbackOffset"], width: 20)
                + offsets.map { offset in
                    Self.line(
                        [
                            Columns.cut(offset.queue.brokerName, 32), "\(offset.queue.queueId)", "\(offset.brokerOffset)",
                            "\(offset.consumerOffset)", "\(offset.targetOffset)", "\(offset.newOffset)",
                        ], width: 20)
                }.joined()
        }
    }

    private static func line(_ words: [String], width: Int) -> String { words.map { Columns.left($0, width) }.joined(separator: "  ") + "\n" }

    private static func ordered(_ offsets: [MessageQueue: Int64]) -> [(MessageQueue, Int64)] {
        HashOrder.sorted(offsets.keys.sorted()).map { ($0, offsets[$0] ?? 0) }
    }

    var json: JSONValue {
        switch self {
        case .told(let offsets):
            ["online": true, "offsets": .array(Self.ordered(offsets).map { .object(JSONObject($0.0, [("offset", JSONValue($0.1))])) })]
        case .stored(let offsets):
            [
                "online": false,
                "offsets": .array(offsets.map { offset in
                    .object(JSONObject(offset.queue, [
                        ("brokerOffset", JSONValue(offset.brokerOffset)), ("consumerOffset", JSONValue(offset.consumerOffset)),
                        ("timestampOffset", JSONValue(offset.targetOffset)), ("offset", JSONValue(offset.newOffset)),
                    ]))
                }),
            ]
        }
    }
}
