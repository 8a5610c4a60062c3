import RMQCommon
import RMQRemoting
import Testing

@testable import RMQClient
import RMQTestSupport

/// What a client keeps, with two names that are equal as `String` and differ in their bytes.
@Suite(.takesTurns) struct LookAlikeTests {
    static let lookAlikes = [("\u{304C}", "\u{304B}\u{3099}"), ("\u{212A}", "K")]

    @Test("Case 1.2: the client's own look at a tag", arguments: lookAlikes) func aFilterGoesByBytes(_ first: String, _ second: String) throws {
        let both = try SubscriptionFilter("\(first) || \(second)")
        #expect(both == .tags([ByteText(first), ByteText(second)]))
        #expect(both.tagHashes == [JavaString.hash(first), JavaString.hash(second)])
        let one = try SubscriptionFilter(first)
        #expect(one.accepts(tag: first))
        #expect(!one.accepts(tag: second))
        #expect(one != .tags([ByteText(second)]))
    }

    @Test("Case 1.3: routes by topic, brokers by name", arguments: lookAlikes) func routesAreApart(_ first: String, _ second: String) {
        let table = KnownRoutes()
        let data = TopicRouteData(
            queues: [first, second].map { name in
                QueueData {
                    $0.brokerName = name
                    $0.readQueueCount = 1
                    $0.writeQueueCount = 1
                    $0.permission = .readWrite
                }
            },
            brokers: [first, second].map { BrokerData(cluster: "c", brokerName: $0, addresses: [0: $0 + ":1"]) })
        let route = TopicRoute(topic: first, data: data)
        #expect(table.store(route))
        #expect(table[second] == nil)
        #expect(route.publishQueues.count == 2)
        for name in [first, second] { #expect(route.master(of: name).map { ByteText($0) } == ByteText(name + ":1")) }
        #expect(table.brokerAddresses.masters == [ByteText(first + ":1"), ByteText(second + ":1")])
        var other = data
        other.brokers[0].addresses[0] = second + ":1"
        #expect(table.store(TopicRoute(topic: first, data: other)), "another address is another route")
    }

    @Test("Case 1.3: groups of one client", arguments: lookAlikes) func groupsAreApart(_ first: String, _ second: String) {
        let groups = GroupRegistry()
        #expect(groups.addProducer(first))
        #expect(groups.addProducer(second))
        groups.removeProducer(first)
        #expect(groups.producers.map { ByteText($0) } == [ByteText(second)])
    }

    @Test("Case 1.3: members that share queues", arguments: lookAlikes) func eachMemberHasItsShare(_ first: String, _ second: String) throws {
        let queues = (0..<4).map { MessageQueue(topic: "T", brokerName: "b", queueId: $0) }
        for allocation in [AveragedAllocation(), CircularAllocation()] as [any QueueAllocation] {
            let shares = try [first, second].map { try allocation.allocate(queues: queues, members: [first, second], to: $0) }
            #expect(Set(shares.joined()) == Set(queues))
            #expect(shares[1].count == 2)
        }
    }
}
