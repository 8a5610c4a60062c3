import RMQCommon
import RMQRemoting

/// Bits of a topic's system flag.
private enum UnitFlag {
    static let unit: Int32 = 1
    static let unitSubscription: Int32 = 2
}

extension RouteTable {
    /// Where `topic` is, sorted by broker name; nil when no broker that holds it is registered.
    func route(of topic: String) -> TopicRouteData? {
        guard let held = topics[topic] else { return nil }
        var route = TopicRouteData(queues: [], brokers: [])
        for (name, queues) in held.sorted(by: { $0.key < $1.key }) {
            route.queues.append(queues)
            guard let broker = brokers[name] else { continue }
            route.brokers.append(broker)
            for address in broker.addresses.values { route.filterServers[address] = filterServers[address] }
        }
        return route.brokers.isEmpty ? nil : route
    }

    var clusterInfo: ClusterInfo { ClusterInfo {
        $0.brokers = brokers
        $0.clusters = clusters.mapValues(\.sortedTexts)
    } }

    var topicNames: [String] { topics.sortedTexts }

    /// Topics that a broker of `cluster` holds; empty for an unknown cluster.
    func topicNames(ofCluster cluster: String) -> [String] {
        guard let names = clusters[cluster] else { return [] }
        return topics.lazy.filter { !names.isDisjoint(with: $0.value.keys) }.map(\.key).sorted().map(\.text)
    }

    /// Every cluster and broker name: each of them is a topic at the brokers.
    var systemTopicNames: [String] { clusters.sortedTexts + brokers.sortedTexts }

    /// Some broker's address, the master's where there is one.
    var anyAddress: String? {
        brokers.min { $0.key < $1.key }?.value.addresses.min { $0.key < $1.key }?.value
    }

    var unitTopicNames: [String] { topicNames { $0 & UnitFlag.unit != 0 } }
    var unitSubscriptionTopicNames: [String] { topicNames { $0 & UnitFlag.unitSubscription != 0 } }
    var unitSubscriptionOnlyTopicNames: [String] {
        topicNames { $0 & UnitFlag.unitSubscription != 0 && $0 & UnitFlag.unit == 0 }
    }

    /// Decided by the flag at the first broker name alone, as at the reference.
    private func topicNames(where matches: (Int32) -> Bool) -> [String] {
        topics.compactMap { topic, queues -> ByteText? in
            guard let first = queues.min(by: { $0.key < $1.key })?.value, matches(first.topicSystemFlag) else { return nil }
            return topic
        }.sorted().map(\.text)
    }
}
