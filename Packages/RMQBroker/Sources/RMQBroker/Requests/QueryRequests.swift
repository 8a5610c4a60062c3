import RMQCommon
import RMQRemoting
import RMQStore

/// Codes 12 and 33: messages by key, by unique id, and by place. Elsewhere than on a loop, since they may read from the disk.
enum QueryRequests {
    static func byKey(_ command: RemotingCommand, _ broker: BrokerState) throws -> Reply {
        let header = try command.header(QueryMessageHeader.self)
        let count = header.isUniqueId ? broker.live.current.uniqueIdQueryCount : header.maxCount
        let result = broker.store.query(
            topic: header.topic, key: header.key, maxCount: Int(count), from: header.beginTimestamp, to: header.endTimestamp)
        let index = QueryMessageResponseHeader {
            $0.indexLastUpdateTimestamp = result.indexedTimestamp
            $0.indexLastUpdateOffset = result.indexedOffset
        }
        guard !result.records.isEmpty else {
            var response = RemotingCommand.response(.queryNotFound, remark: "can not find message, maybe time range not correct")
            response.fields = index.fields
            return .now(response)
        }
        var body: [UInt8] = []
        body.reserveCapacity(result.records.reduce(0) { $0 + $1.bytes.count })
        for record in result.records { body += record.bytes }
        return .response(.success, header: index, body: body)
    }

    static func byOffset(_ command: RemotingCommand, _ broker: BrokerState) throws -> Reply {
        let offset = try command.header(ViewMessageHeader.self).offset
        guard let record = broker.store.record(at: offset) else {
            throw Refusal(.systemError, "can not find message by the offset, \(offset)")
        }
        return .response(.success, body: [UInt8](record.bytes))
    }
}
