import RMQClient
import RMQCommon

/// What `top` counts at one moment. Rates are differences of two of them, so that they hold for brokers of the reference too.
///
/// Nil stands for what no broker told; what only some told is not complete, and no rate is taken from it.
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
        var end: Int64?
        var kept: Int64?
        var isComplete = true
    }

    struct Group {
        var lag: Int64?
        /// Of all queues together.
        var consumed: Int64?
        var members: Int?
        /// Of `lag` and `consumed`.
        var isComplete = true
    }

    /// Milliseconds since 1970.
    var takenAt: Int64
    var brokers: [Broker] = []
    var topics: [ByteText: Topic] = [:]
    var groups: [ByteText: Group] = [:]

    /// - Parameter part: only topics and groups whose names contain it; nil takes all but those of the system.
    /// - Throws: when no name server lists brokers and topics. Brokers that do not answer are part of the sample.
    static func take(_ context: CommandContext, part: String?) async throws(ClientError) -> TopSample {
        var sample = TopSample(takenAt: context.now())
        let info = try await context.admin.clusterInfo()
        let names = try await context.admin.topics()
        let asked = await brokers(of: info, context.admin)
        sample.brokers = asked.map(\.broker)
        let survey = BrokerSurvey(admin: context.admin, asked: asked.map { ($0.broker.address, $0.failure) })
        let groups = names.compactMap { RetryTopic.group(of: $0) }.filter { part.map($0.containsBytes(of:)) ?? true }
        let topics = names.filter { name in
            RetryTopic.group(of: name) == nil && (part.map(name.containsBytes(of:)) ?? !SystemTopic.isSystem(name))
        }
        for (name, topic) in zip(topics, await Questions.ask(topics) { await Self.topic($0, survey) }) { sample.topics[name] = topic }
        for (name, group) in zip(groups, await Questions.ask(groups) { await Self.group($0, survey) }) { sample.groups[name] = group }
        return sample
    }

    private static func brokers(of info: ClusterInfo, _ admin: Admin) async -> [(broker: Broker, failure: ClientError?)] {
        let places = info.brokers.sorted { $0.key < $1.key }.map(\.value).flatMap { broker in
            broker.sortedAddresses.map { (name: broker.brokerName, id: $0.id, address: $0.address) }
        }
        return await Questions.ask(places) { place in
            var broker = Broker(name: place.name, id: place.id, address: place.address, values: [:])
            do throws(ClientError) {
                broker.values = try await admin.brokerRuntimeInfo(at: place.address).table
                return (broker, nil)
            } catch {
                return (broker, error)
            }
        }
    }

    private static func topic(_ name: String, _ survey: BrokerSurvey) async -> Topic {
        guard let route = try? await survey.admin.routeData(of: name) else { return Topic(isComplete: false) }
        let stats = await survey.topicStats(name, route)
        guard !stats.parts.isEmpty else { return Topic(isComplete: false) }
        return Topic(
            end: stats.parts.reduce(0) { $0 &+ $1.end }, kept: stats.parts.reduce(0) { $0 &+ $1.messageCount }, isComplete: stats.failures.isEmpty)
    }

    private static func group(_ name: String, _ survey: BrokerSurvey) async -> Group {
        guard let route = try? await survey.admin.routeData(of: RetryTopic.name(name)) else { return Group(isComplete: false) }
        var group = Group()
        let answers = await survey.progress(of: name, route)
        group.isComplete = answers.failures.isEmpty
        if !answers.parts.isEmpty {
            let stats = ConsumeStats(merging: answers.parts)
            (group.lag, group.consumed) = (stats.lag, stats.consumed)
        }
        group.members = switch await survey.members(of: name, route) {
        case .connected(let clients, _): clients.count
        case .nobody: 0
        case .unknown: nil
        }
        return group
    }
}
