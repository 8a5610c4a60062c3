import RMQCommon

/// The keys under which a message can be looked up, found in one walk over its properties.
///
/// Those are the value of `UNIQ_KEY` and every word of `KEYS`; words are separated by single blanks. Pointers into the record.
struct RecordKeys {
    private(set) var uniqueId: UnsafeRawBufferPointer?
    private(set) var words: UnsafeRawBufferPointer?

    /// As everywhere: later duplicates win, and a pair without a value does not count.
    @inline(__always)
    init(_ properties: UnsafeRawBufferPointer) {
        for pair in PropertyText.pairs(in: properties) {
            if let value = pair.value(of: "UNIQ_KEY") {
                uniqueId = value
            } else if let value = pair.value(of: "KEYS") {
                words = value
            }
        }
    }

    /// Calls `body` with every key, the unique id first, until it returns false.
    @inline(__always)
    func forEach<Failure: Error>(_ body: (UnsafeRawBufferPointer) throws(Failure) -> Bool) throws(Failure) {
        if let uniqueId, try !body(uniqueId) { return }
        guard let words else { return }
        var start = 0
        for index in 0...words.count where index == words.count || words[index] == UInt8(ascii: " ") {
            if index > start, try !body(UnsafeRawBufferPointer(rebasing: words[start..<index])) { return }
            start = index + 1
        }
    }

    var isEmpty: Bool { uniqueId == nil && words == nil }

    func contains(_ key: UnsafeRawBufferPointer) -> Bool {
        var found = false
        forEach { candidate in
            found = candidate.elementsEqual(key)
            return !found
        }
        return found
    }
}

/// The hash of `topic#key` as index files hold it. Made once per record, used for each of its keys.
struct KeyHash {
    private let prefix: Int32

    @inline(__always)
    init(topic: UnsafeRawBufferPointer) {
        // What "#" adds to the hash of the topic.
        prefix = JavaString.hash(utf8: topic) &* 31 &+ 0x23
    }

    @inline(__always)
    func callAsFunction(_ key: UnsafeRawBufferPointer) -> Int32 {
        let hash = JavaString.hash(utf8: key, after: prefix)
        return hash == .min ? 0 : abs(hash)
    }
}
