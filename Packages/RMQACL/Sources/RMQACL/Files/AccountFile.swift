import RMQCommon
import RMQRemoting

/// What one account file says: `plain_acl.yml`, or a file in `conf/acl`.
///
///     globalWhiteRemoteAddresses:
///     - 10.10.103.*
///     accounts:
///     - accessKey: orders-api
///       secretKey: …
///       whiteRemoteAddress: ''
///       admin: false
///       defaultTopicPerm: DENY
///       defaultGroupPerm: SUB
///       topicPerms:
///       - orders=PUB|SUB
///       groupPerms:
///       - billing=SUB
///     dataVersion:
///     - counter: 3
///       timestamp: 1700000000000
struct AccountFile: Sendable {
    /// Its keys, as they are written.
    enum Key {
        static let whiteAddresses = "globalWhiteRemoteAddresses"
        static let accounts = "accounts"
        static let version = "dataVersion"
        static let top = [whiteAddresses, accounts, version]

        static let accessKey = "accessKey"
        static let secretKey = "secretKey"
        static let whiteAddress = "whiteRemoteAddress"
        static let administrator = "admin"
        static let topicDefault = "defaultTopicPerm"
        static let groupDefault = "defaultGroupPerm"
        static let topics = "topicPerms"
        static let groups = "groupPerms"
        static let account = [accessKey, secretKey, whiteAddress, administrator, topicDefault, groupDefault, topics, groups]

        static let counter = "counter"
        static let timestamp = "timestamp"
    }

    /// An account of some hundred bytes, ten thousand times over. More is another file.
    static let byteLimit = 4 << 20

    let path: String
    /// As it stands in the file, to be changed and written again; nil for a file without content.
    let document: YAMLNode?
    /// From where everything is allowed.
    private(set) var whiteAddresses: [AddressPattern] = []
    /// In the order of the file.
    private(set) var accounts: [Account] = []
    /// Nil in files that no command has changed yet.
    private(set) var version: DataVersion?
    /// What does not keep the file from being used.
    private(set) var warnings: [String] = []

    /// A file that says nothing: nobody means that, but a file that was just made.
    var isEmpty: Bool { document == nil }

    init(_ bytes: [UInt8], path: String) throws(AccountFileError) {
        self.path = path
        let read: YAMLNode?
        do throws(YAMLError) { read = try YAMLReader.read(bytes) } catch { throw AccountFileError(path, line: error.line, error.problem) }
        guard let root = read, !root.isNull, root.entries?.isEmpty != true else {
            document = nil
            return
        }
        document = root
        for entry in try entries(of: root, Key.top, in: "the file") {
            switch ByteText(entry.key) {
            case ByteText(Key.whiteAddresses): for item in try texts(entry) { whiteAddresses.append(try pattern(item.text, line: item.line)) }
            case ByteText(Key.accounts): try readAccounts(entry)
            default: version = try version(entry)
            }
        }
    }

    private mutating func readAccounts(_ list: YAMLNode.Entry) throws(AccountFileError) {
        var lines: [ByteText: Int] = [:]
        for item in try items(list) {
            let account = try account(item)
            if let line = lines.updateValue(item.line, forKey: ByteText(account.accessKey)) {
                throw AccountFileError(path, line: item.line, "the account '\(account.accessKey)' stands twice, first in line \(line)")
            }
            accounts.append(account)
        }
    }

