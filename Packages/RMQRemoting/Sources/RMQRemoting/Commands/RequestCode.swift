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
    /// A producer's message for a broker, header fields by their long names.
    public static let sendMessage = RequestCode(rawValue: 10)
    /// A consumer asks a broker for messages of a queue; may be held until some are there.
    public static let pullMessage = RequestCode(rawValue: 11)
    /// Messages of a topic by a key or a unique id, from a broker's index.
    public static let queryMessage = RequestCode(rawValue: 12)
    /// Declared in the reference and used by nobody.
    public static let queryBrokerOffset = RequestCode(rawValue: 13)
    /// The offset that a broker keeps for a group in a queue.
    public static let queryConsumerOffset = RequestCode(rawValue: 14)
    /// Stores a group's offset at a broker; usually without an answer.
    public static let updateConsumerOffset = RequestCode(rawValue: 15)
    /// Creates or changes a topic on a broker.
    public static let updateAndCreateTopic = RequestCode(rawValue: 17)
    /// The table of topics of a broker, as slaves copy it.
    public static let getAllTopicConfig = RequestCode(rawValue: 21)
    /// Declared in the reference and used by nobody.
    public static let getTopicConfigList = RequestCode(rawValue: 22)
    /// Declared in the reference and used by nobody.
    public static let getTopicNameList = RequestCode(rawValue: 23)
    /// Changes configuration keys of a running broker; the body is in the properties format.
    public static let updateBrokerConfig = RequestCode(rawValue: 25)
    /// The configuration of a broker in the properties format.
    public static let getBrokerConfig = RequestCode(rawValue: 26)
    /// Declared in the reference and used by nobody.
    public static let triggerDeleteFiles = RequestCode(rawValue: 27)
    /// What a broker does and holds, as names and values.
    public static let getBrokerRuntimeInfo = RequestCode(rawValue: 28)
    /// The offset of the first message of a queue that was stored at or after a time.
    public static let searchOffsetByTimestamp = RequestCode(rawValue: 29)
    /// The offset that the next message of a queue will have.
    public static let getMaxOffset = RequestCode(rawValue: 30)
    /// The offset of a queue's oldest message.
    public static let getMinOffset = RequestCode(rawValue: 31)
    /// When a queue's oldest message was stored.
    public static let getEarliestMsgStoretime = RequestCode(rawValue: 32)
    /// The message at a position of a broker's commit log.
    public static let viewMessageById = RequestCode(rawValue: 33)
    /// A client tells a broker its groups and subscriptions.
    public static let heartBeat = RequestCode(rawValue: 34)
    /// A client takes a group off a broker.
    public static let unregisterClient = RequestCode(rawValue: 35)
    /// A consumer gives a message back that it failed to handle.
    public static let consumerSendMsgBack = RequestCode(rawValue: 36)
    /// A producer commits or rolls back a half message.
    public static let endTransaction = RequestCode(rawValue: 37)
    /// The client ids of a group that are connected to a broker.
    public static let getConsumerListByGroup = RequestCode(rawValue: 38)
    /// A broker asks a producer what became of a transaction.
    public static let checkTransactionState = RequestCode(rawValue: 39)
    /// A broker tells a consumer that members of its group came or went; not answered.
    public static let notifyConsumerIdsChanged = RequestCode(rawValue: 40)
    /// A consumer takes queues for itself alone, for a while.
    public static let lockBatchMq = RequestCode(rawValue: 41)
    /// A consumer gives such queues back.
    public static let unlockBatchMq = RequestCode(rawValue: 42)
    /// The table of offsets of a broker, as slaves copy it.
    public static let getAllConsumerOffset = RequestCode(rawValue: 43)
    /// How far delayed messages are delivered, as slaves copy it.
    public static let getAllDelayOffset = RequestCode(rawValue: 45)
    /// A consumer asks whether its filter expression can be used.
    public static let checkClientConfig = RequestCode(rawValue: 46)
    /// Creates or changes an account of access control.
    public static let updateAndCreateAclConfig = RequestCode(rawValue: 50)
    /// Deletes an account of access control.
    public static let deleteAclConfig = RequestCode(rawValue: 51)
    /// The version of a broker's access control.
    public static let getBrokerClusterAclInfo = RequestCode(rawValue: 52)
    /// Replaces the addresses that need no account.
    public static let updateGlobalWhiteAddrsConfig = RequestCode(rawValue: 53)
    /// Keeps a value at a name server.
    public static let putKvConfig = RequestCode(rawValue: 100)
    /// A value that a name server keeps.
    public static let getKvConfig = RequestCode(rawValue: 101)
    /// Forgets a value that a name server keeps.
    public static let deleteKvConfig = RequestCode(rawValue: 102)
    /// A broker tells a name server its addresses and topics.
    public static let registerBroker = RequestCode(rawValue: 103)
    /// A broker that stops takes itself off a name server.
    public static let unregisterBroker = RequestCode(rawValue: 104)
    /// The brokers and queues of a topic, from a name server.
    public static let getRouteinfoByTopic = RequestCode(rawValue: 105)
    /// All clusters and brokers that a name server knows.
    public static let getBrokerClusterInfo = RequestCode(rawValue: 106)
    /// Creates or changes a consumer group on a broker.
    public static let updateAndCreateSubscriptiongroup = RequestCode(rawValue: 200)
    /// The table of consumer groups of a broker, as slaves copy it.
    public static let getAllSubscriptiongroupConfig = RequestCode(rawValue: 201)
    /// First and last offset of each queue of a topic on a broker.
    public static let getTopicStatsInfo = RequestCode(rawValue: 202)
    /// The members of a consumer group that are connected to a broker.
    public static let getConsumerConnectionList = RequestCode(rawValue: 203)
    /// The members of a producer group that are connected to a broker.
    public static let getProducerConnectionList = RequestCode(rawValue: 204)
    /// Has a name server take the right to write off all topics of a broker.
    public static let wipeWritePermOfBroker = RequestCode(rawValue: 205)
    /// The names of all topics that a name server knows.
    public static let getAllTopicListFromNameserver = RequestCode(rawValue: 206)
    /// Deletes a consumer group on a broker.
    public static let deleteSubscriptiongroup = RequestCode(rawValue: 207)
    /// How far a group is in each queue of a broker.
    public static let getConsumeStats = RequestCode(rawValue: 208)
    /// Declared in the reference and used by nobody.
    public static let suspendConsumer = RequestCode(rawValue: 209)
    /// Declared in the reference and used by nobody.
    public static let resumeConsumer = RequestCode(rawValue: 210)
    /// Declared in the reference and used by nobody.
    public static let resetConsumerOffsetInConsumer = RequestCode(rawValue: 211)
    /// Declared in the reference and used by nobody.
    public static let resetConsumerOffsetInBroker = RequestCode(rawValue: 212)
    /// Declared in the reference and used by nobody.
    public static let adjustConsumerThreadPool = RequestCode(rawValue: 213)
    /// Declared in the reference and used by nobody.
    public static let whoConsumeTheMessage = RequestCode(rawValue: 214)
    /// Deletes a topic on a broker.
    public static let deleteTopicInBroker = RequestCode(rawValue: 215)
    /// Has a name server forget a topic.
    public static let deleteTopicInNamesrv = RequestCode(rawValue: 216)
    /// All values of a namespace that a name server keeps.
    public static let getKvlistByNamespace = RequestCode(rawValue: 219)
    /// A broker tells a consumer to go on at other offsets.
    public static let resetConsumerClientOffset = RequestCode(rawValue: 220)
    /// A broker asks a consumer for its offsets.
    public static let getConsumerStatusFromClient = RequestCode(rawValue: 221)
    /// Has a broker move a group to the offsets of a time.
    public static let invokeBrokerToResetOffset = RequestCode(rawValue: 222)
    /// Has a broker ask the members of a group for their offsets.
    public static let invokeBrokerToGetConsumerStatus = RequestCode(rawValue: 223)
    /// The names of the topics of one cluster, from a name server.
    public static let getTopicsByCluster = RequestCode(rawValue: 224)
    /// The groups that consume a topic, as a broker knows them.
    public static let queryTopicConsumeByWho = RequestCode(rawValue: 300)
    /// A filter server of old clients tells a broker its address.
    public static let registerFilterServer = RequestCode(rawValue: 301)
    /// An old client gives a filter server its class.
    public static let registerMessageFilterClass = RequestCode(rawValue: 302)
    /// The times of the first, the last and the consumed message of each queue of a group.
    public static let queryConsumeTimeSpan = RequestCode(rawValue: 303)
    /// The system's topics, and the address of one broker, from a name server.
    public static let getSystemTopicListFromNs = RequestCode(rawValue: 304)
    /// The system's topics that a broker has.
    public static let getSystemTopicListFromBroker = RequestCode(rawValue: 305)
    /// Has a broker delete consume queues whose messages are gone.
    public static let cleanExpiredConsumequeue = RequestCode(rawValue: 306)
    /// What a consumer does and holds, through its broker.
    public static let getConsumerRunningInfo = RequestCode(rawValue: 307)
    /// The least offsets of a group's queues, compared with other groups.
    public static let queryCorrectionOffset = RequestCode(rawValue: 308)
    /// Has one consumer take one message at once, through its broker.
    public static let consumeMessageDirectly = RequestCode(rawValue: 309)
    /// As `sendMessage`, header fields by one letter each.
    public static let sendMessageV2 = RequestCode(rawValue: 310)
    /// The topics of a unit, from a name server.
    public static let getUnitTopicList = RequestCode(rawValue: 311)
    /// The topics that a unit subscribes to, from a name server.
    public static let getHasUnitSubTopicList = RequestCode(rawValue: 312)
    /// The topics that a unit subscribes to and that belong to none, from a name server.
    public static let getHasUnitSubUnunitTopicList = RequestCode(rawValue: 313)
    /// Gives a group the offsets of another one.
    public static let cloneGroupOffset = RequestCode(rawValue: 314)
    /// One of a broker's statistics, by the minute, the hour and the day.
    public static let viewBrokerStatsData = RequestCode(rawValue: 315)
    /// Has a broker delete consume queues of topics that are gone.
    public static let cleanUnusedTopic = RequestCode(rawValue: 316)
    /// How far all groups of a broker are.
    public static let getBrokerConsumeStats = RequestCode(rawValue: 317)
    /// Changes configuration keys of a running name server.
    public static let updateNamesrvConfig = RequestCode(rawValue: 318)
    /// The configuration of a name server in the properties format.
    public static let getNamesrvConfig = RequestCode(rawValue: 319)
    /// Several messages of one topic, header fields as in `sendMessageV2`.
    public static let sendBatchMessage = RequestCode(rawValue: 320)
    /// Entries of a consume queue, and which of them a group gets.
    public static let queryConsumeQueue = RequestCode(rawValue: 321)
    /// A broker asks a name server whether its table of topics is still the same.
    public static let queryDataVersion = RequestCode(rawValue: 322)
    /// Has a broker ask once more about a half message that it had given up.
    public static let resumeCheckHalfMessage = RequestCode(rawValue: 323)
    /// A consumer's reply to a request, header fields by their long names.
    public static let sendReplyMessage = RequestCode(rawValue: 324)
    /// As `sendReplyMessage`, header fields by one letter each.
    public static let sendReplyMessageV2 = RequestCode(rawValue: 325)
    /// A broker hands a reply to the client that asked.
    public static let pushReplyMessageToClient = RequestCode(rawValue: 326)
    /// Has a name server give the right to write back to all topics of a broker.
    public static let addWritePermOfBroker = RequestCode(rawValue: 327)
    /// All producers that are connected to a broker, by group.
    public static let getAllProducerInfo = RequestCode(rawValue: 328)
    /// Has a broker delete files of its log that are past their time.
    public static let deleteExpiredCommitlog = RequestCode(rawValue: 329)
    /// The masters that a broker's log has had, as RocketMQ 5 asks for them.
    public static let getBrokerEpochCache = RequestCode(rawValue: 1007)
    /// Makes a running broker a master or a slave. A code of this project: no release of RocketMQ has it.
    public static let changeBrokerRole = RequestCode(rawValue: 1908)
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
        case .getBrokerEpochCache: "GET_BROKER_EPOCH_CACHE"
        case .changeBrokerRole: "CHANGE_BROKER_ROLE"
        default: nil
        }
    }
}
