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
        var filter: TagFilter?
        if let group = header.consumerGroup {
            body.subscription = broker.clients.consumers[group]?.subscriptions[topic]
            // What the reference writes for a filter by tags, which needs no such data.
            body.filterData = body.subscription == nil ? "\(group.prefix(bytes: 255))@\(topic) is not online!" : "null"
            filter = body.subscription.flatMap { $0.isTag ? TagFilter(text: $0.expression, codes: $0.tagCodes) : nil }
        }
        let count = min(max(Int(header.count), 0), mostEntries)
        body.entries = try broker.store.entries(of: queue, from: header.index, count: count).map { described($0, filter) }
        return .response(.success, body: body.body)
    }

    /// The reference says whether a message is taken only where its entry has an extension; here, wherever it can be told.
    static func described(_ stored: StoredQueueEntry, _ filter: TagFilter?) -> ConsumeQueueEntries.Entry {
        ConsumeQueueEntries.Entry { entry in
            entry.physicalOffset = stored.position
            entry.size = stored.byteCount
            entry.tagsCode = stored.code
            switch stored.content {
            case .tagCode(let code): entry.isMatch = filter?.matches(tagsCode: code) ?? false
            case .missingUnit: entry.message = "Cq extend not exist!addr: \(stored.code)"
            case .unit(let unit):
                entry.extensionJSON = text(of: unit)
                if !unit.filterBitmap.isEmpty { entry.bitMap = bits(of: unit.filterBitmap) }
                entry.isMatch = filter?.matches(tagsCode: unit.tagCode) ?? false
            }
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
