import Glibc
import RMQCommon
import RMQStore

/// Opens a store and prints what its interface gives out: `topic queue offset physical size crc`, one message a line.
struct Verification {
    let directory: String
    let isSynchronous: Bool

    func run(appending: Bool) throws {
        let store = try MessageStore(
            SmallStore.configuration(directory, isSynchronous: isSynchronous), logger: Logger(category: "store", sink: ConsoleSink()))
        // Not started, it delivers no delayed messages: what is read is what was there.
        // What lies behind was appended since: started, the store delivers delayed messages that are due by now.
        var lines = "# end \(store.maxPhysicalOffset)\n"
        if appending { try store.start() }
        for topic in store.topics {
            for queueId in store.queueIds(of: topic) { try readQueue(store, topic, queueId, stopsAtDamage: appending, &lines) }
        }
        say(lines)
        if appending { try appendSome(store) }
        try store.close()
    }

    private func readQueue(_ store: MessageStore, _ topic: String, _ queueId: Int32, stopsAtDamage: Bool, _ lines: inout String) throws {
        let queue = store.queueHandle(topic: topic, queueId: queueId)
        var offset = queue.minOffset
        // A damaged name must not break the lines.
        let name = topic.utf8.map { $0 > 32 && $0 < 127 ? String(UnicodeScalar($0)) : "%" + String($0, radix: 16) }.joined()
        var result = ReadResult()
        while offset < queue.maxOffset {
            store.read(queue, offset: offset, maxCount: 32, into: &result)
            let isExpired = (store.physicalOffset(queue, offset: offset) ?? 0) < store.minPhysicalOffset
            if result.status != .found, !isExpired {
                if stopsAtDamage { throw WorkloadError.notReadable(topic: topic, queueId: queueId, offset: offset, status: "\(result.status.name)") }
                lines += "# \(name) \(queueId) \(offset) \(result.status.name)\n"
                guard result.nextOffset > offset else { return }
            }
            for chunk in result.chunks { try addRecords(chunk, topic, name, queueId, &lines) }
            offset = result.nextOffset
        }
    }

    private func addRecords(_ chunk: MappedRange, _ topic: String, _ name: String, _ queueId: Int32, _ lines: inout String) throws {
        var position = 0
        while position < chunk.bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: chunk.bytes[position...])
            let (message, count) = try MessageRecord.decode(rest, decompressing: false)
            let record = UnsafeRawBufferPointer(rebasing: rest[..<count])
            let isIntact = CRC32.rocketMQ(message.body) == message.bodyCRC && message.topic.isExactly(topic) && message.queueId == queueId
            lines += "\(name) \(queueId) \(message.queueOffset) \(message.physicalOffset) \(count) \(CRC32.checksum(record))\(isIntact ? "" : " differs")\n"
            position += count
        }
    }

    /// The store takes new messages and gives them back.
    private func appendSome(_ store: MessageStore) throws {
        let encoder = RecordEncoder()
        let host = HostAddress(ipv4: (127, 0, 0, 1), port: 1)
        let attributes = RecordAttributes(bornTimestamp: 0, bornHost: host, storeHost: host)
        for (topic, queueId) in [("T0", Int32(0)), ("T1", 1), ("New", 0)] {
            let queue = store.queueHandle(topic: topic, queueId: queueId)
            let expected = queue.maxOffset
            let body = Array("after \(expected)".utf8)
            let draft = try body.withUnsafeBytes { body in
                try encoder.encode(queue: queue, attributes: attributes, body: body, properties: UnsafeRawBufferPointer(start: nil, count: 0))
            }
            let result = try isSynchronous ? store.appendAndWait(draft).result : store.append(draft)
            let found = store.read(topic: topic, queueId: queueId, offset: expected, maxCount: 1)
            guard result.queueOffset == expected, found.messageCount == 1 else {
                throw WorkloadError.misplaced(topic: topic, queueId: queueId, offset: result.queueOffset, expected: expected)
            }
        }
    }
}
