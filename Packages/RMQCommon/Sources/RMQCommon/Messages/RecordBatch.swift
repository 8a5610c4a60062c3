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
        /// Properties of the messages from `firstOpen` on, and where they end.
        private var text: [UInt8] = []
        private var ends: [Int] = []
        private var firstOpen = 0

        init(decompressing: Bool, brokerName: String, common: [MessageProperties.Element]) {
            self.decompressing = decompressing
            self.brokerName = brokerName
            self.common = common
        }

        mutating func readAll(_ bytes: UnsafeRawBufferPointer) throws(RecordError) {
            var position = 0
            var topic = (bytes: UnsafeRawBufferPointer(start: nil, count: 0), text: "")
            while position < bytes.count {
                let (fields, parts, size) = try MessageRecord.read(UnsafeRawBufferPointer(rebasing: bytes[position...]))
                if messages.isEmpty { messages.reserveCapacity(bytes.count / size) }   // mostly they are of one size
                if !Self.areEqual(topic.bytes, parts.topic) { topic = (parts.topic, String(decoding: parts.topic, as: UTF8.self)) }
                var message = StoredMessage(fields, size: size, topic: topic.text)
                message.brokerName = brokerName
                do {
                    message.body = try MessageRecord.body(of: parts, fields.systemFlag, decompressing: decompressing)
                } catch {
                    message.body = [UInt8](parts.body)
                    unreadable.append((messages.count, error))
                }
                text += parts.properties
                ends.append(text.count)
                messages.append(message)
                if text.count >= RecordBatch.sharedPropertiesLimit { shareProperties() }
                position += size
            }
            shareProperties()
        }

        private static func areEqual(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
            left.count == right.count && (left.isEmpty || memcmp(left.baseAddress!, right.baseAddress!, left.count) == 0)
        }

        private mutating func shareProperties() {
            let shared = SharedPropertyText(text, common: common)
            var start = 0
            for (index, end) in ends.enumerated() {
                messages[firstOpen + index].properties = MessageProperties(SharedPropertyText.Part(shared, start..<end))
                start = end
            }
            firstOpen = messages.count
            text = []
            ends = []
        }
    }
}
