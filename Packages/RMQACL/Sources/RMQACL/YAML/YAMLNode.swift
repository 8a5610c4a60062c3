import RMQCommon

/// One value of a YAML document, with the line that it begins at. Never shown whole: secrets are among them.
struct YAMLNode: Sendable {
    /// A key with its value.
    struct Entry: Sendable {
        @ByteText var key = ""
        var line = 0
        var value: YAMLNode
    }

    enum Content: Sendable {
        /// - isPlain: written without quotes, so that it may mean something else than its text.
        case scalar(String, isPlain: Bool)
        case sequence([YAMLNode])
        /// In the order of the document, each key once.
        case mapping([Entry])
    }

    var content: Content
    /// From 1 on; 0 for what is in no document yet.
    var line = 0

    /// A text, whatever it looks like.
    static func text(_ text: String) -> YAMLNode { YAMLNode(content: .scalar(text, isPlain: false)) }
    static func texts(_ texts: [String]) -> YAMLNode { YAMLNode(content: .sequence(texts.map(YAMLNode.text))) }
    static func flag(_ value: Bool) -> YAMLNode { YAMLNode(content: .scalar(value ? "true" : "false", isPlain: true)) }
    static func number(_ value: Int64) -> YAMLNode { YAMLNode(content: .scalar(String(value), isPlain: true)) }
    static func sequence(_ items: [YAMLNode]) -> YAMLNode { YAMLNode(content: .sequence(items)) }
    static var emptyMapping: YAMLNode { YAMLNode(content: .mapping([])) }

    /// Nothing: `key:`, `~`, `null`.
    var isNull: Bool {
        guard case .scalar(let text, isPlain: true) = content else { return false }
        return text.isEmpty || text.isExactly("~") || text.isExactlyIgnoringCase("null")
    }

    /// The text of a scalar that is not null. Numbers are what is written.
    var text: String? {
        guard case .scalar(let text, _) = content, !isNull else { return nil }
        return text
    }

    /// A truth value in one of YAML's words, quoted or not.
    var flag: Bool? {
        guard let text else { return nil }
        if ["true", "yes", "on"].contains(where: text.isExactlyIgnoringCase) { return true }
        return ["false", "no", "off"].contains(where: text.isExactlyIgnoringCase) ? false : nil
    }

    /// The keys and values of a mapping; nil for anything else.
    var entries: [Entry]? {
        guard case .mapping(let entries) = content else { return nil }
        return entries
    }

    /// The items of a sequence; nil for anything else.
    var items: [YAMLNode]? {
        guard case .sequence(let items) = content else { return nil }
        return items
    }

    /// The value of a key of a mapping. A new value takes the place of the old one, or comes last.
    subscript(key: String) -> YAMLNode? {
        get { entries?.first { $0.key.isExactly(key) }?.value }
        set {
            var entries = entries ?? []
            let place = entries.firstIndex { $0.key.isExactly(key) }
            switch (place, newValue) {
            case (let place?, let value?): entries[place].value = value
            case (nil, let value?): entries.append(Entry(key: key, value: value))
            case (let place?, nil): entries.remove(at: place)
            case (nil, nil): break
            }
            content = .mapping(entries)
        }
    }
}
