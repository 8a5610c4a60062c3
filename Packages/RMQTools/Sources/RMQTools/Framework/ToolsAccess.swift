import RMQClient
import RMQCommon

/// In whose name the commands ask, and whether over encrypted connections: what two files below `ROCKETMQ_HOME` say.
///
///     conf/tools.yml        the account
///     conf/tls.properties   TLS, with the keys that begin with tls.
struct ToolsAccess: Sendable {
    var credentials: Credentials?
    var tls: TLSConfiguration?

    /// Whether the commands ask as anybody may, over plain connections.
    var isNone: Bool { credentials == nil && tls == nil }

    /// What `conf/tls.properties` says; nil when there is no such file, or it leaves TLS off.
    /// - Parameter home: where the distribution is installed; nil when nobody said.
    static func tls(home: String?) throws(ClientError) -> TLSConfiguration? {
        guard let home, !home.isEmpty, FileSystem.exists(home + "/conf/tls.properties") else { return nil }
        return try TLSConfiguration(file: home + "/conf/tls.properties")
    }

    /// Gives a client both.
    func apply(to configuration: inout RocketMQClient.Configuration) {
        configuration.credentials = credentials
        configuration.tls = tls
        // What goes wrong is the command's answer; nothing else may be printed.
        configuration.logger = .silent
    }
}
