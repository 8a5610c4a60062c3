import RMQCommon
import RMQRemoting

/// What this broker does with a request code.
enum RequestHandling: Sendable {
    /// A send, handled by the bytes of its header, on the loop (``SendProcessor``).
    case send
    /// A pull, the same way (``PullProcessor``).
    case pull
    /// Answered on the loop: it touches memory only.
    case onLoop(@Sendable (RemotingCommand, ClientCaller) throws -> RemotingCommand)
    /// Answered by a worker: it may read files and wait.
    case byWorker(@Sendable (RemotingCommand, BrokerState) throws -> RemotingCommand)
    /// Served by the reference's broker, and not by this one yet.
    case unbuilt(_ feature: String)
    case forNameServers
    case forClients
}

/// Every request code of the protocol, a row each: the one place where a code is given its work.
enum RequestTable {
    private typealias Row = (code: RequestCode, handling: RequestHandling)

    static func handling(of code: RequestCode) -> RequestHandling? {
        byNumber.indices.contains(Int(code.rawValue)) ? byNumber[Int(code.rawValue)] : nil
    }

    /// What is said of a request that this broker does not serve.
    static func remark(for code: RequestCode) -> String {
        let remark = "request type \(code) not supported by this broker"
        switch handling(of: code) {
        case .unbuilt(let feature): return "\(remark): \(feature) not built yet"
        case .forNameServers: return remark + ": it is for a name server"
        case .forClients: return remark + ": it is for a client"
        case .send, .pull, .onLoop, .byWorker, nil: return remark
        }
    }

    private static let byNumber: [RequestHandling?] = {
        let rows = messages + clients + offsets + topics + groups + administration + elsewhere
        var table = [RequestHandling?](repeating: nil, count: Int(rows.map(\.code.rawValue).max() ?? 0) + 1)
        for row in rows {
            precondition(table[Int(row.code.rawValue)] == nil, "two rows for \(row.code)")
            table[Int(row.code.rawValue)] = row.handling
        }
        return table
    }()

    private static var messages: [Row] {
        [
            (.sendMessage, .send),
            (.sendMessageV2, .send),
            (.sendBatchMessage, .send),
            (.pullMessage, .pull),
            (.queryMessage, .byWorker(QueryRequests.byKey)),
            (.viewMessageById, .byWorker(QueryRequests.byOffset)),
            (.consumerSendMsgBack, .unbuilt("retries through the broker and dead letters are")),
            (.endTransaction, .unbuilt("transactional messages are")),
            (.resumeCheckHalfMessage, .unbuilt("transactional messages are")),
            (.sendReplyMessage, .unbuilt("request-reply is")),
            (.sendReplyMessageV2, .unbuilt("request-reply is")),
        ]
    }

    private static var clients: [Row] {
        [
            (.heartBeat, .onLoop(ClientRequests.heartbeat)),
            (.unregisterClient, .onLoop(ClientRequests.unregister)),
            (.getConsumerListByGroup, .onLoop(ClientRequests.consumerIds)),
            (.checkClientConfig, .onLoop(ClientRequests.checkConfiguration)),
            (.lockBatchMq, .onLoop(LockRequests.lock)),
            (.unlockBatchMq, .onLoop(LockRequests.unlock)),
            (.getConsumerConnectionList, .byWorker(GroupAdmin.consumerConnections)),
            (.getProducerConnectionList, .byWorker(GroupAdmin.producerConnections)),
            (.getAllProducerInfo, .byWorker(GroupAdmin.allProducers)),
            (.invokeBrokerToGetConsumerStatus, .unbuilt("asking consumers through the broker is")),
            (.getConsumerRunningInfo, .unbuilt("asking consumers through the broker is")),
            (.consumeMessageDirectly, .unbuilt("asking consumers through the broker is")),
        ]
    }

