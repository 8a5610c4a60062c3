import Glibc
import RMQClient
import RMQCommon

/// One client, and what it was told to do.
actor Session {
    private let client: RocketMQClient
    private var producers: [ByteText: Producer] = [:]
    private var sendings: [Sending] = []
    private var consumings: [ByteText: Consuming] = [:]
    private var remains = Remains()

    /// Intervals are short, so that what would happen in half a minute happens in a second.
    init(nameServers: String) throws {
        var configuration = RocketMQClient.Configuration(nameServers: nameServers)
        configuration.routeRefreshInterval = .seconds(1)
        configuration.heartbeatInterval = .seconds(1)
        client = try RocketMQClient(configuration)
        remains.watch(client, "client")
    }

    func follow(_ order: JSONObject) async throws {
        switch ByteText(try order.string("do")) {
        case "send": try await send(order)
        case "stop": await end { $0.stop() }
        case "cancel": await end { $0.cancel() }
        case "consume": try await consume(order)
        case "close": await consumings[try order.string("group")]?.close(grace: .milliseconds(try order.int64("grace", default: 10_000)))
        case "abandon": await consumings[try order.string("group")]?.abandon()
        default: throw UnknownOrder(order: order)
        }
    }

    private func send(_ order: JSONObject) async throws {
        let group = try order.string("group", default: "fault_producer")
        let producer: Producer
        if let known = producers[group] {
            producer = known
        } else {
            var settings = ProducerConfiguration()
            if try order.optional("avoids") ?? false { settings.faultAvoidance = .standard }
            producer = try await client.makeProducer(group: group, settings)
            producers[group] = producer
            remains.watch(producer, "producer \(group)")
        }
        sendings.append(Sending(try SendOrder(order), producer))
    }

    private func end(_ how: (Sending) -> Void) async {
        sendings.forEach(how)
        for sending in sendings { await sending.ended() }
        sendings = []
        report("stopped", [:])
    }

    private func consume(_ order: JSONObject) async throws {
        let group = try order.string("group")
        let way = try order.string("by", default: "each")
        guard !way.isExactly("poll") else {
            let consumer = try await client.makeLitePullConsumer(group: group, pollSettings)
            remains.watch(consumer, "consumer \(group)")
            for topic in try order.topics() { try await consumer.subscribe(to: topic) }
            consumings[group] = Consuming(poll: consumer)
            return
        }
        let consumer = try await client.makePushConsumer(group: group, settings)
        remains.watch(consumer, "consumer \(group)")
        for topic in try order.topics() { try await consumer.subscribe(to: topic) }
        consumings[group] = switch ByteText(way) {
        case "each": Consuming(each: consumer)
        case "ordered": Consuming(ordered: consumer)
        case "loop": Consuming(loop: consumer)
        default: throw UnknownOrder(order: order)
        }
    }

    private var settings: ConsumerConfiguration {
        var settings = ConsumerConfiguration()
        settings.start = .first
        settings.rebalanceInterval = .seconds(1)
        settings.offsetPersistenceInterval = .seconds(1)
        settings.consumeTimeout = .seconds(1)
        settings.redeliveryDelay = .milliseconds(100)
        settings.errorDelay = .milliseconds(100)
        settings.orderedSuspendInterval = .milliseconds(100)
        return settings
    }

    private var pollSettings: LitePullConfiguration {
        var settings = LitePullConfiguration()
        settings.start = .first
        settings.autoCommitInterval = .seconds(1)
        settings.rebalanceInterval = .seconds(1)
        settings.offsetPersistenceInterval = .seconds(1)
        settings.errorDelay = .milliseconds(100)
        return settings
    }

    /// Ends everything, and says what there was.
    func end() async -> Remains {
        await end { $0.stop() }
        await client.shutdown(gracePeriod: .seconds(1))
        for consuming in consumings.values { await consuming.ended() }
        (sendings, producers, consumings) = ([], [:], [:])
        return remains
    }
}

struct UnknownOrder: Error {
    let order: JSONObject
}

extension JSONObject {
    /// One topic, or so many of that name and a number.
    func topics() throws -> [String] {
        let name = try string("topic")
        let count = try int64("topics", default: 0)
        return count == 0 ? [name] : (0..<count).map { "\(name)\($0)" }
    }
}

/// Tells the script what happened. One call a line: lines of several tasks do not mix, and nothing is kept back.
func report(_ event: String, _ more: JSONObject) {
    var object = JSONObject()
    object.append("event", .string(event))
    object.members += more.members
    let line = JSONValue.object(object).bytes(.standard) + [0x0A]
    _ = line.withUnsafeBytes { write(1, $0.baseAddress, $0.count) }
}
