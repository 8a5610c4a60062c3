@testable import RMQBroker
import Foundation
import RMQCommon
import RMQRemoting
import RMQStore
import RMQTestSupport
import Testing

/// Every request that was recorded at the reference's brokers gets from this one an answer of the same form: the code, the header
/// fields, and the form of the body.
///
/// The broker is the recorded one as far as it can be: its store, its topics, groups and offsets, and clients by the recorded names.
@Suite(.takesTurns) struct RecordedRequestTests {
    /// What the recorded clients asked for that was not there.
    private static let unknown = ["NoSuchTopic", "nobody", "nobody@1", "golden_nobody", "bad topic!", "NO_SUCH_STAT", "99999999"]

    private static let groups = ["golden_consumer", "golden_tag_consumer", "golden_orderly_consumer", "golden_rpc_consumer", "golden_litepull"]
    private static let topics = ["GoldenPlain", "GoldenOrdered", "GoldenAsync", "GoldenRpc"]

    private static let recorded = Result { try RecordedExchanges() }

    @Test(arguments: try recorded.get().requestCodes)
    func theAnswerHasTheRecordedForm(code: Int32) async throws {
        let recorded = try Self.recorded.get()
        let answers = recorded.answers(code)
        let store = try TemporaryFolder()
        let root = store.sub("store")
        try FileManager.default.copyItem(atPath: GoldenData.path("store-clean"), toPath: root)
        let files = [
            "topics.json": recorded.fullestBody(RequestCode.getAllTopicConfig.rawValue),
            "subscriptionGroup.json": recorded.fullestBody(RequestCode.getAllSubscriptiongroupConfig.rawValue),
            "consumerOffset.json": recorded.fullestBody(RequestCode.getAllConsumerOffset.rawValue),
        ]
        let accounts = AccountRows.files(for: RequestCode(rawValue: code))
        try await withPeer(files: files, configurationFile: "brokerName=golden-a\n", accounts: accounts, { configuration in
            configuration.brokerName = "golden-a"
            configuration.brokerClusterName = "GoldenCluster"
            configuration.store.rootDirectory = root
            configuration.store.segmentBytes = 1 << 20
            configuration.store.consumeQueueFileBytes = 6_000
            configuration.store.indexSlotCount = 1_000
            configuration.store.indexEntryCount = 4_000
            configuration.filtersByExpression = true
            // No pull waits for a message that does not come.
            configuration.longPolling = false
            configuration.shortPollingMilliseconds = 1
        }) { peer in
            let members = try await connectMembers(peer, recorded)
            for request in recorded.requests(code) where !Self.differs(request) {
                if request.isOneway {
                    try await peer.client.sendOneway(request, to: peer.address)
                    // It was taken, and the connection is still good.
                    #expect(try await peer.ask(.getMaxOffset, ["topic": "GoldenPlain", "queueId": "0"]).code == 0)
                    continue
                }
                let answer = try await peer.client.request(request, to: peer.address, timeout: .generous)
                let shape = AnswerShape(answer)
                let allowed = Self.allowed(request, answers).map { AnswerShape($0) }
                #expect(
                    allowed.contains { shape.fits($0) },
                    """
                    \(RequestCode(rawValue: code)) \(request.fields?.map { "\($0.name)=\($0.value)" }.joined(separator: " ") ?? ""): \
                    ours is \(shape) (\(answer.remark ?? "")), recorded \(allowed.map(\.description).joined(separator: " or "))
                    """)
            }
            withExtendedLifetime(members) {}
        }
    }

    /// The log of the recorded broker was longer than the store that is copied when its second message was sent back. Of a queue's
    /// entries no answer was recorded that shows a group's subscription beside them.
    private static func differs(_ request: RemotingCommand) -> Bool {
        switch RequestCode(rawValue: request.code) {
        case .queryConsumeQueue: request.fields?["consumerGroup"] != nil
        case .consumerSendMsgBack: request.fields?["offset"]?.isExactly("32154") == true
        default: false
        }
    }

    /// The recorded answers to a code; refusals only, where there are any, for what asks for something that was not there. The recording
    /// holds two answers of each form, and not always the request of each.
    private static func allowed(_ request: RemotingCommand, _ answers: [RemotingCommand]) -> [RemotingCommand] {
        let asksForNothing = request.fields?.contains { field in unknown.contains { field.value.isExactly($0) } } == true
        let refusals = answers.filter { $0.code != 0 }
        return asksForNothing && !refusals.isEmpty ? refusals : answers
    }

    /// Clients that are online under the recorded names, and answer what brokers ask as the recorded ones did.
    private func connectMembers(_ peer: Peer, _ recorded: RecordedExchanges) async throws -> [RemotingClient] {
        var clients: [RemotingClient] = []
        for clientId in ["192.0.2.2@golden_consumer", "192.0.2.2@ord", "192.0.2.2@rp"] {
            let client = peer.anotherClient()
            client.setRequestHandler { request, _ in recorded.clientAnswer(request.code) }
            clients.append(client)
            let heartbeat = HeartbeatData {
                $0.clientId = clientId
                $0.producers = [ProducerData(group: "golden_producer"), ProducerData(group: "golden_replier_producer")]
                $0.consumers = Self.groups.map { group in
                    ConsumerData {
                        $0.group = group
                        $0.subscriptions = (Self.topics + ["%RETRY%" + group]).map { SubscriptionData(topic: $0, tagExpression: "*", version: .max) }
                    }
                }
            }
            #expect(try await peer.ask(.heartBeat, body: heartbeat.body, from: client).code == 0)
        }
        return clients
    }
}
