import RMQCommon
import RMQRemoting

/// What this broker does with a request code.
enum BrokerWork: Sendable {
    /// A send, handled by the bytes of its header, on the loop (``SendProcessor``).
    case send
    /// A pull, the same way (``PullProcessor``).
    case pull
    /// A reply to a request of another client (``ReplyProcessor``).
    case reply
    /// Begun on the loop: it touches memory only, writes a message or waits for something.
    case onLoop(@Sendable (RemotingCommand, ClientCaller) throws -> Reply)
    /// Done by a worker: it may read files and wait.
    case byWorker(@Sendable (RemotingCommand, BrokerState) throws -> Reply)
    case forNameServers
    case forClients
    /// Nothing of RocketMQ 4.4 to 4.9 serves it.
    case unserved
}

/// Who asks, and whom. On the loop only.
struct ClientCaller {
    let connection: Connection
    let loop: LoopState

    var broker: BrokerState { loop.broker }
}

/// Every request code of the protocol, a row each: the one place where a code is given its work.
enum BrokerRequests {
    typealias Row = RequestTable<BrokerWork>.Row

    static let table = RequestTable(messages + clients + offsets + topics + groups + administration + elsewhere)

    /// What is said of a request that this broker does not serve.
    static func remark(for code: RequestCode) -> String {
        let remark = "request type \(code) not supported by this broker"
        switch table.work(of: code) {
        case .forNameServers: return remark + ": it is for a name server"
        case .forClients: return remark + ": it is for a client"
        case .unserved: return remark + ", nor by any other of RocketMQ 4"
        case .send, .pull, .reply, .onLoop, .byWorker, nil: return remark
        }
    }

    private static var messages: [Row] {
        [
            Row(.sendMessage, .send, access: .publishing("topic")),
            Row(.sendMessageV2, .send, access: .publishing("b")),
            // The reference asks nothing of a batch, so anybody could publish to any topic.
            Row(.sendBatchMessage, .send, access: .publishing("b")),
            Row(.pullMessage, .pull, access: .subscribing(topic: "topic", group: "consumerGroup")),
            Row(.queryMessage, .byWorker(QueryRequests.byKey), access: .subscribing(topic: "topic")),
            Row(.viewMessageById, .byWorker(QueryRequests.byOffset)),
            Row(.consumerSendMsgBack, .onLoop(SendBack.answer), access: .subscribing(group: "group")),
            Row(.endTransaction, .onLoop(TransactionRequests.end)),
            Row(.resumeCheckHalfMessage, .byWorker(TransactionRequests.resumeCheck), isAdministration: true),
            Row(.sendReplyMessage, .reply, access: .replying("topic")),
            Row(.sendReplyMessageV2, .reply, access: .replying("b")),
        ]
    }

    private static var clients: [Row] {
        [
            Row(.heartBeat, .onLoop(ClientRequests.heartbeat), access: .heartbeat),
            Row(.unregisterClient, .onLoop(ClientRequests.unregister), access: .subscribing(group: "consumerGroup")),
            Row(.getConsumerListByGroup, .onLoop(ClientRequests.consumerIds), access: .subscribing(group: "consumerGroup")),
            Row(.checkClientConfig, .onLoop(ClientRequests.checkConfiguration)),
            Row(.lockBatchMq, .onLoop(LockRequests.lock)),
            Row(.unlockBatchMq, .onLoop(LockRequests.unlock)),
            Row(.getConsumerConnectionList, .byWorker(GroupAdmin.consumerConnections)),
            Row(.getProducerConnectionList, .byWorker(GroupAdmin.producerConnections)),
            Row(.getAllProducerInfo, .byWorker(GroupAdmin.allProducers)),
            Row(.invokeBrokerToGetConsumerStatus, .onLoop(ConsumerCalls.status)),
            Row(.getConsumerRunningInfo, .onLoop(ConsumerCalls.runningInfo)),
            Row(.consumeMessageDirectly, .onLoop(ConsumerCalls.consumeDirectly), isAdministration: true),
        ]
    }

