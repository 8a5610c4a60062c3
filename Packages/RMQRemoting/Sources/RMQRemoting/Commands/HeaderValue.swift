public import RMQCommon

/// A type that a header field can hold. Every field travels as text, in both serializations.
public protocol HeaderValue: Sendable {
    /// Nil when the text does not stand for a value of this type.
    init?(headerText: String)
    /// The text that a field carries.
    var headerText: String { get }
    /// What a field of this type must be, for error texts: `a 32-bit integer`.
    static var expectedText: String { get }
}

extension String: HeaderValue {
    @inlinable public init?(headerText: String) { self = headerText }
    @inlinable public var headerText: String { self }
    public static var expectedText: String { "a text" }
}

extension Int32: HeaderValue {
    @inlinable public init?(headerText: String) { self.init(headerText) }
    @inlinable public var headerText: String { String(self) }
    public static var expectedText: String { "a 32-bit integer" }
}

extension Int64: HeaderValue {
    @inlinable public init?(headerText: String) { self.init(headerText) }
    @inlinable public var headerText: String { String(self) }
    public static var expectedText: String { "a 64-bit integer" }
}

extension Bool: HeaderValue {
    /// `true` in any case is true, every other text is false: there is no malformed truth value.
    public init?(headerText: String) {
        self = headerText.isExactlyIgnoringCase("true")
    }

    @inlinable public var headerText: String { self ? "true" : "false" }
    public static var expectedText: String { "true or false" }
}

/// A set of flags travels as its number.
extension HeaderValue where Self: OptionSet, RawValue == Int32 {
    public init?(headerText: String) {
        guard let rawValue = Int32(headerText) else { return nil }
        self.init(rawValue: rawValue)
    }

    public var headerText: String { String(rawValue) }
    public static var expectedText: String { Int32.expectedText }
}

extension Permission: HeaderValue {}

extension TopicFilterType: HeaderValue {
    public init?(headerText: String) { self.init(exactly: headerText) }
    public var headerText: String { rawValue }
    public static var expectedText: String { "SINGLE_TAG or MULTI_TAG" }
}
