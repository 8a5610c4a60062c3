import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

/// The recorded JSON bodies of every code in scope pass through the typed body and come out equal.
@Suite(.takesTurns) struct GoldenBodyTests {
    @Test func bodiesKeepTheirMeaning() throws {
        var checked: Set<Int32> = []
        for golden in try Golden.frames {
            guard let type = bodyType(golden), let text = golden.bodyText else { continue }
            let recorded = try JSONValue(parsing: text)
            let body = try type.init(json: recorded)
            // Newer clients are given routes with quoted number keys; everything else is in the compact form.
            let style: JSONStyle = text.contains(#""brokerAddrs":{""#) ? .browserCompatible : .fastjson
            let written = try JSONValue(parsing: body.json.bytes(style)) == recorded
            #expect(written, "\(golden.place)")
            checked.insert(golden.requestCode)
        }
        #expect(checked.count == 34)
    }

    private func bodyType(_ golden: GoldenFrame) -> (any JSONBody.Type)? {
        switch (RequestCode(rawValue: golden.requestCode), golden.isResponse) {
        case (.getAllTopicConfig, true): TopicConfigTable.self
        case (.getBrokerRuntimeInfo, true), (.registerBroker, true), (.getKvlistByNamespace, true): KeyValueTable.self
        case (.heartBeat, false): HeartbeatData.self
        case (.getConsumerListByGroup, true): ConsumerIdList.self
        case (.lockBatchMq, false), (.unlockBatchMq, false): LockBatchRequest.self
        case (.lockBatchMq, true): LockBatchResponse.self
        case (.getAllConsumerOffset, true): ConsumerOffsetTable.self
        case (.registerBroker, false): RegisterBrokerBody.self
        case (.getRouteinfoByTopic, true): TopicRouteData.self
        case (.getBrokerClusterInfo, true): ClusterInfo.self
        case (.updateAndCreateSubscriptiongroup, false): SubscriptionGroupConfig.self
        case (.getAllSubscriptiongroupConfig, true): SubscriptionGroupTable.self
        case (.getTopicStatsInfo, true): TopicStatsTable.self
        case (.getConsumerConnectionList, true): ConsumerConnection.self
        case (.getProducerConnectionList, true): ProducerConnection.self
        case (.getAllTopicListFromNameserver, true), (.getTopicsByCluster, true), (.getSystemTopicListFromNs, true),
            (.getSystemTopicListFromBroker, true), (.getUnitTopicList, true), (.getHasUnitSubTopicList, true),
            (.getHasUnitSubUnunitTopicList, true):
            TopicList.self
        case (.getConsumeStats, true): ConsumeStats.self
        case (.queryConsumeQueue, true): ConsumeQueueEntries.self
        case (.invokeBrokerToResetOffset, true), (.resetConsumerClientOffset, false): ResetOffsets.self
        case (.getConsumerStatusFromClient, true), (.invokeBrokerToGetConsumerStatus, true): ConsumerStatus.self
        case (.queryCorrectionOffset, true): CorrectionOffsets.self
        case (.queryDataVersion, _): DataVersion.self
        case (.getAllProducerInfo, true): ProducerTableInfo.self
        case (.viewBrokerStatsData, true): BrokerStatsData.self
        case (.getConsumerRunningInfo, true): ConsumerRunningInfo.self
        case (.consumeMessageDirectly, true): ConsumeDirectlyResult.self
        case (.checkClientConfig, false): CheckClientRequest.self
        default: nil
        }
    }
}
