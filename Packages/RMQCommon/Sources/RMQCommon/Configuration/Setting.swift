/// One row of a configuration: a key, its place in the typed configuration, what it may be, and what follows from a change.
///
/// A row stands beside the property that it sets, so a new key is one property and one row in one file:
///
///     public var pollInterval: Duration = .seconds(1)
///     …
///     .time("pollInterval", \.pollInterval, 1...60_000, .milliseconds, takesEffect: .atOnce, "How often …")
///
/// Its default is what the property is at first. Rows of a part become rows of the whole by ``at(_:)``; all rows of a program are
/// a ``SettingTable``.
public struct Setting<Root: Sendable>: Sendable {
    /// What the key is called in files and commands.
    public let key: String
    /// What it was called in earlier releases.
    public internal(set) var oldName: String?
    /// When a change takes effect.
    public let takesEffect: SettingChange
    /// Whether `-m` shows it.
    public let isImportant: Bool
    /// What happens at the start when the value is not allowed.
    public let onBadValue: BadSettingValue
    /// Whether the program acts on it.
    public internal(set) var status: SettingStatus
    /// What is allowed, in words that complete "allowed: …".
    public let allowed: String
    /// The unit of the number; empty when it has none.
    public let unit: String
    /// One sentence for the manual.
    public let summary: String
    /// Whether nobody is to see its value: it stands in files alone.
    public internal(set) var isSecret = false
    /// What the manual gives as the default where that depends on the machine.
    public internal(set) var defaultInWords: String?

    /// The value as a file would give it; nil when it is not set.
    let read: @Sendable (Root) -> String?
    /// False for a text that is not allowed; the configuration is then as it was.
    let write: @Sendable (inout Root, String) -> Bool
    /// Takes the value of the first over into the second.
    let copy: @Sendable (Root, inout Root) -> Void
    /// What stands for a text that is not allowed; nil is the default.
    let replacement: @Sendable (String) -> String?

    /// The row for a configuration that holds this one in `place`.
    public func at<Whole: Sendable>(_ place: any SettingPlace<Whole, Root>) -> Setting<Whole> {
        Setting<Whole>(
            key: key, oldName: oldName, takesEffect: takesEffect, isImportant: isImportant, onBadValue: onBadValue, status: status,
            allowed: allowed, unit: unit, summary: summary, isSecret: isSecret, defaultInWords: defaultInWords,
            read: { [read] in read($0[keyPath: place]) },
            write: { [write] in write(&$0[keyPath: place], $1) },
            copy: { [copy] in copy($0[keyPath: place], &$1[keyPath: place]) },
            replacement: replacement)
    }

    /// The value as a file would give it; nil when it is not set. Of a secret only that there is one.
    public func text(in configuration: Root) -> String? { isSecret ? read(configuration).map { _ in Self.hidden } : read(configuration) }

    private static var hidden: String { "(not shown)" }

    /// Whether the two configurations show different values.
    public func differs(_ left: Root, _ right: Root) -> Bool { !read(left).isExactly(read(right)) }
}

/// Where a typed configuration keeps a value.
public typealias SettingPlace<Root, Value> = WritableKeyPath<Root, Value> & Sendable

/// When a change of a setting takes effect.
public enum SettingChange: String, Sendable {
    /// A command changes it while the program runs.
    case atOnce = "at once"
    /// It is read at the start. A program may take it by command all the same, write it to its file and obey it when it starts next.
    case atNextStart = "at the next start"
    /// As ``atNextStart``, and no command may change it: a path, an address, a name or what opens connections would let whoever
    /// reaches the port write files or point the program elsewhere (CVE-2023-33246, CVE-2023-37582).
    case never = "at the next start, never by command"
}

/// What happens at the start to a value that is not allowed.
public enum BadSettingValue: Sendable {
    /// A warning names it and what is used instead.
    case isReplaced
    /// The program does not start: with another value messages would be lost or lie elsewhere, or it would be somebody else.
    case stopsTheStart
}

/// Whether a program acts on a key.
public enum SettingStatus: Sendable {
    case honoured
    /// It tunes something that does not exist here, or another key says it.
    /// - Parameter isTold: whether a value other than the default is worth a warning.
    case withoutEffect(reason: String, isTold: Bool)
    /// Any other value than the default asks for something that a program must not leave out silently: it does not start.
    case refused(reason: String)

    /// Whether the program acts on the key.
    public var isHonoured: Bool {
        if case .honoured = self { true } else { false }
    }
}
