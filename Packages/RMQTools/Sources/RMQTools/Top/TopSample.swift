import RMQClient
import RMQCommon

/// What `top` counts at one moment. Rates are differences of two of them, so that they hold for brokers of the reference too.
struct TopSample {
    struct Broker {
        var name: String
        var id: Int64
        var address: String
        /// Empty when it was not reached.
        var values: [ByteText: String]
    }

    struct Topic {
        /// Of all queues together: where the next messages go, and how many are kept.
        var end: Int64
        var kept: Int64
    }

    struct Group {
        var lag: Int64
        /// Of all queues together.
        var consumed: Int64
        var members: Int
    }

    /// Milliseconds since 1970.
    var takenAt: Int64
    var brokers: [Broker] = []
    var topics: [ByteText: Topic] = [:]
    var groups: [ByteText: Group] = [:]

    /// - Parameter part: only topics and groups whose names contain it; nil takes all but those of the system.
    static func take(_ context: CommandContext, part: String?) async throws -> TopSample {
        var sample = TopSample(takenAt: context.now())
        for broker in try await context.admin.clusterInfo().brokers.sorted(by: { $0.key < $1.key }).map(\.value) {
            for (id, address) in broker.addresses.sorted(by: { $0.key < $1.key }) {
                let values = (try? await context.admin.brokerRuntimeInfo(at: address).table) ?? [:]
                sample.brokers.append(Broker(name: broker.brokerName, id: id, address: address, values: values))
            }
        }
        for name in try await context.admin.topics() {
            if let group = RetryTopic.group(of: name) {
                guard part.map(group.containsBytes(of:)) ?? true else { continue }
                sample.groups[group] = await Self.group(group, context)
            } else if part.map(name.containsBytes(of:)) ?? !SystemTopic.isSystem(name), let stats = try? await context.admin.topicStats(name) {
                sample.topics[name] = stats.queues.values.reduce(into: Topic(end: 0, kept: 0)) { topic, queue in
                    topic.end &+= queue.maxOffset
                    topic.kept &+= queue.maxOffset &- queue.minOffset
                }
            }
        }
        return sample
    }

    private static func group(_ name: String, _ context: CommandContext) async -> Group {
        let stats = (try? await context.admin.consumeStats(group: name)) ?? ConsumeStats()
        let members = try? await context.admin.consumerConnection(group: name)
        return Group(
            lag: stats.lag, consumed: stats.queues.values.reduce(0) { $0 &+ $1.consumerOffset }, members: members?.connections.count ?? 0)
    }
}
