import RMQCommon
import RMQRemoting

/// Answers what brokers ask of the consumers of a client, and does what they are told: codes 40, 220, 221, 307 and 309.
struct ClientQuestions: Sendable {
    let groups: GroupRegistry
    let statistics: ClientStatistics
    let nameServers: [String]
    let logger: Logger

    /// Has the questions of brokers answered from now on.
    func register(at requests: ServerRequests) {
        requests.register(.notifyConsumerIdsChanged) { try membersChanged($0.command) }
        requests.register(.resetConsumerClientOffset) { try await resetOffsets($0.command) }
        requests.register(.getConsumerStatusFromClient) { try offsets($0.command) }
        requests.register(.getConsumerRunningInfo) { try runningInfo($0.command) }
        requests.register(.consumeMessageDirectly) { try await consumeDirectly($0.command) }
    }

    /// 40: members came or left.
    private func membersChanged(_ command: RemotingCommand) throws -> RemotingCommand? {
        groups.consumer(try command.header(ConsumerGroupHeader.self).consumerGroup)?.wakeRebalance()
        return nil
    }

    /// 220: the group goes on elsewhere. Nothing is answered.
    private func resetOffsets(_ command: RemotingCommand) async throws -> RemotingCommand? {
        let header = try command.header(ResetOffsetHeader.self)
        let offsets = try ResetOffsets.read(command.body).filter { $0.key.topic.isExactly(header.topic) }
        guard let consumer = groups.consumer(header.group) else {
            logger.info("offsets of group \(header.group) are not reset here: this client has no consumer of it")
            return nil
        }
        logger.info("the broker resets the offsets of group \(header.group) in \(offsets.count) queues of \(header.topic)")
        await consumer.resetOffsets(to: offsets)
        return nil
    }

    /// 221: how far the group has come, as this client knows it. Nothing for a group that it has no consumer of.
    private func offsets(_ command: RemotingCommand) throws -> RemotingCommand? {
        let header = try command.header(ConsumerStatusHeader.self)
        var status = ConsumerStatus()
        if let consumer = groups.consumer(header.group) { status.queues = consumer.knownOffsets(of: header.topic) }
        return .response(.success, body: status.body)
    }

    /// 307: what a consumer is doing. There are no stacks to tell: work that waits has none here.
    private func runningInfo(_ command: RemotingCommand) throws -> RemotingCommand? {
        let group = try command.header(ConsumerRunningInfoHeader.self).consumerGroup
        guard let consumer = groups.consumer(group) else { return Self.noConsumer(of: group) }
        var info = consumer.runningInfo
        consumer.describe(&info)
        info.properties["PROP_NAMESERVER_ADDR"] = nameServers.map { $0 + ";" }.joined()
        for topic in consumer.subscribedTopics {
            info.status[topic] = ConsumerRunningInfo.Status(statistics.consumption(topic: topic, group: group))
        }
        return .response(.success, body: info.body)
    }

    /// 309: the handler takes one message now.
    private func consumeDirectly(_ command: RemotingCommand) async throws -> RemotingCommand? {
        let header = try command.header(ConsumeDirectlyHeader.self)
        guard let consumer = groups.consumer(header.consumerGroup) else { return Self.noConsumer(of: header.consumerGroup) }
        guard var message = try MessageRecord.decodeAll(command.body, decompressing: true).first else {
            return .response(.systemError, remark: "the request carries no message")
        }
        message.brokerName = header.brokerName ?? ""
        guard let result = await consumer.consumeDirectly(message) else {
            return .response(.systemError, remark: "the consumer of group \(header.consumerGroup) has no handler for messages")
        }
        return .response(.success, body: result.body)
    }

    private static func noConsumer(of group: String) -> RemotingCommand {
        .response(.systemError, remark: "The Consumer Group <\(group)> not exist in this consumer")
    }
}

extension ResetOffsets {
    /// The offsets in a broker's request, in either form: the list comes when the tool that asked for it reads nothing else.
    static func read(_ body: [UInt8]) throws(JSONError) -> [MessageQueue: Int64] {
        let json = try JSONValue(parsing: body)
        guard json["offsetTable"]?.asArray != nil else { return try ResetOffsets(json: json).offsets }
        var offsets: [MessageQueue: Int64] = [:]
        for entry in try ResetOffsetList(json: json).offsets {
            offsets[MessageQueue(topic: entry.topic, brokerName: entry.brokerName, queueId: entry.queueId)] = entry.offset
        }
        return offsets
    }
}
