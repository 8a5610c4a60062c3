/// The string hash that the protocol and the files inherited from Java: h = 31·h + unit over UTF-16 units, modulo 2^32.
public enum JavaString {
    @inlinable public static func hash(_ text: String) -> Int32 {
        var text = text
        return text.withUTF8 { hash(utf8: UnsafeRawBufferPointer($0)) }
    }

    /// The hash of UTF-8 text without making a `String` of it when it is ASCII.
    @inlinable public static func hash(utf8 bytes: UnsafeRawBufferPointer) -> Int32 {
        var hash: Int32 = 0
        for byte in bytes {
            guard byte < 0x80 else { return hashOfUnicode(bytes) }
            hash = hash &* 31 &+ Int32(byte)
        }
        return hash
    }

    @usableFromInline static func hashOfUnicode(_ bytes: UnsafeRawBufferPointer) -> Int32 {
        String(decoding: bytes, as: UTF8.self).utf16.reduce(into: Int32(0)) { $0 = $0 &* 31 &+ Int32($1) }
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
