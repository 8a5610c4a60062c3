import RMQCommon
import RMQRemoting

/// What a name server does with a request code.
enum NameServerWork: Sendable {
    case served(@Sendable (RemotingCommand, RequestCaller) throws -> Reply)
    case forBrokers
    case forClients
}

/// Every request code of the protocol, a row each: the one place where a code is given its work.
///
/// What brokers tell of themselves and what changes something asks for an administrator's account: whoever may register can draw
/// the messages of every topic to himself.
enum NameServerRequests {
    private typealias Row = RequestTable<NameServerWork>.Row

    static let table = RequestTable(registrations + routes + topics + settings + elsewhere)

    private static var registrations: [Row] {
        [
            // Brokers send them by themselves, from wherever they run.
            Row(.registerBroker, .served(RegistrationRequests.register), access: .administrator, isAdministration: false),
            Row(.unregisterBroker, .served(RegistrationRequests.unregister), access: .administrator, isAdministration: false),
            Row(.queryDataVersion, .served(RegistrationRequests.queryDataVersion), access: .administrator, isAdministration: false),
        ]
    }

    private static var routes: [Row] {
        [
            Row(.getRouteinfoByTopic, .served(RouteRequests.route)),
            Row(.getBrokerClusterInfo, .served(RouteRequests.clusterInfo)),
            Row(.wipeWritePermOfBroker, .served(RouteRequests.wipeWritePermission), access: .administrator),
            Row(.addWritePermOfBroker, .served(RouteRequests.addWritePermission), access: .administrator),
            Row(.deleteTopicInNamesrv, .served(RouteRequests.deleteTopic), access: .administrator),
        ]
    }

    private static var topics: [Row] {
        [
            Row(.getAllTopicListFromNameserver, .served(TopicRequests.all)),
            Row(.getTopicsByCluster, .served(TopicRequests.ofCluster)),
            Row(.getSystemTopicListFromNs, .served(TopicRequests.system)),
            Row(.getUnitTopicList, .served(TopicRequests.unit)),
            Row(.getHasUnitSubTopicList, .served(TopicRequests.unitSubscription)),
            Row(.getHasUnitSubUnunitTopicList, .served(TopicRequests.unitSubscriptionOnly)),
        ]
    }

    private static var settings: [Row] {
        [
            Row(.putKvConfig, .served(KeyValueRequests.put), access: .administrator),
            Row(.getKvConfig, .served(KeyValueRequests.get)),
            Row(.deleteKvConfig, .served(KeyValueRequests.delete), access: .administrator),
            Row(.getKvlistByNamespace, .served(KeyValueRequests.ofNamespace)),
            // Has a key of its own: allowRemoteConfigurationUpdate.
            Row(.updateNamesrvConfig, .served(ConfigurationRequests.update), access: .administrator, isAdministration: false),
            Row(.getNamesrvConfig, .served(ConfigurationRequests.get), access: .administrator, isAdministration: false),
        ]
    }

    /// What a peer may send here by mistake.
    private static var elsewhere: [Row] {
        let forBrokers: [RequestCode] = [
            .sendMessage, .sendMessageV2, .sendBatchMessage, .sendReplyMessage, .sendReplyMessageV2, .consumerSendMsgBack, .endTransaction,
            .resumeCheckHalfMessage, .pullMessage, .queryMessage, .viewMessageById,
            .heartBeat, .unregisterClient, .checkClientConfig, .getConsumerListByGroup, .getConsumerConnectionList, .getProducerConnectionList,
            .getAllProducerInfo, .lockBatchMq, .unlockBatchMq, .getConsumerRunningInfo, .consumeMessageDirectly,
            .queryBrokerOffset, .queryConsumerOffset, .updateConsumerOffset, .getMaxOffset, .getMinOffset, .searchOffsetByTimestamp,
            .getEarliestMsgStoretime, .getAllConsumerOffset, .getAllDelayOffset, .queryCorrectionOffset, .cloneGroupOffset,
            .resetConsumerOffsetInBroker, .invokeBrokerToResetOffset, .invokeBrokerToGetConsumerStatus,
            .updateAndCreateTopic, .deleteTopicInBroker, .getAllTopicConfig, .getTopicConfigList, .getTopicNameList, .getTopicStatsInfo,
            .getSystemTopicListFromBroker, .cleanUnusedTopic, .queryTopicConsumeByWho, .whoConsumeTheMessage,
            .updateAndCreateSubscriptiongroup, .getAllSubscriptiongroupConfig, .deleteSubscriptiongroup, .getConsumeStats,
            .getBrokerConsumeStats, .queryConsumeTimeSpan, .queryConsumeQueue, .viewBrokerStatsData,
            .getBrokerConfig, .updateBrokerConfig, .getBrokerRuntimeInfo, .triggerDeleteFiles, .deleteExpiredCommitlog,
            .cleanExpiredConsumequeue, .registerFilterServer, .registerMessageFilterClass,
            .updateAndCreateAclConfig, .deleteAclConfig, .getBrokerClusterAclInfo, .updateGlobalWhiteAddrsConfig,
        ]
        let forClients: [RequestCode] = [
            .checkTransactionState, .notifyConsumerIdsChanged, .resetConsumerClientOffset, .getConsumerStatusFromClient,
            .pushReplyMessageToClient, .suspendConsumer, .resumeConsumer, .resetConsumerOffsetInConsumer, .adjustConsumerThreadPool,
        ]
        return forBrokers.map { Row($0, .forBrokers) } + forClients.map { Row($0, .forClients) }
    }
}
