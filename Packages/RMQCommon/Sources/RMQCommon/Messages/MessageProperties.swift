/// The names and values that travel with a message, in the order in which they were set.
///
///     name U+0001 value U+0002 name U+0001 value …
///
/// A small array: messages carry a handful, and looking through them costs less than hashing. Two are equal when they
/// hold the same pairs, in whatever order.
public struct MessageProperties: Sendable {
    /// One pair, as a loop over the properties gets it.
    public typealias Element = (name: String, value: String)

    /// What the record's 16-bit length field can say.
    public static let byteLimit = 32_767
    static let valueSeparator: UInt8 = 1
    static let pairSeparator: UInt8 = 2

    private var pairs: [Element] = []

    public init() {}

    /// As ``init(decoding:)-(UnsafeRawBufferPointer)``, from an array.
    public init(decoding bytes: [UInt8]) { self = bytes.withUnsafeBytes { MessageProperties(decoding: $0) } }

    /// Reads the text form. Pairs without a name or without a value are dropped, as the reference does; of equal names the last wins.
    public init(decoding bytes: UnsafeRawBufferPointer) {
        var places: [ByteText: Int] = [:]   // only beyond the first few: input decides how many there are
        for segment in bytes.split(separator: Self.pairSeparator) {
            guard let separator = segment.firstIndex(of: Self.valueSeparator),
                separator > segment.startIndex, separator + 1 < segment.endIndex
            else { continue }
            let name = String(decoding: segment[..<separator], as: UTF8.self)
            let value = String(decoding: segment[(separator + 1)...], as: UTF8.self)
            if pairs.count < 16 {
                self[name] = value
            } else {
                if places.isEmpty { for (index, pair) in pairs.enumerated() { places[pair.name] = index } }
                if let place = places[name] {
                    pairs[place].value = value
                } else {
                    places[name] = pairs.count
                    pairs.append((name, value))
                }
            }
        }
    }

    /// How many names have a value.
    public var count: Int { pairs.count }
    /// Whether no name has a value.
    public var isEmpty: Bool { pairs.isEmpty }

    /// Setting nil removes the property.
    public subscript(name: String) -> String? {
        get { pairs.first { $0.name.isExactly(name) }?.value }
        set {
            let place = pairs.firstIndex { $0.name.isExactly(name) }
            switch (place, newValue) {
            case (let place?, let value?): pairs[place].value = value
            case (let place?, nil): pairs.remove(at: place)
            case (nil, let value?): pairs.append((name, value))
            case (nil, nil): break
            }
        }
    }

    /// Takes over all of `other`; of equal names its value wins.
    public mutating func merge(_ other: MessageProperties) { for (name, value) in other { self[name] = value } }

    /// The text form, without a separator at the end. Empty values are written.
    public func encoded() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(pairs.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count + 2 })
        for (name, value) in pairs {
            if !bytes.isEmpty { bytes.append(Self.pairSeparator) }
            bytes.append(contentsOf: name.utf8)
            bytes.append(Self.valueSeparator)
            bytes.append(contentsOf: value.utf8)
        }
        return bytes
    }

    /// The text form as a string, as command headers carry it.
    public var text: String { String(decoding: encoded(), as: UTF8.self) }
}

extension MessageProperties: Sequence {
    public func makeIterator() -> IndexingIterator<[Element]> { pairs.makeIterator() }
    public var underestimatedCount: Int { pairs.count }
}

extension MessageProperties: Equatable {
    public static func == (left: MessageProperties, right: MessageProperties) -> Bool {
        guard left.count == right.count else { return false }
        return left.pairs.allSatisfy { right[$0.name].isExactly($0.value) }
    }

    /// The same without the order.
    public var dictionary: [ByteText: String] { Dictionary(pairs.map { (ByteText($0.name), $0.value) }) { $1 } }
}

extension MessageProperties: ExpressibleByDictionaryLiteral, CustomStringConvertible {
    public init(dictionaryLiteral elements: (String, String)...) { self.init(elements) }

    /// Sets one after the other; of equal names the last wins.
    public init(_ elements: some Sequence<(String, String)>) { for (name, value) in elements { self[name] = value } }

    /// `{KEYS=k1, TAGS=TagA}`
    public var description: String { "{" + pairs.map { "\($0.name)=\($0.value)" }.joined(separator: ", ") + "}" }
}
