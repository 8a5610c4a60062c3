import RMQCommon
import RMQRemoting
import RMQStore

/// Takes messages: codes 10, 310 and 320.
///
///     header slices ─► topic (loop's cache) ─► record in staging memory ─┐    once for each send
///     answer in the output buffer ◄─ append of all ◄─────────────────────┘    once for each wake-up
///
/// Everything happens on the loop, without allocation once the topic is known. The sends of a wake-up are appended at its end
/// together (``StagedSends``), earlier only when the staging memory is full. Where the store promises more than the page
/// cache, the answer waits for that (see ``SendConfirmations``). The body counts as a batch by the header's
/// field alone, not by the code, as at the reference.
struct SendProcessor {
    let state: LoopState

    func receive(_ request: InboundRequest, on connection: Connection) {
        if let fields = SendFields(request) {
            send(SendRequest(fields), request, connection)
            return
        }
        do {
            let command = try request.command()
            let header: SendMessageHeader
            if request.code == RequestCode.sendMessage.rawValue {
                header = try command.header(SendMessageHeader.self)
            } else {
                header = try command.header(SendMessageHeaderV2.self).message
            }
            SendRequest.with(header) { send($0, request, connection) }
        } catch {
            refuse(request.ticket, connection, .systemError, "\(error)")
        }
    }

    private func send(_ request: SendRequest, _ inbound: InboundRequest, _ connection: Connection) {
        do {
            try stage(request, inbound, connection)
        } catch {
            refuse(inbound.ticket, connection, error.code, error.remark)
        }
    }

    private func stage(_ request: SendRequest, _ inbound: InboundRequest, _ connection: Connection) throws(Refusal) {
        let (body, ticket) = (inbound.body, inbound.ticket)
        let now = state.loop.wallMilliseconds
        if now < state.acceptsSendsFrom {
            throw Refusal(.systemError, "broker unable to service, until \(state.acceptsSendsFrom) ms; now it is \(now) ms since 1970")
        }
        let topic = if let known = state.topic(request.topic) { known } else { try create(request, connection) }
        try check(request, topic, clientVersion: inbound.version)
        let received = ReceivedProperties(request.properties)
        try check(received, request)
        let waits = state.promisesMore && received.waitsForPromise && !ticket.isOneway
        if waits, state.confirmations.areFull {
            throw Refusal(.systemBusy, "[TIMEOUT_CLEAN_QUEUE]broker busy, too many sends wait for the disk or a replica")
        }

        let queueId = request.queueId >= 0 ? request.queueId : state.nextRandom(below: topic.config.writeQueueCount)
        let queue = topic.queue(queueId)
        // The elements of a batch body may be many, so they get the staging memory for themselves.
        if request.isBatch || !state.staged.batch.hasRoom(forBody: body.count) { state.appendStaged() }
        do {
            let draft = try encode(request, received, body, topic, queue, connection)
            try state.staged.stage(
                draft,
                for: StagedSends.Send(
                    connection: connection, ticket: ticket, topic: topic, arrivesAt: received.delayLevel > 0 ? nil : queue, queueId: queueId,
                    waits: waits))
        } catch {
            throw Refusal(error)
        }
        if request.isBatch { state.appendStaged() }
    }

    // MARK: Answers

    /// Tells the producer what became of its message, and those who wait for messages that there is one.
    func finish(_ send: StagedSends.Send, _ outcome: Result<AppendResult, StoreError>) {
        let result: AppendResult
        switch outcome {
        case .success(let stored): result = stored
        case .failure(let error): return refuse(send.ticket, send.connection, error.appendStatus.responseCode, "\(error)")
        }
        if let queue = send.arrivesAt { state.messageArrived(queue) }
        if send.ticket.isOneway { return }
        if !send.topic.isSaved {
            let waiting = NewTopicSends.Waiting(send: stored(result, send), topic: send.topic.entry, promisedEnd: send.waits ? result.end : nil)
            if state.newTopicSends.add(waiting) { return }
        }
        if send.waits { return state.confirmations.add(stored(result, send), end: result.end) }
        answer(result, send)
    }

    /// Straight from the numbers of the append into the output buffer.
    private func answer(_ result: AppendResult, _ send: StagedSends.Send) {
        func reply(_ id: ReplyMessageId) {
            send.connection.replySend(
                to: send.ticket, messageId: id, queueId: send.queueId, queueOffset: result.queueOffset, trailer: state.sendTrailer)
        }
        if result.messageCount == 1, !state.storeHost.isIPv6 {
            reply(.stored(ipv4AndPort: state.storeHostWord, physicalOffset: result.physicalOffset))
        } else {
            MessageIdList(result, storeHost: state.storeHost, in: state.broker.store).text.withUnsafeBytes { reply(.text($0)) }
        }
    }

