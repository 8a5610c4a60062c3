import Foundation
import RMQCommon
import RMQStore
import RMQTestSupport
import Testing

extension MessageStore {
    /// Appends a message with these encoded properties.
    @discardableResult
    func put(_ topic: String, keys: String? = nil, uniqueId: String? = nil, more: [(String, String)] = [], systemFlag: Int32 = 0, body: [UInt8] = [1]) throws -> AppendResult {
        var properties = MessageProperties(more)
        if let keys { properties["KEYS"] = keys }
        if let uniqueId { properties["UNIQ_KEY"] = uniqueId }
        var attributes = testAttributes
        attributes.systemFlag = systemFlag
        let encoder = RecordEncoder()
        let draft = try properties.encoded().withUnsafeBytes { properties in
            try body.withUnsafeBytes { body in
                try encoder.encode(queue: queueHandle(topic: topic, queueId: 0), attributes: attributes, body: body, properties: properties)
            }
        }
        return try append(draft)
    }

    /// Waits until everything appended so far can be found.
    func waitUntilIndexed() async throws {
        try await eventually("the index has all up to \(maxPhysicalOffset)") { indexedOffset >= maxPhysicalOffset }
    }

    /// The log offsets of what a query finds.
    func offsets(_ topic: String, _ key: String, maxCount: Int = 64, from begin: Int64 = 0, to end: Int64 = .max) throws -> [Int64] {
        try query(topic: topic, key: key, maxCount: maxCount, from: begin, to: end).records.map { record in
            let message = try #require(try MessageRecord.decodeAll(Array(record.bytes), decompressing: true).first)
            #expect(message.topic == topic)
            return message.physicalOffset
        }
    }
}
