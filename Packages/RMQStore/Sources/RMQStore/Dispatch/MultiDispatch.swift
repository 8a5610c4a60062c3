import RMQCommon

/// The queues that a message enters beside its own, as its property `INNER_MULTI_DISPATCH` lists them.
///
///     INNER_MULTI_DISPATCH      %LMQ%a,%LMQ%b,Other      names, from the producer
///     INNER_MULTI_QUEUE_OFFSET  17,0,4                   the offset in each, added by the append
///
/// A light queue (`%LMQ%…`) always has queue id 0; others have that of the message.
enum MultiDispatch {
    static func isLight(_ name: String) -> Bool { LightQueue.isLight(name) }

    /// The names in a record's properties; none when there are none, or when they do not fit the offsets.
    static func names(in properties: UnsafeRawBufferPointer) -> [String] {
        guard let value = PropertyText.value("INNER_MULTI_DISPATCH", in: properties) else { return [] }
        let text = String(decoding: value, as: UTF8.self)
        guard !text.isBlank else { return [] }
        var names = text.split(ascii: ",", keepingEmpty: true)
        while names.last?.isEmpty == true { names.removeLast() }
        return names
    }

    /// The offsets in a stored record's properties, one for each of ``names(in:)``; nil when they do not fit.
    static func offsets(in properties: UnsafeRawBufferPointer, count: Int) -> [Int64]? {
        guard let value = PropertyText.value("INNER_MULTI_QUEUE_OFFSET", in: properties) else { return nil }
        let offsets = String(decoding: value, as: UTF8.self).split(ascii: ",", keepingEmpty: true).map { Int64($0) }
        let valid = offsets.compactMap { $0 }.filter { $0 >= 0 }
        return valid.count == count && offsets.count == count ? valid : nil
    }

    static func key(_ name: String, queueId: Int32, lightQueues: Bool) -> QueueKey {
        QueueKey(topic: name, queueId: lightQueues && isLight(name) ? 0 : queueId)
    }
}

extension MessageStore {
    /// The queues that a draft enters beside its own, in the order of its property, some of them perhaps twice.
    ///
    /// A delayed message enters them when it is delivered. Batches do not.
    func multiDispatchQueues(of draft: RecordDraft) throws(StoreError) -> [ConsumeQueue] {
        guard draft.messageCount == 1, draft.delayMilliseconds == nil, draft.systemFlag.entersQueue else { return [] }
        let names = MultiDispatch.names(in: draft.properties(at: 0, count: draft.byteCount))
        var entered: [ConsumeQueue] = []
        for name in names {
            let key = MultiDispatch.key(name, queueId: draft.queue.queueId, lightQueues: configuration.lightQueues)
            guard StoreFiles.isSafeName([UInt8](key.topic.utf8)) else { throw .unsafeQueueName(topic: key.topic, queueId: key.queueId) }
            if let queue = queues.find(key) {
                entered.append(queue)
                continue
            }
            if configuration.lightQueues, MultiDispatch.isLight(key.topic), queues.lightCount >= configuration.maxLightQueues {
                throw .tooManyLightQueues(limit: configuration.maxLightQueues)
            }
            entered.append(queues.findOrAdd(key))
        }
        return entered
    }

    /// The draft with its offsets in `others` among its properties.
    func completed(_ draft: RecordDraft, _ others: [ConsumeQueue], _ held: borrowing AppendState) throws(StoreError) -> RecordDraft {
        let old = draft.properties(at: 0, count: draft.byteCount)
        let offsets = others.map { String($0.nextOffset(held)) }.joined(separator: ",")
        let text = (PropertyText.isOpen(old) ? "\u{2}" : "") + PropertyText.pair("INNER_MULTI_QUEUE_OFFSET", offsets)
        let propertiesCount = old.count + text.utf8.count
        guard propertiesCount <= MessageProperties.byteLimit else {
            throw .propertiesTooLarge(bytes: propertiesCount, limit: MessageProperties.byteLimit)
        }
        let byteCount = draft.byteCount + text.utf8.count
        let limit = configuration.segmentBytes - MessageRecord.fillerByteCount
        guard byteCount <= limit else { throw .recordTooLarge(bytes: byteCount, limit: limit) }
        return draft.extended(by: text)
    }

    /// Takes the next offset of each queue of a multi-dispatch.
    /// - Returns: the queues, each once, and their new ends.
    func enter(_ append: StagedAppend, _ held: borrowing AppendState) -> [Dispatcher.Arrival] {
        var arrivals: [Dispatcher.Arrival] = []
        for queue in append.multiDispatch where queue !== append.queue && !arrivals.contains(where: { $0.queue === queue }) {
            arrivals.append(Dispatcher.Arrival(queue: queue, newMaxOffset: queue.assign(1, held) + 1, tagCode: append.draft.entries[0].tagCode))
        }
        return arrivals
    }
}
