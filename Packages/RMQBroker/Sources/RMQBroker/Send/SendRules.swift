import RMQCommon
import RMQRemoting
import RMQStore

/// What a producer may send, in the reference's order. What can be stored at all is for ``MessageWriter`` to say.
struct SendRules {
    let loop: LoopState

    /// The topic of a send: the one that exists, or one made by this send.
    func topic(of request: SendRequest, from producer: HostAddress) throws(Refusal) -> LoopTopic {
        let now = loop.loop.wallMilliseconds
        if now < loop.settings.acceptsSendsFrom {
            throw Refusal(.systemError, "broker unable to service, until \(loop.settings.acceptsSendsFrom) ms; now it is \(now) ms since 1970")
        }
        if let known = loop.routes.topic(request.topic) { return known }
        return try create(request, from: producer)
    }

    /// What holds for a message whatever it is, also for a reply.
    func check(_ request: SendRequest, _ topic: LoopTopic) throws(Refusal) {
        if !loop.settings.isWritable, topic.config.isOrdered {
            throw Refusal(.noPermission, "the broker[\(loop.settings.configuration.advertisedAddress)] sending message is forbidden")
        }
        if let refusal = topic.sendRefusal { throw refusal }
        guard request.queueId < max(topic.config.readQueueCount, topic.config.writeQueueCount) else {
            throw Refusal(
                .systemError,
                "request queueId[\(request.queueId)] is illegal, \(topic.name) has \(topic.config.readQueueCount) read and \(topic.config.writeQueueCount) write queues")
        }
        guard request.queueId >= 0 || topic.config.writeQueueCount > 0 else {
            throw Refusal(.systemError, "topic \(topic.name) has no queue to write to")
        }
    }

    /// The group whose dead letter a message is that was sent to its retry topic: it failed to consume it too often. Nil for any
    /// other message. In a batch nothing looks at it.
    func deadLetterGroup(of request: SendRequest, to topic: LoopTopic, clientVersion: Int32) throws(Refusal) -> String? {
        guard let name = topic.retryGroup, !request.isBatch else { return nil }
        guard let group = loop.broker.group(name) else { throw .noGroup(toRetry: name) }
        return request.reconsumeTimes < group.retryLimit(asked: request.maxReconsumeTimes, clientVersion: clientVersion) ? nil : name
    }

    func checkTransaction(_ request: SendRequest, _ message: NewMessage) throws(Refusal) {
        if request.isBatch { return }
        // In a batch the store refuses the flags, and nothing looks at the property.
        if message.received.isTransactional {
            if loop.settings.rejectsTransactions {
                throw Refusal(
                    .noPermission,
                    "the broker[\(loop.settings.configuration.advertisedAddress)] sending transaction message is forbidden (rejectTransactionMessage=true)")
            }
        } else if request.systemFlag & SystemFlag.TransactionKind.prepared.rawValue != 0 {
            // It would lie in the log for ever: no queue leads to it.
            throw Refusal(.noPermission, "a message that is flagged as part of a transaction (sysFlag \(request.systemFlag)) has the property TRAN_MSG=true")
        }
    }

    private func create(_ request: SendRequest, from producer: HostAddress) throws(Refusal) -> LoopTopic {
        // Its topics are those of its master.
        guard loop.broker.store.role == .master else { throw Refusal(StoreError.isReplica) }
        let topic = name(request.topic)
        if let refusal = Refusal.sending(to: topic) { throw refusal }
        guard let template = request.defaultTopic, let queues = request.defaultTopicQueues else {
            throw Refusal(.systemError, "topic \(topic) does not exist, and a send that does not name defaultTopic and defaultTopicQueueNums cannot make it")
        }
        let broker = loop.broker
        guard broker.hasRoomForTopic else {
            throw Refusal(.topicNotExist, "topic[\(topic)] not exist, and is not made: there are \(broker.live.current.maxTopics) topics, the limit (maxTopics)")
        }
        guard let config = broker.templateConfig(topic: topic, template: name(template), queues: queues, isUnit: request.isUnit)
        else { throw Refusal(.topicNotExist, "topic[\(topic)] not exist, apply first please!") }
        return loop.routes.topic(broker.addTopic(config, for: "a send from \(producer)"))
    }

    /// A name from the wire, cut so that a refusal cannot be made to carry megabytes.
    private func name(_ bytes: UnsafeRawBufferPointer) -> String { String(decoding: bytes.prefix(512), as: UTF8.self) }
}

extension Refusal {
    /// Nil for a topic that clients may send to, or make by sending to it.
    static func sending(to topic: String) -> Refusal? {
        do {
            _ = try TopicName(topic)
        } catch {
            return Refusal(.systemError, "\(error)")
        }
        guard SystemTopic.isForbiddenToSend(topic) else { return nil }
        return Refusal(.noPermission, "Sending message to topic[\(topic)] is forbidden.")
    }
}
