/// The names and values that travel with a message, in the order in which they were set. Their bytes are a ``PropertyText``.
///
/// A small array: messages carry a handful, and looking through them costs less than hashing. Those of a message that was pulled are
/// bytes until somebody changes or lists them. Two are equal when they hold the same pairs, in whatever order.
public struct MessageProperties: Sendable {
    /// One pair, as a loop over the properties gets it.
    public typealias Element = (name: String, value: String)

    /// What the record's 16-bit length field can say.
    public static let byteLimit = 32_767

    private enum Storage: Sendable {
        case pairs([Element])
        case text(SharedPropertyText.Part)
    }
    private var storage = Storage.pairs([])

    public init() {}

    /// What a message of an answer has, not yet looked at.
    init(_ part: SharedPropertyText.Part) { storage = .text(part) }

    /// As ``init(decoding:)-(UnsafeRawBufferPointer)``, from an array.
    public init(decoding bytes: [UInt8]) { self = bytes.withUnsafeBytes { MessageProperties(decoding: $0) } }

    /// Reads the text form. Pairs without a name or without a value are dropped, as the reference does; of equal names the last wins.
    public init(decoding bytes: UnsafeRawBufferPointer) {
        storage = .pairs(Self.pairs(decoding: bytes))
    }

    static func pairs(decoding bytes: UnsafeRawBufferPointer) -> [Element] {
        var pairs: [Element] = []
        var places: [ByteText: Int] = [:]   // only beyond the first few: input decides how many there are
        for pair in PropertyText.pairs(in: bytes) {
            let (nameBytes, valueBytes) = pair.split()
            if nameBytes.isEmpty || valueBytes.isEmpty { continue }
            let name = String(decoding: nameBytes, as: UTF8.self), value = String(decoding: valueBytes, as: UTF8.self)
            if pairs.count < 16 {
                pairs.set(name, value)
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
        return pairs
    }

    /// The pairs in their order; writing gives up the bytes that they were read from.
    private var pairs: [Element] {
        get {
            switch storage {
            case .pairs(let pairs): pairs
            case .text(let part): part.pairs
            }
        }
        _modify {
            var pairs = self.pairs
            storage = .pairs([])   // so that the array has one owner while it is changed
            defer { storage = .pairs(pairs) }
            yield &pairs
        }
    }

    /// How many names have a value.
    public var count: Int { pairs.count }
    /// Whether no name has a value.
    public var isEmpty: Bool { pairs.isEmpty }

    /// Setting nil removes the property.
    public subscript(name: String) -> String? {
        get {
            switch storage {
            case .pairs(let pairs): pairs.first { $0.name.isExactly(name) }?.value
            case .text(let part): part.value(of: name)
            }
        }
        set { pairs.set(name, newValue) }
    }

    /// Takes over all of `other`; of equal names its value wins.
    public mutating func merge(_ other: MessageProperties) { for (name, value) in other { self[name] = value } }

    /// The text form, without a separator at the end. Empty values are written.
    public func encoded() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(pairs.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count + 2 })
        for (name, value) in pairs {
            if !bytes.isEmpty { bytes.append(PropertyText.pairEnd) }
            bytes.append(contentsOf: name.utf8)
            bytes.append(PropertyText.nameEnd)
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

extension [MessageProperties.Element] {
    /// Sets a value where the name stands already, or at the end; nil removes it.
    mutating func set(_ name: String, _ value: String?) {
        let place = firstIndex { $0.name.isExactly(name) }
        switch (place, value) {
        case (let place?, let value?): self[place].value = value
        case (let place?, nil): remove(at: place)
        case (nil, let value?): append((name, value))
        case (nil, nil): break
        }
    }
}
