import RMQRemoting

/// What is said of a request that this broker does not serve.
enum UnservedRequest {
    static func remark(for code: RequestCode) -> String {
        let remark = "request type \(code) not supported by this broker"
        if let feature = features.first(where: { $0.codes.contains(code) })?.name { return "\(remark): \(feature) not built yet" }
        if forNameServers.contains(code) { return remark + ": it is for a name server" }
        if forClients.contains(code) { return remark + ": it is for a client" }
        return remark
    }

    /// Requests that the reference's broker serves.
    static let features: [(codes: Set<RequestCode>, name: String)] = [
        ([.consumerSendMsgBack], "retries through the broker and dead letters are"),
        ([.endTransaction, .resumeCheckHalfMessage], "transactional messages are"),
        ([.sendReplyMessage, .sendReplyMessageV2], "request-reply is"),
        ([.updateAndCreateAclConfig, .deleteAclConfig, .getBrokerClusterAclInfo, .updateGlobalWhiteAddrsConfig], "access control is"),
        ([.invokeBrokerToResetOffset, .cloneGroupOffset, .queryCorrectionOffset], "setting the offsets of a group is"),
        ([.invokeBrokerToGetConsumerStatus, .getConsumerRunningInfo, .consumeMessageDirectly], "asking consumers through the broker is"),
        ([.queryConsumeTimeSpan, .viewBrokerStatsData, .queryConsumeQueue], "this part of the statistics is"),
    ]

    static let forNameServers: Set<RequestCode> = [
        .putKvConfig, .getKvConfig, .deleteKvConfig, .registerBroker, .unregisterBroker, .getRouteinfoByTopic, .getBrokerClusterInfo,
        .wipeWritePermOfBroker, .getAllTopicListFromNameserver, .deleteTopicInNamesrv, .getKvlistByNamespace, .getTopicsByCluster,
        .getSystemTopicListFromNs, .getUnitTopicList, .getHasUnitSubTopicList, .getHasUnitSubUnunitTopicList, .updateNamesrvConfig,
        .getNamesrvConfig, .queryDataVersion, .addWritePermOfBroker,
    ]

    static let forClients: Set<RequestCode> = [
        .checkTransactionState, .notifyConsumerIdsChanged, .resetConsumerClientOffset, .getConsumerStatusFromClient, .pushReplyMessageToClient,
    ]
}
