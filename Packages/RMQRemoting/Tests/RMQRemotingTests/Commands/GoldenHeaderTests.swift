import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

/// The recorded header fields of every code in scope pass through the typed header and come out the same.
@Suite(.takesTurns) struct GoldenHeaderTests {
    @Test func requestHeaders() throws {
        let checked = try check { requestHeader(for: $0.requestCode) } where: { !$0.isResponse }
        #expect(checked > 100)
    }

    @Test func responseHeaders() throws {
        // An answer of failure has no header; nor has the fields of one.
        let checked = try check { responseHeader(for: $0.requestCode) } where: {
            $0.isResponse && $0.header["code"]?.asInt32 == 0 && $0.header["extFields"]?.asObject?.isEmpty == false
        }
        #expect(checked > 20)
    }

    private func check(
        _ type: (GoldenFrame) -> (any CommandHeader.Type)?, where isWanted: (GoldenFrame) -> Bool
    ) throws -> Int {
        var checked = 0
        for golden in try Golden.frames where isWanted(golden) {
            guard let type = type(golden) else { continue }
            let command = try RemotingCommand.decode(frame: golden.content)
            let recorded = command.fields ?? [:]
            let written = try type.init(recorded).fields
            for field in recorded where !["AccessKey", "Signature", "ReqT"].contains(field.name) {
                #expect(written[field.name] == field.value, "\(field.name) in \(golden.place)")
            }
            for field in written where recorded[field.name] == nil {
                // A field that the peer left empty, or left to its default, may be written out.
                #expect(["", "0", "false"].contains(field.value), "\(field.name) in \(golden.place)")
            }
            checked += 1
        }
        return checked
    }

    private func requestHeader(for code: Int32) -> (any CommandHeader.Type)? {
        switch RequestCode(rawValue: code) {
        case .sendMessage: SendMessageHeader.self
        case .sendMessageV2, .sendBatchMessage, .sendReplyMessageV2: SendMessageHeaderV2.self
        case .pushReplyMessageToClient: ReplyPushHeader.self
        case .invokeBrokerToResetOffset: ResetOffsetHeader.self
        case .invokeBrokerToGetConsumerStatus: ConsumerStatusHeader.self
        case .queryConsumeTimeSpan: ConsumeTimeSpanHeader.self
        case .getConsumerRunningInfo: ConsumerRunningInfoHeader.self
        case .queryCorrectionOffset: CorrectionOffsetHeader.self
        case .consumeMessageDirectly: ConsumeDirectlyHeader.self
        case .cloneGroupOffset: CloneOffsetsHeader.self
        case .consumerSendMsgBack: SendBackHeader.self
        case .pullMessage: PullMessageHeader.self
        case .queryConsumerOffset: QueryConsumerOffsetHeader.self
        case .updateConsumerOffset: UpdateConsumerOffsetHeader.self
        case .updateAndCreateTopic: CreateTopicHeader.self
        case .searchOffsetByTimestamp: SearchOffsetHeader.self
        case .getMaxOffset, .getMinOffset, .getEarliestMsgStoretime: QueueHeader.self
        case .queryMessage: QueryMessageHeader.self
        case .viewMessageById: ViewMessageHeader.self
        case .endTransaction: EndTransactionHeader.self
        case .checkTransactionState: CheckTransactionHeader.self
        case .resumeCheckHalfMessage: ResumeCheckHeader.self
        case .unregisterClient: UnregisterClientHeader.self
        case .getConsumerListByGroup, .notifyConsumerIdsChanged, .getConsumerConnectionList: ConsumerGroupHeader.self
        case .putKvConfig: PutKeyValueHeader.self
        case .getKvConfig, .deleteKvConfig: KeyHeader.self
        case .registerBroker: RegisterBrokerHeader.self
        case .unregisterBroker: UnregisterBrokerHeader.self
        case .getRouteinfoByTopic: RouteHeader.self
        case .getTopicStatsInfo, .deleteTopicInBroker: TopicHeader.self
        case .getProducerConnectionList: ProducerGroupHeader.self
        case .wipeWritePermOfBroker, .addWritePermOfBroker: BrokerNameHeader.self
        case .deleteSubscriptiongroup: DeleteSubscriptionGroupHeader.self
        case .getConsumeStats: ConsumeStatsHeader.self
        case .deleteTopicInNamesrv: DeleteTopicInNameServerHeader.self
        case .getKvlistByNamespace: NamespaceHeader.self
        case .getTopicsByCluster: ClusterHeader.self
        case .queryConsumeQueue: QueryConsumeQueueHeader.self
        case .queryDataVersion: QueryDataVersionHeader.self
        case .viewBrokerStatsData: BrokerStatsHeader.self
        case .getBrokerConsumeStats: BrokerConsumeStatsHeader.self
        case .updateAndCreateAclConfig: AccountHeader.self
        case .deleteAclConfig: DeleteAccountHeader.self
        case .updateGlobalWhiteAddrsConfig: GlobalWhiteAddressesHeader.self
        default: nil
        }
    }

    private func responseHeader(for code: Int32) -> (any CommandHeader.Type)? {
        switch RequestCode(rawValue: code) {
        case .sendMessage, .sendMessageV2, .sendBatchMessage, .sendReplyMessageV2: SendMessageResponseHeader.self
        case .pullMessage: PullMessageResponseHeader.self
        case .queryConsumerOffset, .searchOffsetByTimestamp, .getMaxOffset, .getMinOffset: OffsetResponseHeader.self
        case .queryMessage: QueryMessageResponseHeader.self
        case .getEarliestMsgStoretime: StoreTimeResponseHeader.self
        case .getBrokerConfig: BrokerConfigurationResponseHeader.self
        case .getKvConfig: KeyValueResponseHeader.self
        case .registerBroker: RegisterBrokerResponseHeader.self
        case .wipeWritePermOfBroker: WipeWritePermissionResponseHeader.self
        case .addWritePermOfBroker: AddWritePermissionResponseHeader.self
        case .queryDataVersion: QueryDataVersionResponseHeader.self
        case .getBrokerClusterAclInfo: AccessVersionResponseHeader.self
        default: nil
        }
    }
}
