import RMQCommon

extension StatisticsSet {
    /// The most `@` in a key: three labels can be cut from it in some two thousand ways then.
    private static let separatorLimit = 64
    /// The longest key, in bytes: a queue, a topic and a group of the longest names.
    private static let keyLimit = 16 + 2 * ClientLimit.topicBytesOfOffsets

    /// What was counted of one item by the key that tools know the item by: its labels, joined with `@`, which may itself be in a group.
    func snapshots(key: String) -> [StatisticsSnapshot]? {
        guard key.utf8.count <= Self.keyLimit, key.utf8.count(where: { $0 == UInt8(ascii: "@") }) <= Self.separatorLimit else { return nil }
        for labels in Self.labels(joinedAs: Array(key.utf8), count: family.labelNames.count) {
            if let found = snapshots(labels) { return found }
        }
        return nil
    }

    /// Every way in which `count` labels make the key.
    private static func labels(joinedAs key: [UInt8], count: Int) -> [[String]] {
        guard count > 1 else { return [[String(decoding: key, as: UTF8.self)]] }
        return key.indices.filter { key[$0] == UInt8(ascii: "@") }.flatMap { separator in
            let first = String(decoding: key[..<separator], as: UTF8.self)
            return labels(joinedAs: Array(key[(separator + 1)...]), count: count - 1).map { [first] + $0 }
        }
    }
}
