/// Why a configuration cannot be used.
public enum ConfigurationError: Error, Equatable, Sendable, CustomStringConvertible {
    case badValue(key: String, value: String, allowed: String)
    case missingFile(path: String)
    case unreadable(SystemFailure)
    /// Half of its bytes would be taken for a part of the keys, so that none of them would be known.
    case isUTF16(path: String)

    public var description: String {
        switch self {
        case .badValue(let key, let value, let allowed): "\(key)=\(value): must be \(allowed)"
        case .missingFile(let path): "the configuration file \(path) does not exist"
        case .unreadable(let failure): "the configuration file cannot be read: \(failure)"
        case .isUTF16(let path): "the configuration file \(path) is UTF-16; save it as UTF-8"
        }
    }
}

/// The settings of a process: texts by name, read through typed keys.
public struct Configuration: Sendable, Equatable {
    private var texts: [ByteText: String] = [:]
    private var order: [String] = []

    public init() {}

    public init(_ pairs: some Sequence<(key: String, value: String)>) { for pair in pairs { self[pair.key] = pair.value } }

    public init(parsing text: String) { self.init(PropertiesText.parse(text)) }

    /// Reads a file in the properties format.
    public init(file path: String) throws(ConfigurationError) {
        let bytes: [UInt8]?
        do throws(SystemFailure) { bytes = try SmallFile.read(path) } catch { throw .unreadable(error) }
        guard let bytes else { throw .missingFile(path: path) }
        guard !bytes.starts(with: [0xFF, 0xFE]), !bytes.starts(with: [0xFE, 0xFF]) else { throw .isUTF16(path: path) }
        self.init(PropertiesText.parse(bytes))
    }

    /// The names that are set, in the order in which they were.
    public var names: [String] { order }

    public var pairs: [(key: String, value: String)] { order.map { ($0, texts[$0] ?? "") } }

    /// The properties format, one line a name.
    public var text: String { PropertiesText.format(pairs) }

    /// The text of a name; setting nil removes it.
    public subscript(name: String) -> String? {
        get { texts[name] }
        set {
            if newValue == nil { order.removeAll { $0.isExactly(name) } } else if texts[name] == nil { order.append(name) }
            texts[name] = newValue
        }
    }

    /// The value of a key, its default when it is not set.
    public func value<Value>(_ key: ConfigurationKey<Value>) throws(ConfigurationError) -> Value {
        guard let text = texts[key.name] else { return key.fallback }
        guard let value = key.parse(Self.trimmed(text)) else { throw .badValue(key: key.name, value: text, allowed: key.allowed) }
        return value
    }

    /// Values of `other` replace those of the same name.
    public mutating func merge(_ other: Configuration) { for (name, value) in other.pairs { self[name] = value } }

    /// Unknown names, each worth a warning: usually a slip of the pen.
    public func unknownNames(known: Set<ByteText>) -> [String] { order.filter { !known.contains($0) } }

    /// Writes one warning for each unknown name.
    public func warnAboutUnknownNames(known: Set<ByteText>, logger: Logger) {
        for name in unknownNames(known: known) { logger.warning("the configuration key \(name) is not known and has no effect") }
    }

    /// A value without the blanks at both ends, which a properties file counts as a part of it; only in a path can they be meant.
    public static func trimmed(_ value: String) -> String {
        value.trimmedOfSpace
    }
}
