import RMQCommon
import RMQFilter
import RMQRemoting
import RMQStore

/// Code 321: the entries of a consume queue, and what a group's subscription makes of them.
enum ConsumeQueueAdmin {
    /// Most entries of one answer, which is about 150 bytes for each.
    static let mostEntries = 16_384

    static func entries(_ command: RemotingCommand, _ broker: BrokerState) throws -> Reply {
        let header = try command.header(QueryConsumeQueueHeader.self)
        let topic = header.topic ?? "null"
        let name = "\(header.queueId)@\(topic.prefix(bytes: 255))"
        guard let queue = broker.store.queue(topic: topic, queueId: header.queueId) else { throw Refusal(.systemError, "\(name) is not exist!") }
        guard header.index >= queue.minOffset, header.index < queue.maxOffset else {
            return .response(.success, remark: "Index \(header.index) of \(name) is not exist!")
        }
        var body = ConsumeQueueEntries()
        body.minQueueIndex = queue.minOffset
        body.maxQueueIndex = queue.maxOffset
        var filter: PullFilter?
        if let group = header.consumerGroup {
            body.subscription = broker.clients.consumers[group]?.subscriptions[topic]
            let registered = broker.filters[topic: topic, group: group]
            // A filter by tags needs no such data.
            let data = registered.map { StoredFilter($0, bitCount: broker.filters.bloom.bitCount).json.text(.pretty) } ?? "null"
            body.filterData = body.subscription == nil ? "\(group.prefix(bytes: 255))@\(topic) is not online!" : data
            filter = body.subscription.flatMap { subscription in
                if subscription.isTag { return .tags(TagFilter(text: subscription.expression, codes: subscription.tagCodes)) }
                return registered.map { .expression(ExpressionFilter($0, bloom: broker.filters.bloom)) }
            }
        }
        let count = min(max(Int(header.count), 0), mostEntries)
        body.entries = try broker.store.entries(of: queue, from: header.index, count: count).map { described($0, filter) }
        return .response(.success, body: body.body)
    }

    /// The reference says whether a message is taken only where its entry has an extension; here, wherever the entry can tell.
    static func described(_ stored: StoredQueueEntry, _ filter: PullFilter?) -> ConsumeQueueEntries.Entry {
        ConsumeQueueEntries.Entry { entry in
            entry.physicalOffset = stored.position
            entry.size = stored.byteCount
            entry.tagsCode = stored.code
            switch stored.content {
            case .tagCode(let code): entry.isMatch = isMatch(code, nil, filter)
            case .missingUnit: entry.message = "Cq extend not exist!addr: \(stored.code)"
            case .unit(let unit):
                entry.extensionJSON = text(of: unit)
                if !unit.filterBitmap.isEmpty { entry.bitMap = bits(of: unit.filterBitmap) }
                entry.isMatch = isMatch(unit.tagCode, unit, filter)
            }
        }
    }

    private static func isMatch(_ tagCode: Int64, _ unit: QueueExtensionUnit?, _ filter: PullFilter?) -> Bool {
        switch filter {
        case .tags(let tags), .retries(let tags, _): tags.matches(tagsCode: tagCode)
        case .expression(let expression):
            unit.map { unit in unit.filterBitmap.withUnsafeBytes { expression.mayMatch(storeTimestamp: unit.storeTimestamp, bitmap: $0) } } ?? false
        case nil: false
        }
    }

    private static func text(of unit: QueueExtensionUnit) -> String {
        var object = JSONObject()
        object.append("filterBitMap", ifPresent: unit.filterBitmap.isEmpty ? nil : .string(Base64.text(unit.filterBitmap)))
        object.append("msgStoreTime", ifPresent: .integer(unit.storeTimestamp))
        object.append("size", ifPresent: .integer(Int64(unit.byteCount)))
        object.append("tagsCode", ifPresent: .integer(unit.tagCode))
        return JSONValue.object(object).text(.fastjson)
    }

    /// The highest bit first, a line for each eight bytes, as the reference prints it.
    private static func bits(of bitmap: [UInt8]) -> String {
        var text = ""
        for (index, byte) in bitmap.enumerated().reversed() {
            for bit in (0..<8).reversed() { text += byte >> UInt8(bit) & 1 == 1 ? "1" : "0" }
            if index % 8 == 0 { text += "\n" }
        }
        return text
    }
}
