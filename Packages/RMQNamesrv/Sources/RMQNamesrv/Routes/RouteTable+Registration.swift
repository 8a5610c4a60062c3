import RMQCommon
import RMQRemoting

/// What a broker says about itself when it registers.
struct Registration: Sendable {
    var cluster: String
    var brokerName: String
    /// 0 is the master.
    var brokerId: Int64
    var address: String
    var haServerAddress: String
    var dataVersion: DataVersion
    var topics: [TopicConfig]
    /// nil leaves the known ones alone, an empty list removes them.
    var filterServers: [String]?
}

extension RouteTable {
    /// What a registration did.
    struct Registered: Equatable {
        /// For a slave whose master is live: where the master is, and where it replicates from.
        var masterAddress: String?
        var haServerAddress: String?
        var notes: [RouteNote] = []
    }

    /// Takes in a registration. Topics that it leaves out stay known: only unregistering, deletion and expiry remove.
    mutating func register(_ broker: Registration, connection: ConnectionID, now: MonotonicInstant) throws(RouteError) -> Registered {
        let previous = live[broker.address]
        guard previous != nil || live.count < RouteLimit.addresses else { throw .tooManyAddresses(limit: RouteLimit.addresses) }
        let isMaster = broker.brokerId == 0
        let before = brokers[broker.brokerName]
        let isNew = before?.addresses[broker.brokerId] == nil
        // An unchanged version means unchanged topics, and protects a wiped write permission from the periodic registration.
        let takesTopics = isMaster && (isNew || previous?.dataVersion != broker.dataVersion)
        if takesTopics { try checkTopicCount(adding: broker.topics) }

        var result = Registered()
        clusters[broker.cluster, default: []].insert(broker.brokerName)
        var entry = before ?? BrokerData(cluster: broker.cluster, brokerName: broker.brokerName, addresses: [:])
        for (id, address) in entry.addresses where address.isExactly(broker.address) && id != broker.brokerId {
            entry.addresses[id] = nil   // a slave became the master, or the other way round: one id for an address
        }
        entry.addresses[broker.brokerId] = broker.address
        if entry != before { brokers[broker.brokerName] = entry }
        if isMaster {
            result.notes.append(.masterAddress(cluster: broker.cluster, broker: broker.brokerName, old: before?.addresses[0], new: broker.address))
        }
        let routesChanged = takesTopics ? takeTopics(of: broker, notes: &result.notes) : false

        live[broker.address] = LiveBroker(
            lastSeen: now, dataVersion: broker.dataVersion, connection: connection, haServerAddress: broker.haServerAddress)
        if previous == nil { result.notes.append(.brokerRegistered(address: broker.address, haServer: broker.haServerAddress)) }
        let filtersBefore = filterServers[broker.address]
        if let servers = broker.filterServers { filterServers[broker.address] = servers.isEmpty ? nil : servers }
        if routesChanged || entry != before || !(filtersBefore ?? []).isExactly(filterServers[broker.address] ?? []) { generation &+= 1 }

        if !isMaster, let master = entry.addresses[0], let liveMaster = live[master] {
            result.masterAddress = master
            result.haServerAddress = liveMaster.haServerAddress
        }
        return result
    }

    /// The version stored for `address`, and whether it differs from the broker's own; an equal one is a sign of life.
    mutating func compareVersion(of address: String, with version: DataVersion, now: MonotonicInstant) -> (changed: Bool, stored: DataVersion?) {
        let stored = live[address]?.dataVersion
        guard stored == version else { return (true, stored) }
        live[address]?.lastSeen = now
        return (false, stored)
    }

    private func checkTopicCount(adding new: [TopicConfig]) throws(RouteError) {
        guard topics.count + new.count > RouteLimit.topics else { return }   // the cheap upper bound holds nearly always
        let added = Set<ByteText>(texts: new.lazy.map(\.topicName).filter { topics[$0] == nil }).count
        guard topics.count + added <= RouteLimit.topics else {
            throw .tooManyTopics(count: topics.count + added, limit: RouteLimit.topics)
        }
    }

    private mutating func takeTopics(of broker: Registration, notes: inout [RouteNote]) -> Bool {
        var changed = false
        for topic in broker.topics {
            let queues = QueueData(topic, at: broker.brokerName)
            let known = topics[topic.topicName]
            if known == nil {
                notes.append(.topicAdded(topic: topic.topicName, queues))
            } else if let old = known?[broker.brokerName] {
                if old == queues { continue }
                notes.append(.topicChanged(topic: topic.topicName, old: old, new: queues))
            }
            topics[topic.topicName, default: [:]][broker.brokerName] = queues
            changed = true
        }
        return changed
    }
}

extension QueueData {
    /// What a route keeps of a topic's configuration.
    fileprivate init(_ topic: TopicConfig, at brokerName: String) {
        self.init {
            $0.brokerName = brokerName
            $0.readQueueCount = topic.readQueueCount
            $0.writeQueueCount = topic.writeQueueCount
            $0.permission = topic.permission
            $0.topicSystemFlag = topic.systemFlag
        }
    }
}
