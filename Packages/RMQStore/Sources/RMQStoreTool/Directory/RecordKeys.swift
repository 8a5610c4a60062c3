import RMQCommon
import RMQStore

extension CheckedRecord {
    var topicText: String { String(decoding: topic, as: UTF8.self) }

    /// The queues that the record has an entry in, with its offset there: its own first, then those of a message for several.
    var places: [(topic: String, queueId: Int32, queueOffset: Int64)] {
        guard systemFlag.entersQueue else { return [] }
        let own = (topic: topicText, queueId: queueId, queueOffset: queueOffset)
        guard let names = text("INNER_MULTI_DISPATCH"), let offsets = text("INNER_MULTI_QUEUE_OFFSET") else { return [own] }
        let queues = names.split(ascii: ",", keepingEmpty: true)
        let numbers = offsets.split(ascii: ",", keepingEmpty: true).compactMap { Int64($0) }
        guard queues.count == numbers.count else { return [own] }
        return [own] + zip(queues, numbers).map { name, offset in
            (topic: name, queueId: LightQueue.isLight(name) ? 0 : queueId, queueOffset: offset)
        }
    }

    /// What index files know the record by: its unique id, then its keys.
    var keys: [String] {
        guard !systemFlag.isRolledBack else { return [] }   // rolled back
        return [text("UNIQ_KEY")].compactMap { $0 } + (text("KEYS") ?? "").split(ascii: " ")
    }

    func indexHash(_ key: String) -> Int32 { JavaString.indexHash("\(topicText)#\(key)") }

    private func text(_ name: StaticString) -> String? {
        PropertyText.value(name, in: properties).map { String(decoding: $0, as: UTF8.self) }
    }
}