    private static var offsets: [Row] {
        [
            (.queryConsumerOffset, .onLoop(OffsetRequests.query)),
            (.updateConsumerOffset, .onLoop(OffsetRequests.update)),
            (.getMaxOffset, .onLoop(OffsetRequests.maximum)),
            (.getMinOffset, .onLoop(OffsetRequests.minimum)),
            (.searchOffsetByTimestamp, .byWorker(OffsetRequests.search)),
            (.getEarliestMsgStoretime, .byWorker(OffsetRequests.earliestStoreTime)),
            (.getAllConsumerOffset, .byWorker(OffsetRequests.allConsumerOffsets)),
            (.getAllDelayOffset, .byWorker(OffsetRequests.allDelayOffsets)),
            (.invokeBrokerToResetOffset, .unbuilt("setting the offsets of a group is")),
            (.cloneGroupOffset, .unbuilt("setting the offsets of a group is")),
            (.queryCorrectionOffset, .unbuilt("setting the offsets of a group is")),
        ]
    }

    private static var topics: [Row] {
        [
            (.updateAndCreateTopic, .byWorker(TopicAdmin.update)),
            (.deleteTopicInBroker, .byWorker(TopicAdmin.delete)),
            (.getAllTopicConfig, .byWorker(TopicAdmin.all)),
            (.getTopicStatsInfo, .byWorker(TopicAdmin.statistics)),
            (.getSystemTopicListFromBroker, .byWorker(TopicAdmin.systemTopics)),
            (.cleanUnusedTopic, .byWorker(TopicAdmin.cleanUnused)),
            (.queryTopicConsumeByWho, .byWorker(GroupAdmin.groupsOfTopic)),
        ]
    }

    private static var groups: [Row] {
        [
            (.updateAndCreateSubscriptiongroup, .byWorker(GroupAdmin.update)),
            (.getAllSubscriptiongroupConfig, .byWorker(GroupAdmin.all)),
            (.deleteSubscriptiongroup, .byWorker(GroupAdmin.delete)),
            (.getConsumeStats, .byWorker(ConsumeStatsAdmin.ofGroup)),
            (.getBrokerConsumeStats, .byWorker(ConsumeStatsAdmin.ofBroker)),
            (.queryConsumeTimeSpan, .unbuilt("this part of the statistics is")),
            (.queryConsumeQueue, .unbuilt("this part of the statistics is")),
        ]
    }

    private static var administration: [Row] {
        [
            (.getBrokerConfig, .byWorker(BrokerAdmin.configuration)),
            (.updateBrokerConfig, .byWorker(BrokerAdmin.updateConfiguration)),
            (.getBrokerRuntimeInfo, .byWorker(BrokerAdmin.runtimeInfo)),
            (.cleanExpiredConsumequeue, .byWorker(BrokerAdmin.removeExpiredQueues)),
            (.deleteExpiredCommitlog, .byWorker(BrokerAdmin.deleteExpiredLog)),
            (.viewBrokerStatsData, .unbuilt("this part of the statistics is")),
            (.updateAndCreateAclConfig, .unbuilt("access control is")),
            (.deleteAclConfig, .unbuilt("access control is")),
            (.getBrokerClusterAclInfo, .unbuilt("access control is")),
            (.updateGlobalWhiteAddrsConfig, .unbuilt("access control is")),
        ]
    }

    private static var elsewhere: [Row] {
        let forNameServers: [RequestCode] = [
            .putKvConfig, .getKvConfig, .deleteKvConfig, .registerBroker, .unregisterBroker, .getRouteinfoByTopic, .getBrokerClusterInfo,
            .wipeWritePermOfBroker, .getAllTopicListFromNameserver, .deleteTopicInNamesrv, .getKvlistByNamespace, .getTopicsByCluster,
            .getSystemTopicListFromNs, .getUnitTopicList, .getHasUnitSubTopicList, .getHasUnitSubUnunitTopicList, .updateNamesrvConfig,
            .getNamesrvConfig, .queryDataVersion, .addWritePermOfBroker,
        ]
        let forClients: [RequestCode] = [
            .checkTransactionState, .notifyConsumerIdsChanged, .resetConsumerClientOffset, .getConsumerStatusFromClient, .pushReplyMessageToClient,
        ]
        return forNameServers.map { ($0, .forNameServers) } + forClients.map { ($0, .forClients) }
    }
}

/// Who asks, and whom.
struct ClientCaller {
    let connection: Connection
    let broker: BrokerState

    init(_ connection: Connection, _ broker: BrokerState) {
        self.connection = connection
        self.broker = broker
    }
}
