import RMQCommon
import RMQRemoting

/// What an account may do with a topic or a group, in the words of the account file.
enum AccessPermission: String, CaseIterable {
    case deny = "DENY"
    case publish = "PUB"
    case subscribe = "SUB"
    case both = "PUB|SUB"

    static let allowed = "DENY, PUB, SUB, PUB|SUB"

    /// Nil for any other word. Blanks around it do not count.
    init?(word: String) {
        let word = word.trimmedLikeJava
        self.init(exactly: word.isExactly("SUB|PUB") ? Self.both.rawValue : word)
    }

    func allows(_ right: ResourceRight.Right) -> Bool {
        switch (self, right) {
        case (.both, _), (.publish, .publish), (.subscribe, .subscribe): true
        case (.deny, _), (.publish, .subscribe), (.subscribe, .publish): false
        }
    }
}

/// `name=permission`, an item of an account's lists.
struct NamedPermission {
    @ByteText var name = ""
    /// Nil for a word that is no permission.
    var permission: AccessPermission?

    /// Nil for a text of another form.
    init?(_ text: String) {
        let parts = text.split(ascii: "=")
        guard parts.count == 2 else { return nil }
        name = parts[0].trimmedLikeJava
        permission = AccessPermission(word: parts[1])
    }
}
