import RMQCommon

/// The order in which the reference prints hash tables: that of its buckets.
///
/// A table begins with 16 buckets and doubles when it holds more than three quarters of them; an entry lies in bucket
/// `(hash ^ hash >> 16) mod buckets`, and entries of one bucket keep the order in which they came.
enum HashOrder {
    static func sorted<Element>(_ elements: some Collection<Element>, hash: (Element) -> Int32) -> [Element] {
        var buckets: UInt32 = 16
        while elements.count > Int(buckets) * 3 / 4 { buckets *= 2 }
        let placed = elements.enumerated().map { index, element in
            let bits = UInt32(bitPattern: hash(element))
            return (bucket: (bits ^ (bits >> 16)) & (buckets - 1), index: index, element: element)
        }
        return placed.sorted { ($0.bucket, $0.index) < ($1.bucket, $1.index) }.map(\.element)
    }

    /// The properties of a message.
    static func sorted(_ properties: MessageProperties) -> [(key: String, value: String)] {
        sorted(properties.map { (key: $0.name, value: $0.value) }) { JavaString.hash($0.key) }
    }

    /// A set of queues.
    static func sorted(_ queues: [MessageQueue]) -> [MessageQueue] {
        sorted(queues) { queue in
            let broker = 31 &+ JavaString.hash(queue.brokerName)
            return (broker &* 31 &+ queue.queueId) &* 31 &+ JavaString.hash(queue.topic)
        }
    }
}