    private mutating func account(_ node: YAMLNode) throws(AccountFileError) -> Account {
        let values = try entries(of: node, Key.account, in: "an account")
        func value(_ key: String) -> YAMLNode.Entry? { values.first { $0.key.isExactly(key) && !$0.value.isNull } }
        let name = try text(value(Key.accessKey))
        guard let name, Account.isLongEnough(name) else {
            throw AccountFileError(path, line: node.line, "\(Key.accessKey) \(name.map { "'\($0)'" } ?? "is missing"); allowed: more than \(Account.shortestLimit) characters")
        }
        guard let secret = try text(value(Key.secretKey)), Account.isLongEnough(secret) else {
            throw AccountFileError(
                path, line: value(Key.secretKey)?.line ?? node.line,
                "\(Key.secretKey) of '\(name)' is missing or too short; allowed: more than \(Account.shortestLimit) characters")
        }
        guard let signer = RequestSigner(accessKey: name, secretKey: secret) else {
            throw AccountFileError(path, "this system's OpenSSL does not offer HMAC-SHA1, by which requests are signed")
        }
        var permissions: [ByteText: AccessPermission] = [:]
        // Topics come last: one that is named as a group's retry topic counts before the group.
        for (key, isGroup) in [(Key.groups, true), (Key.topics, false)] {
            guard let list = value(key) else { continue }
            for item in try texts(list) {
                guard let named = NamedPermission(item.text) else {
                    throw AccountFileError(path, line: item.line, "'\(item.text)' in \(key) of '\(name)' is not allowed; allowed: name=permission")
                }
                let resource = isGroup ? RetryTopic.name(named.name) : named.name
                permissions[ByteText(resource)] = named.permission ?? deny(item.text, line: item.line)
            }
        }
        let white = value(Key.whiteAddress)
        return Account(
            accessKey: name, signer: signer, whiteAddresses: try pattern(text(white) ?? "", line: white?.line ?? node.line),
            isAdministrator: try flag(value(Key.administrator)),
            topicDefault: try permission(value(Key.topicDefault)), groupDefault: try permission(value(Key.groupDefault)), permissions: permissions)
    }

    /// The reference reads any other word as DENY, which is on the safe side.
    private mutating func deny(_ word: String, line: Int) -> AccessPermission {
        warnings.append("\(path), line \(line): '\(word)' is no permission and counts as DENY; allowed: \(AccessPermission.allowed)")
        return .deny
    }

    private mutating func permission(_ entry: YAMLNode.Entry?) throws(AccountFileError) -> AccessPermission {
        guard let entry, let word = try text(entry) else { return .deny }
        return AccessPermission(word: word) ?? deny(word, line: entry.line)
    }
}

// MARK: - Values of one kind

extension AccountFile {
    private func entries(of node: YAMLNode, _ allowed: [String], in place: String) throws(AccountFileError) -> [YAMLNode.Entry] {
        let words = allowed.joined(separator: ", ")
        guard let entries = node.entries else { throw AccountFileError(path, line: node.line, "\(place) has no keys; allowed: \(words)") }
        if let unknown = entries.first(where: { !allowed.containsExactly($0.key) }) {
            throw AccountFileError(path, line: unknown.line, "the key '\(unknown.key)' is unknown; allowed in \(place): \(words)")
        }
        return entries
    }

    /// The items of a list; none when it is missing.
    private func items(_ entry: YAMLNode.Entry) throws(AccountFileError) -> [YAMLNode] {
        if entry.value.isNull { return [] }
        guard let items = entry.value.items else { throw AccountFileError(path, line: entry.line, "\(entry.key) is no list; allowed: items that begin with '- '") }
        return items
    }

    private func texts(_ entry: YAMLNode.Entry) throws(AccountFileError) -> [(text: String, line: Int)] {
        try items(entry).map { (item) throws(AccountFileError) in
            guard let text = item.text else { throw AccountFileError(path, line: item.line, "an item of \(entry.key) is no text") }
            return (text, item.line)
        }
    }

    private func text(_ entry: YAMLNode.Entry?) throws(AccountFileError) -> String? {
        guard let entry, !entry.value.isNull else { return nil }
        guard let text = entry.value.text else { throw AccountFileError(path, line: entry.line, "\(entry.key) is no text") }
        return text
    }

    private func flag(_ entry: YAMLNode.Entry?) throws(AccountFileError) -> Bool {
        guard let entry, !entry.value.isNull else { return false }
        guard let flag = entry.value.flag else { throw AccountFileError(path, line: entry.line, "\(entry.key) is neither true nor false") }
        return flag
    }

    private func pattern(_ text: String, line: Int) throws(AccountFileError) -> AddressPattern {
        do throws(AddressPatternError) { return try AddressPattern(text) } catch { throw AccountFileError(path, line: line, "\(error)") }
    }

    /// The first item of the list, of which there is one.
    private func version(_ list: YAMLNode.Entry) throws(AccountFileError) -> DataVersion? {
        guard let first = try items(list).first else { return nil }
        func number(_ key: String) throws(AccountFileError) -> Int64 {
            guard let text = first[key]?.text, let number = Int64(text) else {
                throw AccountFileError(path, line: first.line, "\(key) of \(list.key) is no whole number")
            }
            return number
        }
        return DataVersion(timestamp: try number(Key.timestamp), counter: try number(Key.counter))
    }
}
