/// What a request asks for.
///
/// An open set: a peer of another version may send a number that has no name here,
/// and a server then answers ``ResponseCode/requestCodeNotSupported``.
public struct RequestCode: RawRepresentable, Hashable, Sendable {
    public var rawValue: Int32

    @inlinable public init(rawValue: Int32) {
        self.rawValue = rawValue
    }
}

extension RequestCode {
    public static let sendMessage = RequestCode(rawValue: 10)
    public static let pullMessage = RequestCode(rawValue: 11)
    public static let queryMessage = RequestCode(rawValue: 12)
    public static let queryBrokerOffset = RequestCode(rawValue: 13)
    public static let queryConsumerOffset = RequestCode(rawValue: 14)
    public static let updateConsumerOffset = RequestCode(rawValue: 15)
    public static let updateAndCreateTopic = RequestCode(rawValue: 17)
    public static let getAllTopicConfig = RequestCode(rawValue: 21)
    public static let getTopicConfigList = RequestCode(rawValue: 22)
    public static let getTopicNameList = RequestCode(rawValue: 23)
    public static let updateBrokerConfig = RequestCode(rawValue: 25)
    public static let getBrokerConfig = RequestCode(rawValue: 26)
    public static let triggerDeleteFiles = RequestCode(rawValue: 27)
    public static let getBrokerRuntimeInfo = RequestCode(rawValue: 28)
    public static let searchOffsetByTimestamp = RequestCode(rawValue: 29)
    public static let getMaxOffset = RequestCode(rawValue: 30)
    public static let getMinOffset = RequestCode(rawValue: 31)
    public static let getEarliestMsgStoretime = RequestCode(rawValue: 32)
    public static let viewMessageById = RequestCode(rawValue: 33)
    public static let heartBeat = RequestCode(rawValue: 34)
    public static let unregisterClient = RequestCode(rawValue: 35)
    public static let consumerSendMsgBack = RequestCode(rawValue: 36)
    public static let endTransaction = RequestCode(rawValue: 37)
    public static let getConsumerListByGroup = RequestCode(rawValue: 38)
    public static let checkTransactionState = RequestCode(rawValue: 39)
    public static let notifyConsumerIdsChanged = RequestCode(rawValue: 40)
    public static let lockBatchMq = RequestCode(rawValue: 41)
    public static let unlockBatchMq = RequestCode(rawValue: 42)
    public static let getAllConsumerOffset = RequestCode(rawValue: 43)
    public static let getAllDelayOffset = RequestCode(rawValue: 45)
    public static let checkClientConfig = RequestCode(rawValue: 46)
    public static let updateAndCreateAclConfig = RequestCode(rawValue: 50)
    public static let deleteAclConfig = RequestCode(rawValue: 51)
    public static let getBrokerClusterAclInfo = RequestCode(rawValue: 52)
    public static let updateGlobalWhiteAddrsConfig = RequestCode(rawValue: 53)
    public static let putKvConfig = RequestCode(rawValue: 100)
    public static let getKvConfig = RequestCode(rawValue: 101)
    public static let deleteKvConfig = RequestCode(rawValue: 102)
    public static let registerBroker = RequestCode(rawValue: 103)
    public static let unregisterBroker = RequestCode(rawValue: 104)
    public static let getRouteinfoByTopic = RequestCode(rawValue: 105)
    public static let getBrokerClusterInfo = RequestCode(rawValue: 106)
    public static let updateAndCreateSubscriptiongroup = RequestCode(rawValue: 200)
    public static let getAllSubscriptiongroupConfig = RequestCode(rawValue: 201)
    public static let getTopicStatsInfo = RequestCode(rawValue: 202)
    public static let getConsumerConnectionList = RequestCode(rawValue: 203)
    public static let getProducerConnectionList = RequestCode(rawValue: 204)
    public static let wipeWritePermOfBroker = RequestCode(rawValue: 205)
    public static let getAllTopicListFromNameserver = RequestCode(rawValue: 206)
    public static let deleteSubscriptiongroup = RequestCode(rawValue: 207)
    public static let getConsumeStats = RequestCode(rawValue: 208)
    public static let suspendConsumer = RequestCode(rawValue: 209)
    public static let resumeConsumer = RequestCode(rawValue: 210)
    public static let resetConsumerOffsetInConsumer = RequestCode(rawValue: 211)
    public static let resetConsumerOffsetInBroker = RequestCode(rawValue: 212)
    public static let adjustConsumerThreadPool = RequestCode(rawValue: 213)
    public static let whoConsumeTheMessage = RequestCode(rawValue: 214)
    public static let deleteTopicInBroker = RequestCode(rawValue: 215)
    public static let deleteTopicInNamesrv = RequestCode(rawValue: 216)
    public static let getKvlistByNamespace = RequestCode(rawValue: 219)
    public static let resetConsumerClientOffset = RequestCode(rawValue: 220)
    public static let getConsumerStatusFromClient = RequestCode(rawValue: 221)
    public static let invokeBrokerToResetOffset = RequestCode(rawValue: 222)
    public static let invokeBrokerToGetConsumerStatus = RequestCode(rawValue: 223)
    public static let getTopicsByCluster = RequestCode(rawValue: 224)
    public static let queryTopicConsumeByWho = RequestCode(rawValue: 300)
    public static let registerFilterServer = RequestCode(rawValue: 301)
    public static let registerMessageFilterClass = RequestCode(rawValue: 302)
    public static let queryConsumeTimeSpan = RequestCode(rawValue: 303)
    public static let getSystemTopicListFromNs = RequestCode(rawValue: 304)
    public static let getSystemTopicListFromBroker = RequestCode(rawValue: 305)
    public static let cleanExpiredConsumequeue = RequestCode(rawValue: 306)
    public static let getConsumerRunningInfo = RequestCode(rawValue: 307)
    public static let queryCorrectionOffset = RequestCode(rawValue: 308)
    public static let consumeMessageDirectly = RequestCode(rawValue: 309)
    public static let sendMessageV2 = RequestCode(rawValue: 310)
    public static let getUnitTopicList = RequestCode(rawValue: 311)
    public static let getHasUnitSubTopicList = RequestCode(rawValue: 312)
    public static let getHasUnitSubUnunitTopicList = RequestCode(rawValue: 313)
    public static let cloneGroupOffset = RequestCode(rawValue: 314)
    public static let viewBrokerStatsData = RequestCode(rawValue: 315)
    public static let cleanUnusedTopic = RequestCode(rawValue: 316)
    public static let getBrokerConsumeStats = RequestCode(rawValue: 317)
    public static let updateNamesrvConfig = RequestCode(rawValue: 318)
    public static let getNamesrvConfig = RequestCode(rawValue: 319)
    public static let sendBatchMessage = RequestCode(rawValue: 320)
    public static let queryConsumeQueue = RequestCode(rawValue: 321)
    public static let queryDataVersion = RequestCode(rawValue: 322)
    public static let resumeCheckHalfMessage = RequestCode(rawValue: 323)
    public static let sendReplyMessage = RequestCode(rawValue: 324)
    public static let sendReplyMessageV2 = RequestCode(rawValue: 325)
    public static let pushReplyMessageToClient = RequestCode(rawValue: 326)
    public static let addWritePermOfBroker = RequestCode(rawValue: 327)
    public static let getAllProducerInfo = RequestCode(rawValue: 328)
    public static let deleteExpiredCommitlog = RequestCode(rawValue: 329)
}

