internal import Glibc

/// The messages of an answer: records one after the other.
///
/// What neighbours have in common is made once: the text of a topic, the memory of properties, the name of the broker. A body that
/// cannot be restored is a matter of its message alone.
public struct RecordBatch: Sendable {
    /// In the order of the records.
    public private(set) var messages: [StoredMessage] = []
    /// Which of the messages have their body as it is stored, because it could not be restored.
    public private(set) var unreadable: [(index: Int, error: CompressionError)] = []

    /// So many bytes of properties share memory: enough for the messages of a usual pull, and little to keep for one that is kept.
    static let sharedPropertiesLimit = 16 << 10

    /// - Parameters:
    ///   - decompressing: restores compressed bodies.
    ///   - brokerName: who was asked.
    ///   - common: properties that every message gets.
    public init(
        _ bytes: [UInt8], decompressing: Bool, brokerName: String = "", common: [MessageProperties.Element] = []
    ) throws(RecordError) {
        var reading = Reading(decompressing: decompressing, brokerName: brokerName, common: common)
        try bytes.withUnsafeBytes { bytes -> Result<Void, RecordError> in
            Result { () throws(RecordError) in try reading.readAll(bytes) }
        }.get()
        messages = reading.messages
        unreadable = reading.unreadable
    }

    private struct Reading {
        let decompressing: Bool
        let brokerName: String
        let common: [MessageProperties.Element]
        var messages: [StoredMessage] = []
        var unreadable: [(index: Int, error: CompressionError)] = []
        private var properties: SharedPropertyText

        init(decompressing: Bool, brokerName: String, common: [MessageProperties.Element]) {
            self.decompressing = decompressing
            self.brokerName = brokerName
            self.common = common
            properties = SharedPropertyText(common: common)
        }

        mutating func readAll(_ bytes: UnsafeRawBufferPointer) throws(RecordError) {
            var position = 0
            var topic = (bytes: UnsafeRawBufferPointer(start: nil, count: 0), text: "")
            while position < bytes.count {
                let (fields, parts, size) = try MessageRecord.read(UnsafeRawBufferPointer(rebasing: bytes[position...]))
                if messages.isEmpty { messages.reserveCapacity(bytes.count / size) }   // mostly they are of one size
                if !Self.areEqual(topic.bytes, parts.topic) { topic = (parts.topic, String(decoding: parts.topic, as: UTF8.self)) }
                if properties.byteCount >= RecordBatch.sharedPropertiesLimit { properties = SharedPropertyText(common: common) }
                let part = properties.add(parts.properties)
                messages.append(StoredMessage(
                    fields, size: size, topic: topic.text, body: body(of: parts, fields.systemFlag), properties: MessageProperties(part),
                    brokerName: brokerName))
                position += size
            }
        }

        /// The body of the next message.
        private mutating func body(of parts: RecordParts, _ flag: SystemFlag) -> [UInt8] {
            do {
                return try MessageRecord.body(of: parts, flag, decompressing: decompressing)
            } catch {
                unreadable.append((messages.count, error))
                return [UInt8](copying: parts.body)
            }
        }

        private static func areEqual(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
            left.count == right.count && (left.isEmpty || memcmp(left.baseAddress!, right.baseAddress!, left.count) == 0)
        }
    }
}