    /// What ``answer(_:_:)-(StoredSend,_)`` needs later.
    private func stored(_ result: AppendResult, _ send: StagedSends.Send) -> StoredSend {
        let hasOneId = result.messageCount == 1 && !state.storeHost.isIPv6
        return StoredSend(
            connection: send.connection.id, ticket: send.ticket, queueId: send.queueId, queueOffset: result.queueOffset,
            physicalOffset: result.physicalOffset, messageIds: hasOneId ? nil : MessageIdList(result, storeHost: state.storeHost, in: state.broker.store).text)
    }

    /// Answers a send that had to wait.
    func answer(_ send: StoredSend, _ status: AppendStatus) {
        guard let connection = state.loop.connection(send.connection) else { return }
        guard status.isStored else {
            let remark = state.broker.store.flushFailure.map { "\($0)" } ?? status.name
            return refuse(send.ticket, connection, status.responseCode, remark)
        }
        func reply(_ id: ReplyMessageId) {
            connection.replySend(
                to: send.ticket, code: status.responseCode, messageId: id, queueId: send.queueId, queueOffset: send.queueOffset,
                trailer: state.sendTrailer)
        }
        if let ids = send.messageIds {
            ids.withUnsafeBytes { reply(.text($0)) }
        } else {
            reply(.stored(ipv4AndPort: state.storeHostWord, physicalOffset: send.physicalOffset))
        }
    }

    // MARK: Refusals, in the reference's order

