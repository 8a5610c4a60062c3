import Glibc
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
        guard var rest = properties.baseAddress else { return }
        let end = rest + properties.count
        while rest < end {
            let pairEnd = memchr(rest, Int32(PropertyScan.pairSeparator), end - rest).map { UnsafeRawPointer($0) } ?? end
            let count = pairEnd - rest
            if count > 9, Self.load(rest, UInt64.self) == Self.uniqueIdName, Self.load(rest + 8, UInt8.self) == PropertyScan.nameSeparator {
                uniqueId = UnsafeRawBufferPointer(start: rest + 9, count: count - 9)
            } else if count > 5, Self.load(rest, UInt32.self) == Self.keysName, Self.load(rest + 4, UInt8.self) == PropertyScan.nameSeparator {
                words = UnsafeRawBufferPointer(start: rest + 5, count: count - 5)
            }
            rest = pairEnd + 1
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

    @inline(__always)
    private static func load<Value: FixedWidthInteger & BitwiseCopyable>(_ position: UnsafeRawPointer, _: Value.Type) -> Value {
        Value(bigEndian: position.loadUnaligned(as: Value.self))
    }

    private static var uniqueIdName: UInt64 { 0x554E_4951_5F4B_4559 }  // "UNIQ_KEY"
    private static var keysName: UInt32 { 0x4B45_5953 }  // "KEYS"
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
