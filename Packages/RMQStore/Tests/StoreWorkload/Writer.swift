import Glibc
import RMQCommon
import RMQStore

/// One thread's share: messages of all sizes to random queues, single, in batch bodies, several with one write, and half ones.
struct Writer: Sendable {
    let store: MessageStore
    let isSynchronous: Bool
    var random: SeededRandom
    let count: Int
    /// Positions in ``Workload/topics``.
    let topics: Range<Int>
    let pausePercent: Int
    let number: Int

    private static let queuesPerTopic: Int32 = 2
    private static let host = HostAddress(ipv4: (127, 0, 0, 1), port: 10911)

    func run() throws {
        var random = random
        let encoder = RecordEncoder()
        let together = AppendBatch(for: store, maxMessageBytes: 4 << 20)
        for index in 0..<count {
            if random.chance(pausePercent) { usleep(UInt32.random(in: 1...400, using: &random)) }
            if random.chance(25) {
                try appendTogether(together, &random, index)
                continue
            }
            let topic = Int.random(in: topics, using: &random)
            let queueId = Int32.random(in: 0..<Self.queuesPerTopic, using: &random)
            let queue = store.queueHandle(topic: Workload.topics[topic], queueId: queueId)
            var attributes = RecordAttributes(bornTimestamp: Int64(index), bornHost: Self.host, storeHost: Self.host)
            attributes.flag = Int32(number)
            let isHalf = random.chance(4)
            if isHalf { attributes.systemFlag = 4 }
            if !isHalf, topic < 5, random.chance(3) {
                try appendDelayed(queue, attributes, encoder, &random, level: Int.random(in: 1...18, using: &random), index)
                continue
            }
            let draft = try !isHalf && random.chance(20) ? batch(queue, attributes, encoder, &random) : single(queue, attributes, encoder, &random, index)
            try acknowledge(try append(draft), topic: UInt8(topic), queueId: queueId, isHalf: isHalf)
        }
    }

    /// As an event loop does with what it received in one wake-up.
    private func appendTogether(_ batch: AppendBatch, _ random: inout SeededRandom, _ index: Int) throws {
        var targets: [(topic: Int, queueId: Int32)] = []
        for _ in 0..<Int.random(in: 2...12, using: &random) {
            let topic = Int.random(in: topics, using: &random)
            let queueId = Int32.random(in: 0..<Self.queuesPerTopic, using: &random)
            let queue = store.queueHandle(topic: Workload.topics[topic], queueId: queueId)
            let attributes = RecordAttributes(bornTimestamp: Int64(index), bornHost: Self.host, storeHost: Self.host)
            try batch.add(try single(queue, attributes, batch.encoder, &random, index))
            targets.append((topic, queueId))
        }
        store.append(batch)
        defer { batch.removeAll() }
        let results = try (0..<batch.count).map { try batch.outcome($0).get() }
        if isSynchronous, let last = results.max(by: { $0.end < $1.end }) {
            let status = try store.waitUntilConfirmed(last)
            guard status == .ok else { throw WorkloadError.notConfirmed("\(status)") }
        }
        for (result, target) in zip(results, targets) {
            try acknowledge(result, topic: UInt8(target.topic), queueId: target.queueId, isHalf: false)
        }
    }

    private func appendDelayed(
        _ queue: QueueHandle, _ attributes: RecordAttributes, _ encoder: RecordEncoder, _ random: inout SeededRandom, level: Int, _ index: Int
    ) throws {
        let properties = MessageProperties([("UNIQ_KEY", "delayed-\(number)-\(index)"), ("TAGS", "late")]).encoded()
        let body = body(&random)
        let draft = try properties.withUnsafeBytes { properties in
            try body.withUnsafeBytes {
                try store.encodeDelayed(level: level, for: queue, attributes: attributes, body: $0, properties: properties, with: encoder)
            }
        }
        try acknowledge(try append(draft), topic: UInt8(Workload.topics.count - 1), queueId: Int32(level - 1), isHalf: false)
    }

    private func append(_ draft: RecordDraft) throws -> AppendResult {
        guard isSynchronous else { return try store.append(draft) }
        let (result, status) = try store.appendAndWait(draft)
        guard status == .ok else { throw WorkloadError.notConfirmed("\(status)") }
        return result
    }

    private func acknowledge(_ result: AppendResult, topic: UInt8, queueId: Int32, isHalf: Bool) throws {
        var physicalOffset = result.physicalOffset
        for index in 0..<result.messageCount {
            guard let record = store.record(at: physicalOffset) else {
                if physicalOffset < store.minPhysicalOffset { return }   // retention was faster
                throw WorkloadError.recordMissing(physicalOffset)
            }
            Journal.write(
                isHalf ? .acknowledgedHalf : .acknowledged, topic: topic, queueId: queueId, crc: CRC32.checksum(record.bytes),
                queueOffset: result.queueOffset + Int64(index), physicalOffset: physicalOffset, size: record.bytes.count)
            physicalOffset += Int64(record.bytes.count)
        }
    }

    private func single(_ queue: QueueHandle, _ attributes: RecordAttributes, _ encoder: RecordEncoder, _ random: inout SeededRandom, _ index: Int) throws -> RecordDraft {
        let properties = MessageProperties([
            ("KEYS", "key\(index % 50) w\(number)"), ("UNIQ_KEY", "id-\(number)-\(index)"), ("TAGS", "tag\(index % 5)"),
        ]).encoded()
        let body = body(&random)
        return try properties.withUnsafeBytes { properties in
            try body.withUnsafeBytes { try encoder.encode(queue: queue, attributes: attributes, body: $0, properties: properties) }
        }
    }

    /// 22 bytes of lengths and flags around body and properties; see ``RecordEncoder/encodeBatch(queue:attributes:elements:addedProperties:)``.
    private func batch(_ queue: QueueHandle, _ attributes: RecordAttributes, _ encoder: RecordEncoder, _ random: inout SeededRandom) throws -> RecordDraft {
        var writer = ByteWriter(capacity: 4096)
        for element in 0..<Int.random(in: 1...6, using: &random) {
            let properties = MessageProperties([("TAGS", "batch"), ("KEYS", "b\(element)")]).encoded()
            let body = body(&random)
            writer.write(Int32(22 + body.count + properties.count))
            writer.write(Int32(0))
            writer.write(Int32(0))
            writer.write(Int32(element))
            writer.write(Int32(body.count))
            writer.write(bytes: body)
            writer.write(Int16(properties.count))
            writer.write(bytes: properties)
        }
        return try writer.bytes.withUnsafeBytes { try encoder.encodeBatch(queue: queue, attributes: attributes, elements: $0) }
    }

    /// Mostly small, sometimes none at all, sometimes many pages long.
    private func body(_ random: inout SeededRandom) -> [UInt8] {
        let limit = random.chance(5) ? 9000 : random.chance(30) ? 1500 : 120
        var bytes = [UInt8](repeating: 0, count: Int.random(in: 0...limit, using: &random))
        for position in bytes.indices { bytes[position] = UInt8.random(in: 0...255, using: &random) }
        return bytes
    }
}

enum WorkloadError: Error {
    case recordMissing(Int64)
    case notConfirmed(String)
    /// A message came back at another place than it was acknowledged for.
    case misplaced(topic: String, queueId: Int32, offset: Int64, expected: Int64)
    case notReadable(topic: String, queueId: Int32, offset: Int64, status: String)
}
