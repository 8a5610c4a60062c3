public import Glibc

/// A message's properties as records, the entries of batches and the headers of sends hold them: UTF-8.
///
///     name 0x01 value 0x02 name 0x01 value …      the last 0x02 may be missing
///
/// A pair without a name or without a value counts as absent; of several with one name the last one counts. This is the one
/// walk over such bytes. It makes nothing: whoever wants a table of texts makes ``MessageProperties`` with it.
public enum PropertyText {
    /// The byte behind a name.
    @inlinable public static var nameEnd: UInt8 { 1 }
    /// The byte behind a value.
    @inlinable public static var pairEnd: UInt8 { 2 }

    /// One pair as it stands in the bytes.
    public struct Pair {
        /// Where the pair begins in all of the bytes.
        public let start: Int
        /// Name, 0x01 and value, without the closing 0x02; valid while all of the bytes are.
        public let bytes: UnsafeRawBufferPointer

        @inlinable @inline(__always) init(start: Int, bytes: UnsafeRawBufferPointer) {
            self.start = start
            self.bytes = bytes
        }

        /// Whether the pair has a certain name, and perhaps an empty value.
        @inlinable @inline(__always)
        public func isNamed(_ name: StaticString) -> Bool {
            let count = name.utf8CodeUnitCount
            return bytes.count > count && bytes[count] == PropertyText.nameEnd && memcmp(bytes.baseAddress!, name.utf8Start, count) == 0
        }

        /// The value of a pair with that name; nil for another name, and for an empty value.
        @inlinable @inline(__always)
        public func value(of name: StaticString) -> UnsafeRawBufferPointer? {
            let valueStart = name.utf8CodeUnitCount + 1
            return bytes.count > valueStart && isNamed(name) ? UnsafeRawBufferPointer(rebasing: bytes[valueStart...]) : nil
        }

        /// The value of a pair with that name, which is not empty; nil for another name, and for an empty value.
        func value(of name: UnsafeBufferPointer<UInt8>) -> UnsafeRawBufferPointer? {
            let count = name.count
            guard count > 0, bytes.count > count + 1, bytes[count] == PropertyText.nameEnd, memcmp(bytes.baseAddress!, name.baseAddress!, count) == 0
            else { return nil }
            return UnsafeRawBufferPointer(rebasing: bytes[(count + 1)...])
        }

        /// The name, which is everything where there is no 0x01, and the value.
        public func split() -> (name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
            let end = bytes.firstIndex(of: PropertyText.nameEnd) ?? bytes.count
            return (UnsafeRawBufferPointer(rebasing: bytes[..<end]), UnsafeRawBufferPointer(rebasing: bytes[min(end + 1, bytes.count)...]))
        }
    }

    /// The pairs in their order, those that count as absent included.
    public struct Pairs: Sequence, IteratorProtocol {
        @usableFromInline let bytes: UnsafeRawBufferPointer
        @usableFromInline var position = 0

        @inlinable @inline(__always) init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

        @inlinable @inline(__always)
        public mutating func next() -> Pair? {
            guard position < bytes.count, let base = bytes.baseAddress else { return nil }
            let start = position
            let end = memchr(base + start, Int32(PropertyText.pairEnd), bytes.count - start).map { UnsafeRawPointer($0) - base } ?? bytes.count
            position = end + 1
            return Pair(start: start, bytes: UnsafeRawBufferPointer(start: base + start, count: end - start))
        }
    }

    /// The pairs in some properties.
    @inlinable @inline(__always)
    public static func pairs(in properties: UnsafeRawBufferPointer) -> Pairs { Pairs(properties) }

    /// The value of a name, pointing into `properties`; nil when it is absent or empty.
    @inlinable
    public static func value(_ name: StaticString, in properties: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        var found: UnsafeRawBufferPointer?
        for pair in pairs(in: properties) { found = pair.value(of: name) ?? found }
        return found
    }

    // MARK: Writing

    /// Whether a pair that follows these needs a 0x02 before it.
    @inlinable public static func isOpen(_ properties: UnsafeRawBufferPointer) -> Bool { properties.last.map { $0 != pairEnd } ?? false }

    /// Whether a 0x02 has to stand between these.
    @inlinable public static func needsPairEnd(_ properties: UnsafeRawBufferPointer, before added: UnsafeRawBufferPointer) -> Bool {
        !added.isEmpty && isOpen(properties)
    }

    /// One pair as text, open at its end.
    public static func pair(_ name: String, _ value: String) -> String { "\(name)\u{1}\(value)" }

    /// The properties with some pairs in place of all that have their names, and without pairs of certain names.
    ///
    /// What stays keeps its bytes and its order; `pairs` come last.
    public static func replacing(
        _ pairs: [(name: String, value: String)], removing names: [String] = [], in properties: UnsafeRawBufferPointer
    ) -> [UInt8] {
        let left = pairs.map { Array($0.name.utf8) } + names.map { Array($0.utf8) }
        var result: [UInt8] = []
        result.reserveCapacity(properties.count + pairs.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count + 2 })
        for pair in Self.pairs(in: properties) where !pair.bytes.isEmpty {
            let name = pair.split().name
            guard !left.contains(where: { name.elementsEqual($0) }) else { continue }
            result += pair.bytes
            result.append(pairEnd)
        }
        for (name, value) in pairs {
            result += pair(name, value).utf8
            result.append(pairEnd)
        }
        if !result.isEmpty { result.removeLast() }
        return result
    }
}