    private func check(_ request: SendRequest, _ topic: TopicRoute, clientVersion: Int32) throws(Refusal) {
        if !state.isWritable, topic.config.isOrdered {
            throw Refusal(.noPermission, "the broker[\(state.configuration.advertisedAddress)] sending message is forbidden")
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
        if let group = topic.retryGroup, !request.isBatch { try check(retry: request, of: group, clientVersion: clientVersion) }
    }

    /// A message that its group failed to consume too often belongs into the group's dead letters.
    private func check(retry request: SendRequest, of name: String, clientVersion: Int32) throws(Refusal) {
        guard let group = state.broker.group(name) else {
            throw Refusal(.subscriptionGroupNotExist, "subscription group not exist, \(name)")
        }
        let saysHowOften = clientVersion >= ProtocolVersion.v3_4_9.ordinal
        let limit = saysHowOften ? request.maxReconsumeTimes ?? group.retryMaxTimes : group.retryMaxTimes
        guard request.reconsumeTimes < limit else {
            throw Refusal(
                .noPermission,
                "dead letters are not supported by this broker yet: the message was consumed \(request.reconsumeTimes) times, the limit is \(limit)")
        }
    }

    /// What this broker cannot keep its promise for is refused, not stored.
    private func check(_ received: ReceivedProperties, _ request: SendRequest) throws(Refusal) {
        if let delay = received.malformedDelay {
            throw Refusal(.systemError, "property DELAY is \"\(String(decoding: delay.prefix(64), as: UTF8.self))\", not a 32-bit integer")
        }
        if request.isBatch {
            // The store refuses the flags of a transaction in a batch, and nothing looks at the property.
            guard received.delayLevel > 0 else { return }
            throw Refusal(.messageIllegal, "a batch cannot be delayed (property DELAY=\(received.delayLevel)); send its messages one by one")
        }
        // A message flagged as prepared or rolled back would lie in the log for ever: no queue leads to it.
        if received.isTransactional || request.systemFlag & SystemFlag.TransactionKind.prepared.rawValue != 0 {
            throw Refusal(.noPermission, "transactional messages (property TRAN_MSG) are not supported by this broker yet")
        }
    }

    // MARK: Storing

    private func encode(
        _ request: SendRequest, _ received: ReceivedProperties, _ body: UnsafeRawBufferPointer, _ topic: TopicRoute, _ queue: QueueState,
        _ connection: Connection
    ) throws(StoreError) -> RecordDraft {
        try state.broker.store.checkAccepting()
        var attributes = RecordAttributes(bornTimestamp: request.bornTimestamp, bornHost: connection.remote, storeHost: state.storeHost)
        attributes.flag = request.flag
        attributes.systemFlag = request.systemFlag
        attributes.reconsumeTimes = request.reconsumeTimes
        if topic.config.filterType == .multiTag { attributes.systemFlag |= SystemFlag.multiTags.rawValue }
        let properties = received.stored(request.properties, scratch: state.propertyScratch)
        let added = state.addedProperties
        if request.isBatch { return try batch(queue, attributes, properties, elements: body) }
        if received.delayLevel > 0 {
            return try state.broker.store.encodeDelayed(
                level: Int(received.delayLevel), for: queue.queue, attributes: attributes, body: body, properties: request.properties,
                addedProperties: added, with: state.staged.batch.encoder)
        }
        return try state.staged.batch.encoder.encode(
            queue: queue.queue, attributes: attributes, body: body, properties: properties, addedProperties: added,
            tagCode: received.tags.map { Int64(JavaString.hash(utf8: $0)) } ?? 0)
    }

    private func batch(
        _ queue: QueueState, _ attributes: RecordAttributes, _ properties: UnsafeRawBufferPointer, elements: UnsafeRawBufferPointer
    ) throws(StoreError) -> RecordDraft {
        // What the batch states for all its messages comes after each one's own, so it wins.
        let shared = [UInt8](properties) + (properties.last.map { $0 != 2 } ?? false ? [2] : []) + [UInt8](state.addedProperties)
        return try shared.withUnsafeBytes { shared in
            Result { () throws(StoreError) in
                try state.staged.batch.encoder.encodeBatch(queue: queue.queue, attributes: attributes, elements: elements, addedProperties: shared)
            }
        }.get()
    }

    // MARK: Topics that do not exist yet

    private func create(_ request: SendRequest, _ connection: Connection) throws(Refusal) -> TopicRoute {
        let topic = name(request.topic)
        if let refusal = Refusal.sending(to: topic) { throw refusal }
        guard let template = request.defaultTopic, let queues = request.defaultTopicQueues else {
            throw Refusal(.systemError, "topic \(topic) does not exist, and a send that does not name defaultTopic and defaultTopicQueueNums cannot make it")
        }
        guard let config = state.broker.templateConfig(topic: topic, template: name(template), queues: queues, isUnit: request.isUnit)
        else { throw Refusal(.topicNotExist, "topic[\(topic)] not exist, apply first please!") }
        let (entry, isNew) = state.broker.topics.add(config)
        if isNew {
            state.broker.logger.info("created topic \(topic) with \(config.writeQueueCount) queues for a send from \(connection.remote)")
            state.broker.topicsChanged()
        }
        return TopicRoute(entry, store: state.broker.store)
    }

    /// A name from the wire, cut so that a refusal cannot be made to carry megabytes.
    private func name(_ bytes: UnsafeRawBufferPointer) -> String { String(decoding: bytes.prefix(512), as: UTF8.self) }

    private func refuse(_ ticket: ReplyTicket, _ connection: Connection, _ code: ResponseCode, _ remark: String) {
        var response = RemotingCommand.response(code, remark: remark)
        response.fields = [
            SendMessageResponseHeader.regionField: state.configuration.regionId,
            SendMessageResponseHeader.traceField: String(state.configuration.traceOn),
        ]
        connection.reply(response, to: ticket)
    }
}

/// Why a message was not taken.
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

    /// The one place where an error of the store becomes an answer.
    init(_ error: StoreError) {
        self.init(error.appendStatus.responseCode, "\(error)")
    }
}

extension AppendStatus {
    var responseCode: ResponseCode {
        switch self {
        case .ok: .success
        case .flushDiskTimeout: .flushDiskTimeout
        case .flushReplicaTimeout: .flushSlaveTimeout
        case .replicaNotAvailable: .slaveNotAvailable
        case .messageIllegal, .propertiesSizeExceeded: .messageIllegal
        case .serviceNotAvailable: .serviceNotAvailable
        case .createSegmentFailed, .pageCacheBusy, .tooManyLightQueues, .unknownError: .systemError
        }
    }
}

/// The ids of the messages of one append, joined with commas.
struct MessageIdList {
    private(set) var text: [UInt8] = []

    /// The records lie one behind the other; each says how long it is.
    init(_ result: AppendResult, storeHost: HostAddress, in store: MessageStore) {
        text.reserveCapacity(result.messageCount * 57)
        var offset = result.physicalOffset
        for index in 0..<result.messageCount {
            if index > 0 { text.append(UInt8(ascii: ",")) }
            text += OffsetMessageId(storeHost: storeHost, physicalOffset: offset).text.utf8
            guard let record = store.record(at: offset) else { return }
            offset += Int64(record.bytes.count)
        }
    }
}
