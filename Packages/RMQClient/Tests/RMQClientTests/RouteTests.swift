import RMQClient
import RMQCommon
import RMQRemoting
import RMQTestSupport
import Testing

@Suite(.takesTurns) struct RouteTests {
    private func route(_ queues: [QueueData], order: String? = nil, publishLimit: Int32? = nil) -> TopicRoute {
        var data = TopicRouteData(
            queues: queues,
            brokers: [
                BrokerData(cluster: "c", brokerName: "b", addresses: [0: "10.0.0.2:10911", 1: "10.0.0.3:10911"]),
                BrokerData(cluster: "c", brokerName: "a", addresses: [0: "10.0.0.1:10911"]),
                BrokerData(cluster: "c", brokerName: "replica-only", addresses: [1: "10.0.0.4:10911"]),
            ])
        data.orderTopicConfiguration = order
        return TopicRoute(topic: "T", data: data, publishLimit: publishLimit)
    }

    private func queue(_ broker: String, read: Int32 = 2, write: Int32 = 2, permission: Permission = .readWrite) -> QueueData {
        QueueData {
            $0.brokerName = broker
            $0.readQueueCount = read
            $0.writeQueueCount = write
            $0.permission = permission
        }
    }

    @Test func queuesAreSortedByBrokerNameAndId() {
        let route = route([queue("b", read: 3), queue("a", read: 1)])
        #expect(route.publishQueues.map { "\($0.brokerName)\($0.queueId)" } == ["a0", "a1", "b0", "b1"])
        #expect(route.subscribeQueues.map { "\($0.brokerName)\($0.queueId)" } == ["a0", "b0", "b1", "b2"])
    }

    @Test func publishingNeedsAMasterAndReadingDoesNot() {
        let route = route([queue("replica-only")])
        #expect(route.publishQueues.isEmpty)
        #expect(route.subscribeQueues.count == 2)
    }

    @Test func permissionsDecideWhatAQueueIsGoodFor() {
        let route = route([queue("a", permission: .read), queue("b", permission: .write)])
        #expect(route.publishQueues.map(\.brokerName) == ["b", "b"])
        #expect(route.subscribeQueues.map(\.brokerName) == ["a", "a"])
    }

    @Test func anOrderConfigurationFixesTheQueuesEvenOfBrokersThatAreDown() {
        let route = route([queue("a")], order: "a:1;gone:2;nonsense")
        #expect(route.isOrdered)
        #expect(route.publishQueues.map { "\($0.brokerName)\($0.queueId)" } == ["a0", "gone0", "gone1"])
    }

    @Test func aTemplateGivesTheWantedQueuesUpToItsReadQueues() {
        #expect(route([queue("a", read: 8, write: 8)], publishLimit: 4).publishQueues.count == 4)
        #expect(route([queue("a", read: 2, write: 8)], publishLimit: 4).publishQueues.count == 2)
    }

    @Test func manyAbsurdQueueCountsAreBoundedTogether() {
        let order = (0..<1_000).map { "b\($0):65536" }.joined(separator: ";")
        #expect(route([], order: order).publishQueues.count == 262_144)
    }

    @Test func absurdQueueCountsAreBounded() {
        #expect(route([queue("a", read: .max, write: -5)]).subscribeQueues.count == 65_536)
        #expect(route([queue("a", read: .max, write: -5)]).publishQueues.isEmpty)
    }
}
