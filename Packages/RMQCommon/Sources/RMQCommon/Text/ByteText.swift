/// Text that is its UTF-8 bytes: equal, ordered and hashed by them.
///
/// A `String` is equal to another one that looks the same (`が` in one scalar or in two, the Kelvin sign and `K`), and the protocol
/// knows two topics there. So names, ids, tags, addresses and whatever else comes from a peer or a file are keys of dictionaries,
/// members of sets and operands of `==`, `<` and `switch` as `ByteText`:
///
///     var groups: [ByteText: ConsumerGroup]
///     groups["orders"]                             // a String finds its entry, too
///     switch ByteText(value) { case "true": … }
///
/// As a property wrapper it leaves the property a `String` and makes the `==` and `hash` of its type go by bytes:
///
///     struct TopicConfig: Hashable { @ByteText var topicName: String … }
///
/// `Tools/check-text` names the source lines where a plain `String` is compared.
@propertyWrapper public struct ByteText: Sendable {
    /// The text; what a wrapped property gives and takes.
    public var wrappedValue: String

    @inlinable public init(wrappedValue: String) { self.wrappedValue = wrappedValue }
    /// Compares `text` by its bytes from now on.
    @inlinable public init(_ text: String) { wrappedValue = text }

    /// The same, where a `ByteText` is at hand.
    @inlinable public var text: String { wrappedValue }
}

extension ByteText: Hashable {
    @inlinable public static func == (left: ByteText, right: ByteText) -> Bool { left.text.isExactly(right.text) }

    @inlinable public func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        hasher.combine(0xFF as UInt8)   // no UTF-8 text has this byte: two texts in a row differ from the same bytes cut elsewhere
    }
}

extension ByteText: Comparable {
    public static func < (left: ByteText, right: ByteText) -> Bool { left.text.precedesByBytes(right.text) }
}

extension ByteText: ExpressibleByStringInterpolation {
    @inlinable public init(stringLiteral text: String) { wrappedValue = text }
}

extension ByteText: CustomStringConvertible {
    public var description: String { text }
}

/// Tables are filled and asked with what requests carry, which is a `String`.
extension Dictionary where Key == ByteText {
    /// The value of a text; setting nil removes it.
    @inlinable public subscript(text: String) -> Value? {
        get { self[ByteText(text)] }
        _modify { yield &self[ByteText(text)] }
    }

    /// The value of a text, which is made when it is changed and not there.
    @inlinable public subscript(text: String, default fallback: @autoclosure () -> Value) -> Value {
        get { self[ByteText(text)] ?? fallback() }
        _modify { yield &self[ByteText(text), default: fallback()] }
    }

    /// - Returns: the value that the text had.
    @discardableResult
    @inlinable public mutating func removeValue(forKey text: String) -> Value? { removeValue(forKey: ByteText(text)) }

    /// The keys in the order of their bytes.
    public var sortedTexts: [String] { keys.sorted().map(\.text) }
}

extension Set where Element == ByteText {
    /// The texts, each once.
    public init(texts: some Sequence<String>) { self.init(texts.lazy.map { ByteText($0) }) }

    /// As for a member, by the bytes of the text.
    @inlinable public func contains(_ text: String) -> Bool { contains(ByteText(text)) }

    /// As for a member, by the bytes of the text.
    @discardableResult
    @inlinable public mutating func insert(_ text: String) -> (inserted: Bool, memberAfterInsert: ByteText) { insert(ByteText(text)) }

    /// As for a member, by the bytes of the text.
    @discardableResult
    @inlinable public mutating func remove(_ text: String) -> ByteText? { remove(ByteText(text)) }

    /// The members in the order of their bytes.
    public var sortedTexts: [String] { sorted().map(\.text) }
}
