/// Puts names of topics and groups into a namespace and takes them out. Only clients do; to servers a name is a name.
///
///     T           <->  ns%T
///     %RETRY%G    <->  %RETRY%ns%G
///     TBW102      <->  TBW102          system names stay as they are
public enum Namespace {
    /// Stands between the namespace and the name.
    public static let separator: Unicode.Scalar = "%"

    /// Unchanged when either is empty, when the name belongs to the system and when it is in that namespace already.
    public static func wrap(_ namespace: String, _ name: String) -> String {
        guard !namespace.isEmpty, !name.isEmpty, !isSystem(name) else { return name }
        let (prefix, rest) = split(name)
        guard !rest.hasBytePrefix(namespace + "%") else { return name }
        return prefix + namespace + "%" + rest
    }

    /// Takes a name out of whatever namespace it is in.
    public static func unwrap(_ name: String) -> String {
        guard !isSystem(name) else { return name }
        let (prefix, rest) = split(name)
        guard let cut = rest.cut(atFirst: separator), !cut.before.isEmpty else { return name }
        return prefix + cut.after
    }

    /// Takes a name out of that namespace; unchanged when it is not in it.
    public static func unwrap(_ name: String, from namespace: String) -> String {
        guard !namespace.isEmpty, !isSystem(name) else { return name }
        let (prefix, rest) = split(name)
        guard let bare = rest.droppingBytePrefix(namespace + "%") else { return name }
        return prefix + bare
    }

    /// The namespace that a name is in; empty when in none.
    public static func of(_ name: String) -> String {
        guard !isSystem(name) else { return "" }
        let (_, rest) = split(name)
        return rest.cut(atFirst: separator)?.before ?? ""
    }

    /// The retry topic of a group in a namespace: `%RETRY%ns%group`.
    public static func wrapRetryTopic(_ namespace: String, group: String) -> String { RetryTopic.name(wrap(namespace, group)) }

    private static func isSystem(_ name: String) -> Bool { SystemTopic.isSystem(name) || SystemGroup.isSystem(name) }

    private static func split(_ name: String) -> (prefix: String, rest: String) {
        for prefix in [RetryTopic.prefix, DeadLetterTopic.prefix] {
            if let rest = name.droppingBytePrefix(prefix) { return (prefix, rest) }
        }
        return ("", name)
    }
}
