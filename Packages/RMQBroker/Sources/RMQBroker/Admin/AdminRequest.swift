import RMQCommon
import RMQRemoting

/// The requests of administrators and tools. They run on a worker and may read files and wait.
struct AdminRequest: Sendable {
    let answer: @Sendable (RemotingCommand, BrokerState) throws -> RemotingCommand

    init?(_ code: RequestCode) {
        switch code {
        case .updateAndCreateTopic: answer = TopicAdmin.update
        case .deleteTopicInBroker: answer = TopicAdmin.delete
        case .getAllTopicConfig: answer = TopicAdmin.all
        case .getTopicStatsInfo: answer = TopicAdmin.statistics
        case .getSystemTopicListFromBroker: answer = TopicAdmin.systemTopics
        case .cleanUnusedTopic: answer = TopicAdmin.cleanUnused
        case .cleanExpiredConsumequeue: answer = BrokerAdmin.removeExpiredQueues
        case .deleteExpiredCommitlog: answer = BrokerAdmin.deleteExpiredLog
        case .queryTopicConsumeByWho: answer = GroupAdmin.groupsOfTopic
        case .updateAndCreateSubscriptiongroup: answer = GroupAdmin.update
        case .getAllSubscriptiongroupConfig: answer = GroupAdmin.all
        case .deleteSubscriptiongroup: answer = GroupAdmin.delete
        case .getConsumerConnectionList: answer = GroupAdmin.consumerConnections
        case .getProducerConnectionList: answer = GroupAdmin.producerConnections
        case .getAllProducerInfo: answer = GroupAdmin.allProducers
        case .getConsumeStats: answer = ConsumeStatsAdmin.ofGroup
        case .getBrokerConsumeStats: answer = ConsumeStatsAdmin.ofBroker
        case .getBrokerConfig: answer = BrokerAdmin.configuration
        case .updateBrokerConfig: answer = BrokerAdmin.updateConfiguration
        case .getBrokerRuntimeInfo: answer = BrokerAdmin.runtimeInfo
        case .searchOffsetByTimestamp: answer = OffsetRequests.search
        case .getEarliestMsgStoretime: answer = OffsetRequests.earliestStoreTime
        case .queryMessage: answer = QueryRequests.byKey
        case .viewMessageById: answer = QueryRequests.byOffset
        case .getAllDelayOffset: answer = OffsetRequests.allDelayOffsets
        case .getAllConsumerOffset: answer = OffsetRequests.allConsumerOffsets
        default: return nil
        }
    }
}