extension RequestCode: CustomStringConvertible {
    /// The protocol's name and number, as in `PULL_MESSAGE(11)`; only the number where there is no name.
    public var description: String {
        name.map { "\($0)(\(rawValue))" } ?? String(rawValue)
    }

    /// The name that the protocol gives this code; nil for a code outside its table.
    public var name: String? {
        switch self {
        case .sendMessage: "SEND_MESSAGE"
        case .pullMessage: "PULL_MESSAGE"
        case .queryMessage: "QUERY_MESSAGE"
        case .queryBrokerOffset: "QUERY_BROKER_OFFSET"
        case .queryConsumerOffset: "QUERY_CONSUMER_OFFSET"
        case .updateConsumerOffset: "UPDATE_CONSUMER_OFFSET"
        case .updateAndCreateTopic: "UPDATE_AND_CREATE_TOPIC"
        case .getAllTopicConfig: "GET_ALL_TOPIC_CONFIG"
        case .getTopicConfigList: "GET_TOPIC_CONFIG_LIST"
        case .getTopicNameList: "GET_TOPIC_NAME_LIST"
        case .updateBrokerConfig: "UPDATE_BROKER_CONFIG"
        case .getBrokerConfig: "GET_BROKER_CONFIG"
        case .triggerDeleteFiles: "TRIGGER_DELETE_FILES"
        case .getBrokerRuntimeInfo: "GET_BROKER_RUNTIME_INFO"
        case .searchOffsetByTimestamp: "SEARCH_OFFSET_BY_TIMESTAMP"
        case .getMaxOffset: "GET_MAX_OFFSET"
        case .getMinOffset: "GET_MIN_OFFSET"
        case .getEarliestMsgStoretime: "GET_EARLIEST_MSG_STORETIME"
        case .viewMessageById: "VIEW_MESSAGE_BY_ID"
        case .heartBeat: "HEART_BEAT"
        case .unregisterClient: "UNREGISTER_CLIENT"
        case .consumerSendMsgBack: "CONSUMER_SEND_MSG_BACK"
        case .endTransaction: "END_TRANSACTION"
        case .getConsumerListByGroup: "GET_CONSUMER_LIST_BY_GROUP"
        case .checkTransactionState: "CHECK_TRANSACTION_STATE"
        case .notifyConsumerIdsChanged: "NOTIFY_CONSUMER_IDS_CHANGED"
        case .lockBatchMq: "LOCK_BATCH_MQ"
        case .unlockBatchMq: "UNLOCK_BATCH_MQ"
        case .getAllConsumerOffset: "GET_ALL_CONSUMER_OFFSET"
        case .getAllDelayOffset: "GET_ALL_DELAY_OFFSET"
        case .checkClientConfig: "CHECK_CLIENT_CONFIG"
        case .updateAndCreateAclConfig: "UPDATE_AND_CREATE_ACL_CONFIG"
        case .deleteAclConfig: "DELETE_ACL_CONFIG"
        case .getBrokerClusterAclInfo: "GET_BROKER_CLUSTER_ACL_INFO"
        case .updateGlobalWhiteAddrsConfig: "UPDATE_GLOBAL_WHITE_ADDRS_CONFIG"
        case .putKvConfig: "PUT_KV_CONFIG"
        case .getKvConfig: "GET_KV_CONFIG"
        case .deleteKvConfig: "DELETE_KV_CONFIG"
        case .registerBroker: "REGISTER_BROKER"
        case .unregisterBroker: "UNREGISTER_BROKER"
        case .getRouteinfoByTopic: "GET_ROUTEINFO_BY_TOPIC"
        case .getBrokerClusterInfo: "GET_BROKER_CLUSTER_INFO"
        case .updateAndCreateSubscriptiongroup: "UPDATE_AND_CREATE_SUBSCRIPTIONGROUP"
        case .getAllSubscriptiongroupConfig: "GET_ALL_SUBSCRIPTIONGROUP_CONFIG"
        case .getTopicStatsInfo: "GET_TOPIC_STATS_INFO"
        case .getConsumerConnectionList: "GET_CONSUMER_CONNECTION_LIST"
        case .getProducerConnectionList: "GET_PRODUCER_CONNECTION_LIST"
        case .wipeWritePermOfBroker: "WIPE_WRITE_PERM_OF_BROKER"
        case .getAllTopicListFromNameserver: "GET_ALL_TOPIC_LIST_FROM_NAMESERVER"
        case .deleteSubscriptiongroup: "DELETE_SUBSCRIPTIONGROUP"
        case .getConsumeStats: "GET_CONSUME_STATS"
        case .suspendConsumer: "SUSPEND_CONSUMER"
        case .resumeConsumer: "RESUME_CONSUMER"
        case .resetConsumerOffsetInConsumer: "RESET_CONSUMER_OFFSET_IN_CONSUMER"
        case .resetConsumerOffsetInBroker: "RESET_CONSUMER_OFFSET_IN_BROKER"
        case .adjustConsumerThreadPool: "ADJUST_CONSUMER_THREAD_POOL"
        case .whoConsumeTheMessage: "WHO_CONSUME_THE_MESSAGE"
        case .deleteTopicInBroker: "DELETE_TOPIC_IN_BROKER"
        case .deleteTopicInNamesrv: "DELETE_TOPIC_IN_NAMESRV"
        case .getKvlistByNamespace: "GET_KVLIST_BY_NAMESPACE"
        case .resetConsumerClientOffset: "RESET_CONSUMER_CLIENT_OFFSET"
        case .getConsumerStatusFromClient: "GET_CONSUMER_STATUS_FROM_CLIENT"
        case .invokeBrokerToResetOffset: "INVOKE_BROKER_TO_RESET_OFFSET"
        case .invokeBrokerToGetConsumerStatus: "INVOKE_BROKER_TO_GET_CONSUMER_STATUS"
        case .getTopicsByCluster: "GET_TOPICS_BY_CLUSTER"
        case .queryTopicConsumeByWho: "QUERY_TOPIC_CONSUME_BY_WHO"
        case .registerFilterServer: "REGISTER_FILTER_SERVER"
        case .registerMessageFilterClass: "REGISTER_MESSAGE_FILTER_CLASS"
        case .queryConsumeTimeSpan: "QUERY_CONSUME_TIME_SPAN"
        case .getSystemTopicListFromNs: "GET_SYSTEM_TOPIC_LIST_FROM_NS"
        case .getSystemTopicListFromBroker: "GET_SYSTEM_TOPIC_LIST_FROM_BROKER"
        case .cleanExpiredConsumequeue: "CLEAN_EXPIRED_CONSUMEQUEUE"
        case .getConsumerRunningInfo: "GET_CONSUMER_RUNNING_INFO"
        case .queryCorrectionOffset: "QUERY_CORRECTION_OFFSET"
        case .consumeMessageDirectly: "CONSUME_MESSAGE_DIRECTLY"
        case .sendMessageV2: "SEND_MESSAGE_V2"
        case .getUnitTopicList: "GET_UNIT_TOPIC_LIST"
        case .getHasUnitSubTopicList: "GET_HAS_UNIT_SUB_TOPIC_LIST"
        case .getHasUnitSubUnunitTopicList: "GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST"
        case .cloneGroupOffset: "CLONE_GROUP_OFFSET"
        case .viewBrokerStatsData: "VIEW_BROKER_STATS_DATA"
        case .cleanUnusedTopic: "CLEAN_UNUSED_TOPIC"
        case .getBrokerConsumeStats: "GET_BROKER_CONSUME_STATS"
        case .updateNamesrvConfig: "UPDATE_NAMESRV_CONFIG"
        case .getNamesrvConfig: "GET_NAMESRV_CONFIG"
        case .sendBatchMessage: "SEND_BATCH_MESSAGE"
        case .queryConsumeQueue: "QUERY_CONSUME_QUEUE"
        case .queryDataVersion: "QUERY_DATA_VERSION"
        case .resumeCheckHalfMessage: "RESUME_CHECK_HALF_MESSAGE"
        case .sendReplyMessage: "SEND_REPLY_MESSAGE"
        case .sendReplyMessageV2: "SEND_REPLY_MESSAGE_V2"
        case .pushReplyMessageToClient: "PUSH_REPLY_MESSAGE_TO_CLIENT"
        case .addWritePermOfBroker: "ADD_WRITE_PERM_OF_BROKER"
        case .getAllProducerInfo: "GET_ALL_PRODUCER_INFO"
        case .deleteExpiredCommitlog: "DELETE_EXPIRED_COMMITLOG"
        default: nil
        }
    }
}
