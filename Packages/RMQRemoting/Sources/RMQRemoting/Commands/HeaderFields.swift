internal import RMQCommon

/// The named values in the header of a command: `extFields` on the wire.
///
/// A short list in the order of arrival rather than a dictionary: a header has about a dozen fields, and a walk
/// over so few costs less than hashing. Order has no meaning. Where a name occurs twice, the last one counts.
public struct HeaderFields: Sendable {
    /// One field as it travels.
    public struct Field: Sendable {
        /// The name on the wire.
        public var name: String
        /// The value as text; numbers are written in decimal.
        public var value: String

        @inlinable public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// Most fields that a decoded header may have. The largest of the protocol has 14 and signatures add three;
    /// the bound keeps a look-up in a hostile header from becoming a long walk.
    public static let limit = 1024

    @usableFromInline var list: [Field]

    @inlinable public init() {
        list = []
    }

    /// No field yet.
    /// - Parameter minimumCapacity: how many to have room for at once.
    @inlinable public init(minimumCapacity: Int) {
        list = []
        list.reserveCapacity(minimumCapacity)
    }

    /// The value of a field. Setting nil removes the field.
    public subscript(name: String) -> String? {
        get {
            list.last { $0.name.isExactly(name) }?.value
        }
        set {
            let place = list.lastIndex { $0.name.isExactly(name) }
            switch (place, newValue) {
            case (let place?, let value?): list[place].value = value
            case (nil, let value?): list.append(Field(name: name, value: value))
            case (_, nil): list.removeAll { $0.name.isExactly(name) }
            }
        }
    }

    /// Adds a field whose name is known not to be there yet; a nil value adds nothing.
    @inlinable public mutating func append(_ name: String, _ value: (some HeaderValue)?) {
        guard let value else { return }
        list.append(Field(name: name, value: value.headerText))
    }
}

// MARK: - Reading typed values

extension HeaderFields {
    /// The value of a field that must be there.
    @inlinable public func required<Value: HeaderValue>(
        _ name: String, as type: Value.Type = Value.self
    ) throws(HeaderError) -> Value {
        guard let value = try optional(name, as: type) else {
            throw HeaderError(field: name, problem: .missing)
        }
        return value
    }

    /// The value of a field, nil when it is absent; present and malformed is an error.
    @inlinable public func optional<Value: HeaderValue>(
        _ name: String, as type: Value.Type = Value.self
    ) throws(HeaderError) -> Value? {
        guard let text = self[name] else { return nil }
        guard let value = Value(headerText: text) else {
            throw HeaderError(field: name, problem: .malformed(value: text, expected: Value.expectedText))
        }
        return value
    }
}

extension HeaderFields: Sequence, ExpressibleByDictionaryLiteral {
    @inlinable public init(dictionaryLiteral elements: (String, String)...) {
        list = elements.map { Field(name: $0.0, value: $0.1) }
    }

    /// How many fields there are.
    @inlinable public var count: Int { list.count }
    /// Whether there is no field.
    @inlinable public var isEmpty: Bool { list.isEmpty }
    @inlinable public var underestimatedCount: Int { list.count }
    @inlinable public func makeIterator() -> IndexingIterator<[Field]> { list.makeIterator() }
}

extension HeaderFields: CustomStringConvertible {
    /// Commands are printed into logs, so the one field with a secret is shown without it.
    public var description: String {
        "[" + list.map { "\($0.name): \($0.name.isExactly(Self.secretName) ? "…" : $0.value)" }.joined(separator: ", ") + "]"
    }

    /// Of a request that makes an account (50).
    private static let secretName = "secretKey"
}

extension HeaderFields: Equatable {
    /// The same names with the same values, in whatever order.
    public static func == (left: HeaderFields, right: HeaderFields) -> Bool {
        left.meaning == right.meaning
    }

    private var meaning: [ByteText: ByteText] {
        Dictionary(list.map { (ByteText($0.name), ByteText($0.value)) }, uniquingKeysWith: { _, last in last })
    }
}
