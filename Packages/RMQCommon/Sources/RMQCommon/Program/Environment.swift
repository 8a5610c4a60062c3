internal import Glibc

/// The environment variables of this process.
public enum Environment {
    /// The variable's text; nil when it is unset or empty.
    public static func value(_ name: String) -> String? {
        guard let text = getenv(name) else { return nil }
        let value = String(cString: text)
        return value.isEmpty ? nil : value
    }

    /// The user's home folder, which data and logs are in unless a configuration says otherwise.
    ///
    /// Without `HOME`, as in a system service, it is the one that the system's user table names: a store that is there must not
    /// be looked for elsewhere.
    public static var userHome: String { value("HOME") ?? UserRecord.current?.home ?? "." }

    /// `~/logs/rocketmqlogs`, where the programs of RocketMQ log.
    public static var logFolder: String { userHome + "/logs/rocketmqlogs" }
}
