/// What a configuration file says: texts by name. ``SettingTable`` makes typed values of them.
public struct Configuration: Sendable, Equatable {
    private var texts: [ByteText: String] = [:]
    private var order: [String] = []

    public init() {}

    /// Of equal names the last counts.
    public init(_ pairs: some Sequence<(key: String, value: String)>) { for pair in pairs { self[pair.key] = pair.value } }

    /// Reads text in the properties format.
    public init(parsing text: String) { self.init(PropertiesText.parse(text)) }

    /// Reads a file in the properties format.
    public init(file path: String) throws(ConfigurationError) {
        let bytes: [UInt8]?
        do throws(SystemFailure) { bytes = try SmallFile.read(path) } catch { throw .unreadable(error) }
        guard let bytes else { throw .missingFile(path: path) }
        guard !bytes.starts(with: [0xFF, 0xFE]), !bytes.starts(with: [0xFE, 0xFF]) else { throw .isUTF16(path: path) }
        self.init(PropertiesText.parse(bytes))
    }

    /// Names and values, in the order in which they were set.
    public var pairs: [(key: String, value: String)] { order.map { ($0, texts[$0] ?? "") } }

    /// The text of a name; setting nil removes it.
    public subscript(name: String) -> String? {
        get { texts[name] }
        set {
            if newValue == nil { order.removeAll { $0.isExactly(name) } } else if texts[name] == nil { order.append(name) }
            texts[name] = newValue
        }
    }

    /// A value without the blanks at both ends, which a properties file counts as a part of it; only in a path can they be meant.
    public static func trimmed(_ value: String) -> String {
        value.trimmedOfSpace
    }
}
