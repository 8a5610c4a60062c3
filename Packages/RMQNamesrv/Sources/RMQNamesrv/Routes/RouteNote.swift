import RMQCommon
import RMQRemoting

/// Something that happened to the routes and belongs into the log, with the reference's words.
enum RouteNote: Equatable, Sendable, CustomStringConvertible {
    enum Table: String, Sendable { case live = "remove from brokerLiveTable", address = "remove addr from brokerAddrTable" }
    /// Why a broker name and its queues go; each has words of its own in the log.
    enum Cause: Sendable { case unregistered, channelDestroyed }

    case masterAddress(cluster: String, broker: String, old: String?, new: String)
    case brokerRegistered(address: String, haServer: String)
    case topicAdded(topic: String, QueueData)
    case topicChanged(topic: String, old: QueueData, new: QueueData)
    case unregistered(Table, address: String, found: Bool)
    case unregisteredName(String)
    case expired(address: String)
    case addressLost(id: Int64, address: String)
    case brokerLost(String)
    case leftCluster(broker: String, cluster: String, found: Bool, Cause)
    case clusterRemoved(String, Cause)
    case queuesRemoved(topic: String, QueueData, Cause)
    case topicRemoved(String, Cause)
    case topicDeletedAt(topic: String, QueueData)
    case topicDeleted(cluster: String, topic: String)

    /// An expired broker deserves an operator's look; the rest is routine.
    var isWarning: Bool {
        if case .expired = self { true } else { false }
    }

    var description: String {
        switch self {
        case .masterAddress(let cluster, let broker, let old, let new):
            "cluster [\(cluster)] brokerName [\(broker)] master address change from \(old ?? "null") to \(new)"
        case .brokerRegistered(let address, let haServer): "new broker registered, \(address) HAServer: \(haServer)"
        case .topicAdded(let topic, let queues): "new topic registered, \(topic) \(queues.text)"
        case .topicChanged(let topic, let old, let new):
            "topic changed, \(topic) OLD: \(old.text) NEW: \(new.text)"
        case .unregistered(let table, let address, let found): "unregisterBroker, \(table.rawValue) \(found ? "OK" : "Failed"), \(address)"
        case .unregisteredName(let broker): "unregisterBroker, remove name from brokerAddrTable OK, \(broker)"
        case .expired(let address): "The broker channel expired, \(address) \(RouteLimit.silence.milliseconds)ms"
        case .addressLost(let id, let address): "remove brokerAddr[\(id), \(address)] from brokerAddrTable, because channel destroyed"
        case .brokerLost(let broker): "remove brokerName[\(broker)] from brokerAddrTable, because channel destroyed"
        case .leftCluster(let broker, _, let found, .unregistered):
            "unregisterBroker, remove name from clusterAddrTable \(found ? "OK" : "Failed"), \(broker)"
        case .leftCluster(let broker, let cluster, _, .channelDestroyed):
            "remove brokerName[\(broker)], clusterName[\(cluster)] from clusterAddrTable, because channel destroyed"
        case .clusterRemoved(let cluster, .unregistered): "unregisterBroker, remove cluster from clusterAddrTable \(cluster)"
        case .clusterRemoved(let cluster, .channelDestroyed):
            "remove the clusterName[\(cluster)] from clusterAddrTable, because channel destroyed and no broker in this cluster"
        case .queuesRemoved(let topic, let queues, .unregistered): "removeTopicByBrokerName, remove one broker's topic \(topic) \(queues.text)"
        case .queuesRemoved(let topic, let queues, .channelDestroyed):
            "remove topic[\(topic) \(queues.text)], from topicQueueTable, because channel destroyed"
        case .topicRemoved(let topic, .unregistered): "removeTopicByBrokerName, remove the topic all queue \(topic)"
        case .topicRemoved(let topic, .channelDestroyed): "remove topic[\(topic)] all queue, from topicQueueTable, because channel destroyed"
        case .topicDeletedAt(let topic, let queues): "deleteTopic, remove one broker's topic \(queues.brokerName) \(topic) \(queues.text)"
        case .topicDeleted(let cluster, let topic): "deleteTopic, remove the topic all queue \(cluster) \(topic)"
        }
    }
}

extension QueueData {
    fileprivate var text: String {
        "QueueData [brokerName=\(brokerName), readQueueNums=\(readQueueCount), writeQueueNums=\(writeQueueCount), "
            + "perm=\(permission.rawValue), topicSysFlag=\(topicSystemFlag)]"
    }
}
