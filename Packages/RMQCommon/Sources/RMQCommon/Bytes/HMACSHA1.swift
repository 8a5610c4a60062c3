internal import CCrypto

/// A secret that is ready to sign with HMAC-SHA1 (RFC 2104), by the system's OpenSSL.
///
///     SHA1(key ^ 5C…5C, SHA1(key ^ 36…36, content))
///
/// Both digests are kept as they are behind their block of the key. So a signature costs the blocks of its content and two more, and
/// allocates nothing: it is made for each signed send, by both ends.
public struct HMACSHA1: Sendable {
    /// 20 bytes.
    public typealias Digest = InlineArray<20, UInt8>
    /// The digest in Base64, as requests carry it.
    public typealias Text = InlineArray<28, UInt8>

    /// Content that grows until it is signed. The calls of one signature belong together: begin, add as often as needed, sign.
    public struct Content {
        fileprivate var state: SHA_CTX

        /// Adds bytes at the end.
        @inline(__always)
        public mutating func add(_ bytes: UnsafeRawBufferPointer) { SHA1_Update(&state, bytes.baseAddress, bytes.count) }

        /// Adds bytes at the end.
        @inline(__always)
        public mutating func add(_ bytes: [UInt8]) { bytes.withUnsafeBytes { add($0) } }
    }

    private static let blockByteCount = 64
    private let inner: SHA_CTX
    private let outer: SHA_CTX

    /// Nil where the system's policy takes the algorithm away, which the functions used here would not notice.
    /// - Parameter key: the secret, of any length.
    public init?(key: [UInt8]) {
        var probe = [UInt8](repeating: 0, count: 20)
        guard HMAC(EVP_sha1(), [0], 1, [0], 1, &probe, nil) != nil else { return nil }
        var block = key
        if key.count > Self.blockByteCount {
            block = [UInt8](repeating: 0, count: 20)
            SHA1(key, key.count, &block)
        }
        block += [UInt8](repeating: 0, count: Self.blockByteCount - block.count)
        inner = Self.state(behind: block.map { $0 ^ 0x36 })
        outer = Self.state(behind: block.map { $0 ^ 0x5C })
    }

    private static func state(behind block: [UInt8]) -> SHA_CTX {
        var state = SHA_CTX()
        SHA1_Init(&state)
        SHA1_Update(&state, block, block.count)
        return state
    }

    /// Empty content.
    public func begin() -> Content { Content(state: inner) }

    /// The signature of the content.
    public func digest(of content: consuming Content) -> Digest {
        var digest = Digest(repeating: 0)
        var state = content.state
        Self.finish(&state, &digest)
        var outer = outer
        let copy = digest
        copy.span.withUnsafeBytes { _ = SHA1_Update(&outer, $0.baseAddress, $0.count) }
        Self.finish(&outer, &digest)
        return digest
    }

    private static func finish(_ state: inout SHA_CTX, _ digest: inout Digest) {
        var span = digest.mutableSpan
        span.withUnsafeMutableBufferPointer { _ = SHA1_Final($0.baseAddress, &state) }
    }

    /// The signature of the content as text.
    public func text(of content: consuming Content) -> Text {
        let digest = digest(of: content)
        var text = Text(repeating: UInt8(ascii: "="))
        // 20 bytes are six groups of three, and two more with one character of padding.
        for group in 0..<7 {
            let third = group < 6 ? UInt32(digest[group * 3 + 2]) : 0
            let bits = UInt32(digest[group * 3]) << 16 | UInt32(digest[group * 3 + 1]) << 8 | third
            for place in 0..<(group < 6 ? 4 : 3) { text[group * 4 + place] = Base64.character(bits >> UInt32(18 - 6 * place)) }
        }
        return text
    }

    /// Whether `text` is the signature of the content. How long it takes tells at most whether it has the right length.
    public func isSignature(_ text: UnsafeRawBufferPointer, of content: consuming Content) -> Bool {
        let right = self.text(of: content)
        return right.span.withUnsafeBytes { text.count == $0.count && CRYPTO_memcmp($0.baseAddress, text.baseAddress, text.count) == 0 }
    }
}
