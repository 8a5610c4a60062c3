internal import Glibc

/// Comparing, searching and splitting by UTF-8 bytes.
///
/// The operations of `String` that these replace work on `Character`: `"\r\n"` is one of those, a combining mark belongs to the
/// separator before it, and characters are equal when they look equal. A separator here is an ASCII character; no byte of it
/// occurs inside another character's bytes.
extension String {
    /// Whether both have the same bytes.
    public func isExactly(_ other: String) -> Bool {
        let count = utf8.count
        guard count == other.utf8.count else { return false }
        var left = self, right = other   // native already: `withUTF8` copies nothing
        return left.withUTF8 { left in right.withUTF8 { right in count == 0 || memcmp(left.baseAddress!, right.baseAddress!, count) == 0 } }
    }

    /// Whether the text stands before `other` in the order of bytes, where the beginning of a text stands before it.
    public func precedesByBytes(_ other: String) -> Bool {
        var left = self, right = other
        return left.withUTF8 { left in
            right.withUTF8 { right in
                let order = left.isEmpty || right.isEmpty ? 0 : memcmp(left.baseAddress!, right.baseAddress!, min(left.count, right.count))
                return order == 0 ? left.count < right.count : order < 0
            }
        }
    }

    /// Whether the text begins with these bytes.
    public func hasBytePrefix(_ prefix: String) -> Bool { utf8.starts(with: prefix.utf8) }

    /// Whether the text ends with these bytes.
    public func hasByteSuffix(_ suffix: String) -> Bool {
        utf8.count >= suffix.utf8.count && utf8.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
    }

    /// The text before a suffix; nil when it does not end so.
    public func droppingByteSuffix(_ suffix: String) -> String? {
        hasByteSuffix(suffix) ? String(Substring(utf8.dropLast(suffix.utf8.count))) : nil
    }

    /// The text behind a prefix; nil when it does not begin so.
    public func droppingBytePrefix(_ prefix: String) -> String? {
        hasBytePrefix(prefix) ? String(Substring(utf8.dropFirst(prefix.utf8.count))) : nil
    }

    /// So many bytes of the text at most, for error texts: what a peer sends may be long. A character that is cut becomes U+FFFD.
    public func prefix(bytes count: Int) -> String { String(decoding: utf8.prefix(count), as: UTF8.self) }

    /// Whether an ASCII character stands somewhere in this text.
    public func contains(ascii character: Unicode.Scalar) -> Bool { utf8.contains(UInt8(ascii: character)) }

    /// Whether the bytes of `other` stand somewhere in this text.
    public func containsBytes(of other: String) -> Bool {
        let pattern = Array(other.utf8), bytes = Array(utf8)
        guard let first = pattern.first else { return true }
        guard pattern.count <= bytes.count else { return false }
        return (0 ... bytes.count - pattern.count).contains { bytes[$0] == first && bytes[$0...].starts(with: pattern) }
    }

    /// The parts between the separators.
    ///
    /// - Parameter most: as many cuts at most; the rest is the last part.
    public func split(ascii separator: Unicode.Scalar, most: Int = .max, keepingEmpty: Bool = false) -> [String] {
        utf8.split(separator: UInt8(ascii: separator), maxSplits: most, omittingEmptySubsequences: !keepingEmpty).map { String(Substring($0)) }
    }

    /// The parts between the places where the bytes of a longer separator stand, empty ones left out.
    public func split(atBytesOf separator: String) -> [String] {
        let pattern = Array(separator.utf8)
        var parts: [String] = []
        var rest = Array(utf8)[...]
        while let first = pattern.first, let place = rest.indices.first(where: { rest[$0] == first && rest[$0...].starts(with: pattern) }) {
            parts.append(String(decoding: rest[..<place], as: UTF8.self))
            rest = rest[(place + pattern.count)...]
        }
        parts.append(String(decoding: rest, as: UTF8.self))
        return parts.filter { !$0.isEmpty }
    }

    /// The text before and after the first separator; nil without one.
    public func cut(atFirst separator: Unicode.Scalar) -> (before: String, after: String)? {
        utf8.firstIndex(of: UInt8(ascii: separator)).map { cut(at: $0) }
    }

    /// The text before and after the last separator; nil without one.
    public func cut(atLast separator: Unicode.Scalar) -> (before: String, after: String)? {
        utf8.lastIndex(of: UInt8(ascii: separator)).map { cut(at: $0) }
    }

    private func cut(at place: Index) -> (before: String, after: String) {
        (String(Substring(utf8[..<place])), String(Substring(utf8[utf8.index(after: place)...])))
    }

    /// Equal but for the case of `A` to `Z`.
    public func isExactlyIgnoringCase(_ other: String) -> Bool { utf8.elementsEqual(other.utf8) { $0.asciiLowercased == $1.asciiLowercased } }

    /// With `A` to `Z` in lower case and everything else as it is.
    public var asciiLowercased: String { String(decoding: utf8.map(\.asciiLowercased), as: UTF8.self) }

    /// With `a` to `z` in upper case and everything else as it is.
    public var asciiUppercased: String {
        String(decoding: utf8.map { UInt8(ascii: "a") ... UInt8(ascii: "z") ~= $0 ? $0 & ~0x20 : $0 }, as: UTF8.self)
    }

    /// Without the control characters and blanks at both ends, as Java's `trim` has it.
    public var trimmedLikeJava: String {
        let head = utf8.drop { $0 <= 0x20 }
        return head.lastIndex { $0 > 0x20 }.map { String(Substring(head[...$0])) } ?? ""
    }

    /// Without any white space at both ends: for what a person typed.
    public var trimmedOfSpace: String {
        let head = unicodeScalars.drop(while: \.properties.isWhitespace)
        return head.lastIndex { !$0.properties.isWhitespace }.map { String(Substring(head[...$0])) } ?? ""
    }

    /// Empty, or white space alone.
    public var isBlank: Bool { unicodeScalars.allSatisfy(\.properties.isWhitespace) }
}

extension UInt8 {
    fileprivate var asciiLowercased: UInt8 { UInt8(ascii: "A") ... UInt8(ascii: "Z") ~= self ? self | 0x20 : self }
}

extension [String] {
    /// In the order of their bytes.
    public func sortedByBytes() -> [String] { sorted { ByteText($0) < ByteText($1) } }

    /// Whether both have the same texts, by their bytes, in the same order.
    public func isExactly(_ other: [String]) -> Bool { elementsEqual(other) { $0.isExactly($1) } }

    /// Whether one of the texts has the same bytes.
    public func containsExactly(_ text: String) -> Bool { contains { $0.isExactly(text) } }
}

extension String? {
    /// Whether both are nil or have the same bytes.
    public func isExactly(_ other: String?) -> Bool { self.map { ByteText($0) } == other.map { ByteText($0) } }
}

extension UnsafeRawBufferPointer {
    /// Whether these are the bytes of the text.
    public func isExactly(_ text: String) -> Bool { elementsEqual(text.utf8) }
}
