/// What an account of access control may do with a topic or a group, in the words of the account file and of the requests that change it.
public enum AccessPermission: String, CaseIterable, Sendable {
    case deny = "DENY"
    case publish = "PUB"
    case subscribe = "SUB"
    case both = "PUB|SUB"

    /// The words that may stand in a file, for error texts. `SUB|PUB` is taken as well.
    public static let allowed = "DENY, PUB, SUB, PUB|SUB"

    /// Nil for any other word. Blanks around it do not count.
    public init?(word: String) {
        let word = word.trimmedLikeJava
        self.init(exactly: word.isExactly("SUB|PUB") ? Self.both.rawValue : word)
    }
}

/// `name=permission`, an item of an account's lists.
public struct NamedPermission {
    /// The topic or the group.
    @ByteText public var name = ""
    /// Nil for a word that is no permission.
    public var permission: AccessPermission?

    /// Nil for a text of another form.
    public init?(_ text: String) {
        let parts = text.split(ascii: "=")
        guard parts.count == 2 else { return nil }
        name = parts[0].trimmedLikeJava
        permission = AccessPermission(word: parts[1])
    }
}
