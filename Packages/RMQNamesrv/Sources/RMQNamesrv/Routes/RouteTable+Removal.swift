import RMQCommon
import RMQRemoting

extension RouteTable {
    /// Forgets a broker that says goodbye. The address of the id is not compared, as at the reference.
    mutating func unregister(cluster: String, brokerName: String, brokerId: Int64, address: String) -> [RouteNote] {
        var notes: [RouteNote] = []
        generation &+= 1
        notes.append(.unregistered(.live, address: address, found: live.removeValue(forKey: address) != nil))
        filterServers[address] = nil
        guard var broker = brokers[brokerName] else { return notes }
        let removed = broker.addresses.removeValue(forKey: brokerId)
        notes.append(.unregistered(.address, address: address, found: removed != nil))
        guard broker.addresses.isEmpty else {
            brokers[brokerName] = broker
            return notes
        }
        brokers[brokerName] = nil
        notes.append(.unregisteredName(brokerName))
        notes.append(contentsOf: leave(cluster: cluster, brokerName: brokerName, .unregistered))
        notes.append(contentsOf: removeQueues(of: brokerName, .unregistered))
        return notes
    }

    /// A connection is gone: forgets the broker that registered over it, else whatever has `remote` as its address.
    /// - Returns: the address forgotten, for the log.
    mutating func connectionClosed(_ connection: ConnectionID, remote: String) -> (address: String?, notes: [RouteNote]) {
        let broker = live.first { $0.value.connection == connection }?.key.text
        return (broker, forget(broker ?? remote))
    }

    /// Forgets every broker that has been silent for longer than ``RouteLimit/silence``.
    /// - Returns: their connections, for the caller to close.
    mutating func expire(now: MonotonicInstant) -> (expired: [(address: String, connection: ConnectionID)], notes: [RouteNote]) {
        var notes: [RouteNote] = []
        let expired = live.filter { now - $0.value.lastSeen > RouteLimit.silence }
            .map { (address: $0.key.text, connection: $0.value.connection) }
        for (address, _) in expired {
            notes.append(.expired(address: address))
            notes.append(contentsOf: forget(address))
        }
        return (expired, notes)
    }

    /// Removes `topic`, or only the queues that the brokers of `cluster` hold of it.
    mutating func deleteTopic(_ topic: String, cluster: String?) -> [RouteNote] {
        guard let cluster else {
            if topics.removeValue(forKey: topic) != nil { generation &+= 1 }
            return []
        }
        guard let names = clusters[cluster], var queues = topics[topic] else { return [] }
        var notes: [RouteNote] = []
        for name in names.sorted() {
            guard let removed = queues.removeValue(forKey: name) else { continue }
            notes.append(.topicDeletedAt(topic: topic, removed))
        }
        if queues.isEmpty { notes.append(.topicDeleted(cluster: cluster, topic: topic)) }
        topics[topic] = queues.isEmpty ? nil : queues
        if !notes.isEmpty { generation &+= 1 }
        return notes
    }

    /// Rewrites the permission of every topic that `brokerName` holds, until its next registration with a new version.
    /// - Returns: how many topics that were, whether or not they changed.
    mutating func setPermission(of brokerName: String, _ change: (Permission) -> Permission) -> Int32 {
        var count: Int32 = 0
        for topic in topics.keys {
            guard let queues = topics[topic]?[brokerName] else { continue }
            topics[topic]?[brokerName]?.permission = change(queues.permission)
            count += 1
        }
        if count > 0 { generation &+= 1 }
        return count
    }

    /// Removes an address wherever it stands. A broker name that keeps a slave keeps its topics too.
    private mutating func forget(_ address: String) -> [RouteNote] {
        let wasKnown = live.removeValue(forKey: address) != nil
        let hadFilters = filterServers.removeValue(forKey: address) != nil
        guard let (name, broker) = brokers.first(where: { $0.value.addresses.values.contains { $0.isExactly(address) } }),
            let id = broker.addresses.first(where: { $0.value.isExactly(address) })?.key
        else {
            if wasKnown || hadFilters { generation &+= 1 }
            return []
        }
        generation &+= 1
        var notes = [RouteNote.addressLost(id: id, address: address)]
        guard broker.addresses.count == 1 else {
            brokers[name]?.addresses[id] = nil
            return notes
        }
        brokers[name] = nil
        notes.append(.brokerLost(name.text))
        if let cluster = clusters.first(where: { $0.value.contains(name) })?.key {
            notes.append(contentsOf: leave(cluster: cluster.text, brokerName: name.text, .channelDestroyed))
        }
        notes.append(contentsOf: removeQueues(of: name.text, .channelDestroyed))
        return notes
    }

    private mutating func leave(cluster: String, brokerName: String, _ cause: RouteNote.Cause) -> [RouteNote] {
        guard clusters[cluster] != nil else { return [] }
        let found = clusters[cluster]?.remove(brokerName) != nil
        var notes = [RouteNote.leftCluster(broker: brokerName, cluster: cluster, found: found, cause)]
        if clusters[cluster]?.isEmpty == true {
            clusters[cluster] = nil
            notes.append(.clusterRemoved(cluster, cause))
        }
        return notes
    }

    private mutating func removeQueues(of brokerName: String, _ cause: RouteNote.Cause) -> [RouteNote] {
        var notes: [RouteNote] = []
        for topic in topics.keys {
            guard let removed = topics[topic]?.removeValue(forKey: brokerName) else { continue }
            notes.append(.queuesRemoved(topic: topic.text, removed, cause))
            if topics[topic]?.isEmpty == true {
                topics[topic] = nil
                notes.append(.topicRemoved(topic.text, cause))
            }
        }
        return notes
    }
}
