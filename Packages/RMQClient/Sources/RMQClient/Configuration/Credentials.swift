import RMQCommon
import RMQRemoting

/// Who asks, for brokers with access control (`aclEnable`). Every request is signed with the secret, which itself is never sent.
///
/// ```swift
/// configuration.credentials = Credentials(accessKey: "orders-api", secretKey: secret)
/// ```
public struct Credentials: Sendable, CustomStringConvertible {
    /// The name of the account.
    public let accessKey: String
    /// What only the account and the broker know.
    let secretKey: String
    /// What a service that lends accounts gave along; nil for none.
    public let securityToken: String?

    /// What is known of an account. It is checked when the client is made.
    public init(accessKey: String, secretKey: String, securityToken: String? = nil) {
        self.accessKey = accessKey
        self.secretKey = secretKey
        self.securityToken = securityToken
    }

    /// Reads a file with the lines `AccessKey=…`, `SecretKey=…` and, if need be, `SecurityToken=…`.
    /// - Throws: `invalidConfiguration` for a file that is not there, cannot be read or lacks one of the two keys.
    public init(file path: String) throws(ClientError) {
        let values = try RMQCommon.Configuration.reading(path)
        guard let accessKey = values["AccessKey"], let secretKey = values["SecretKey"] else {
            throw ClientError(.invalidConfiguration, "\(path) has no credentials; expected are the lines AccessKey=… and SecretKey=…")
        }
        let token = values["SecurityToken"].map { RMQCommon.Configuration.trimmed($0) }
        self.init(
            accessKey: RMQCommon.Configuration.trimmed(accessKey), secretKey: RMQCommon.Configuration.trimmed(secretKey),
            securityToken: token.flatMap { $0.isEmpty ? nil : $0 })
    }

    /// The account; the secret is left out, so that no log has it.
    public var description: String { "Credentials(accessKey: \(accessKey))" }

    func check() throws(ClientError) {
        for (name, value) in [("accessKey", accessKey), ("secretKey", secretKey)] where value.isEmpty {
            throw ClientError(.invalidConfiguration, "the \(name) of the credentials is empty; it is what the broker has of the account")
        }
        guard signer != nil else {
            throw ClientError(.unsupported, "credentials are set, and this system's OpenSSL does not offer HMAC-SHA1, by which brokers know them")
        }
    }

    /// Nil where the system has no HMAC-SHA1.
    var signer: RequestSigner? { RequestSigner(accessKey: accessKey, secretKey: secretKey, securityToken: securityToken) }
}

extension RMQCommon.Configuration {
    /// A file in the properties format.
    static func reading(_ path: String) throws(ClientError) -> RMQCommon.Configuration {
        do {
            return try RMQCommon.Configuration(file: path)
        } catch {
            throw ClientError(.invalidConfiguration, "\(error)")
        }
    }
}
