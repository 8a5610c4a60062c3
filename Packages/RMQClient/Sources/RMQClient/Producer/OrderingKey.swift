import RMQCommon

/// Which queue the messages of a key go to, the same as with the reference's hash selector.
enum OrderingKey {
    /// - Parameter count: queues of the topic, at least one.
    static func index(of key: String, among count: Int) -> Int { index(ofHash: JavaString.hash(key), among: count) }

    /// - Parameter count: queues of the topic, at least one.
    static func index(ofHash hash: Int32, among count: Int) -> Int { abs(Int(hash) % count) }
}