    private static var offsets: [Row] {
        [
            Row(.queryConsumerOffset, .onLoop(OffsetRequests.query)),
            Row(.updateConsumerOffset, .onLoop(OffsetRequests.update), access: .subscribing(topic: "topic", group: "consumerGroup")),
            Row(.getMaxOffset, .onLoop(OffsetRequests.maximum)),
            Row(.getMinOffset, .onLoop(OffsetRequests.minimum)),
            Row(.searchOffsetByTimestamp, .byWorker(OffsetRequests.search)),
            Row(.getEarliestMsgStoretime, .byWorker(OffsetRequests.earliestStoreTime)),
            Row(.getAllConsumerOffset, .byWorker(OffsetRequests.allConsumerOffsets)),
            Row(.getAllDelayOffset, .byWorker(OffsetRequests.allDelayOffsets)),
            Row(.invokeBrokerToResetOffset, .onLoop(OffsetAdmin.reset), isAdministration: true),
            Row(.cloneGroupOffset, .byWorker(OffsetAdmin.clone), isAdministration: true),
            Row(.queryCorrectionOffset, .byWorker(OffsetAdmin.correction)),
        ]
    }

    private static var topics: [Row] {
        [
            Row(.updateAndCreateTopic, .byWorker(TopicAdmin.update), access: .administrator),
            Row(.deleteTopicInBroker, .byWorker(TopicAdmin.delete), access: .administrator),
            Row(.getAllTopicConfig, .byWorker(TopicAdmin.all)),
            Row(.getTopicStatsInfo, .byWorker(TopicAdmin.statistics)),
            Row(.getSystemTopicListFromBroker, .byWorker(TopicAdmin.systemTopics)),
            Row(.cleanUnusedTopic, .byWorker(TopicAdmin.cleanUnused), isAdministration: true),
            Row(.queryTopicConsumeByWho, .byWorker(GroupAdmin.groupsOfTopic)),
        ]
    }

    private static var groups: [Row] {
        [
            Row(.updateAndCreateSubscriptiongroup, .byWorker(GroupAdmin.update), access: .administrator),
            Row(.getAllSubscriptiongroupConfig, .byWorker(GroupAdmin.all)),
            Row(.deleteSubscriptiongroup, .byWorker(GroupAdmin.delete), access: .administrator),
            Row(.getConsumeStats, .byWorker(ConsumeStatsAdmin.ofGroup)),
            Row(.getBrokerConsumeStats, .byWorker(ConsumeStatsAdmin.ofBroker)),
            Row(.queryConsumeTimeSpan, .byWorker(ConsumeStatsAdmin.timeSpans)),
            Row(.queryConsumeQueue, .byWorker(ConsumeQueueAdmin.entries)),
        ]
    }

    private static var administration: [Row] {
        [
            Row(.getBrokerConfig, .byWorker(BrokerAdmin.configuration)),
            // Has a key of its own: allowRemoteConfigurationUpdate.
            Row(.updateBrokerConfig, .onLoop(BrokerAdmin.updateConfiguration), access: .administrator, isAdministration: false),
            Row(.getBrokerRuntimeInfo, .byWorker(BrokerAdmin.runtimeInfo)),
            Row(.cleanExpiredConsumequeue, .byWorker(BrokerAdmin.removeExpiredQueues), isAdministration: true),
            Row(.deleteExpiredCommitlog, .byWorker(BrokerAdmin.deleteExpiredLog), isAdministration: true),
            Row(.getBrokerEpochCache, .byWorker(RoleAdmin.epochs)),
            Row(.changeBrokerRole, .onLoop(RoleAdmin.change), access: .administrator),
            Row(.viewBrokerStatsData, .byWorker(StatisticsAdmin.item)),
            // The reference lets any account change accounts; which is a hole, not a feature.
            Row(.updateAndCreateAclConfig, .byWorker(AccountAdmin.update), access: .administrator),
            Row(.deleteAclConfig, .byWorker(AccountAdmin.delete), access: .administrator),
            Row(.getBrokerClusterAclInfo, .byWorker(AccountAdmin.versions)),
            Row(.updateGlobalWhiteAddrsConfig, .byWorker(AccountAdmin.setWhiteAddresses), access: .administrator),
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
        let unserved: [RequestCode] = [
            .queryBrokerOffset, .getTopicConfigList, .getTopicNameList, .triggerDeleteFiles, .suspendConsumer, .resumeConsumer,
            .resetConsumerOffsetInConsumer, .resetConsumerOffsetInBroker, .adjustConsumerThreadPool, .whoConsumeTheMessage,
            .registerFilterServer, .registerMessageFilterClass,
        ]
        return forNameServers.map { Row($0, .forNameServers) } + forClients.map { Row($0, .forClients) } + unserved.map { Row($0, .unserved) }
    }
}
