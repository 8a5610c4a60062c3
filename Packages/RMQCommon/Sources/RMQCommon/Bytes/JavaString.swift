/// The string hash that the protocol and the files inherited from Java: h = 31·h + unit over UTF-16 units, modulo 2^32.
public enum JavaString {
    @inlinable public static func hash(_ text: String) -> Int32 {
        var text = text
        return text.withUTF8 { hash(utf8: UnsafeRawBufferPointer($0)) }
    }

    /// The hash of UTF-8 text, without making a `String` of it.
    ///
    /// - Parameter prefix: the hash of what comes before: `hash(b, after: hash(a))` is the hash of `a` followed by `b`.
    @inlinable public static func hash(utf8 bytes: UnsafeRawBufferPointer, after prefix: Int32 = 0) -> Int32 {
        var hash = UInt32(bitPattern: prefix)
        var index = 0
        // Four at a time, since each step has to wait for the one before: 31^4·h + 31^3·a + 31^2·b + 31·c + d.
        while index &+ 4 <= bytes.count {
            let word = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt32.self))
            guard word & 0x8080_8080 == 0 else { break }
            hash = hash &* 923_521 &+ (word >> 24) &* 29_791 &+ (word >> 16 & 0xFF) &* 961 &+ (word >> 8 & 0xFF) &* 31 &+ (word & 0xFF)
            index &+= 4
        }
        while index < bytes.count {
            guard bytes[index] < 0x80 else {
                return hashOfUnicode(UnsafeRawBufferPointer(rebasing: bytes[index...]), after: Int32(bitPattern: hash))
            }
            hash = hash &* 31 &+ UInt32(bytes[index])
            index &+= 1
        }
        return Int32(bitPattern: hash)
    }

    /// From the first byte that is not ASCII on. Malformed sequences count as U+FFFD, as they do for `String` and in Java.
    @usableFromInline static func hashOfUnicode(_ bytes: UnsafeRawBufferPointer, after prefix: Int32) -> Int32 {
        var hash = prefix
        var decoder = UTF8.ForwardParser()
        var iterator = bytes.makeIterator()
        while true {
            switch decoder.parseScalar(from: &iterator) {
            case .valid(let encoded):
                for unit in UTF8.decode(encoded).utf16 { hash = hash &* 31 &+ Int32(unit) }
            case .error: hash = hash &* 31 &+ 0xFFFD
            case .emptyInput: return hash
            }
        }
    }

    /// What a consume queue stores for a message's tag: the sign-extended hash, 0 without a tag.
    @inlinable public static func tagsCode(_ tags: String?) -> Int64 {
        guard let tags, !tags.isEmpty else { return 0 }
        return Int64(hash(tags))
    }

    /// What the index stores for a key text: the absolute hash, 0 where that does not fit.
    @inlinable public static func indexHash(_ key: String) -> Int32 {
        let hash = hash(key)
        return hash == .min ? 0 : abs(hash)
    }
}
