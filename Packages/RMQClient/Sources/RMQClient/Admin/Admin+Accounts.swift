public import RMQCommon
import RMQRemoting

/// An account of access control, as it is to be made or changed. What is nil stays as it is.
public struct AccountChange: Sendable, CustomStringConvertible {
    /// What an account may do with a topic or a group. The raw values are those of the account file.
    public enum Right: String, Sendable {
        case none = "DENY"
        case publish = "PUB"
        case subscribe = "SUB"
        case both = "PUB|SUB"

        /// The right of the same word.
        public init(_ permission: AccessPermission) {
            self =
                switch permission {
                case .deny: .none
                case .publish: .publish
                case .subscribe: .subscribe
                case .both: .both
                }
        }
    }

    /// The name of the account: more than six characters.
    public var accessKey: String
    /// What requests are signed with: more than six characters. A broker wants it also for a change.
    public var secretKey: String?
    /// Addresses from which the account needs no signature, such as `10.1.2.*`.
    public var whiteRemoteAddress: String?
    /// Whether it may administer the broker.
    public var isAdministrator = false
    /// For topics that ``topics`` does not name.
    public var defaultTopicRight: Right?
    /// For groups that ``groups`` does not name.
    public var defaultGroupRight: Right?
    /// Its rights by topic, under the names that servers know.
    public var topics: [ByteText: Right] = [:]
    /// Its rights by group, under the names that servers know.
    public var groups: [ByteText: Right] = [:]

    /// The name of the account; the secret is left out, so that no log has it.
    public var description: String { "AccountChange(accessKey: \(accessKey))" }

    /// - Parameter accessKey: the name of the account.
    public init(accessKey: String, secretKey: String? = nil) {
        self.accessKey = accessKey
        self.secretKey = secretKey
    }
}

/// Which accounts a broker's access control has at present.
public struct AccountsVersion: Sendable {
    /// The cluster of the broker that answered.
    public var clusterName: String
    /// The name of that broker.
    public var brokerName: String
    /// Its `host:port`.
    public var brokerAddress: String
    /// A counter and a time, as JSON text: other ones whenever an account changes.
    public var version: String
    /// The same of every file of accounts, by its path, as JSON text; nil from brokers that have but one.
    public var fileVersions: String?
}

/// Accounts of access control at a broker. Only an administrator's account may ask for any of it.
extension Admin {
    /// Makes an account, or changes the one of that name.
    /// - Throws: `refused` with the code `updateAndCreateAclConfigFailed` when the account breaks a rule.
    public func updateAccount(_ account: AccountChange, at address: String) async throws(ClientError) {
        let header = AccountHeader {
            $0.accessKey = account.accessKey
            $0.secretKey = account.secretKey
            $0.whiteRemoteAddress = account.whiteRemoteAddress
            $0.isAdministrator = account.isAdministrator
            $0.defaultTopicPermission = account.defaultTopicRight?.rawValue
            $0.defaultGroupPermission = account.defaultGroupRight?.rawValue
            $0.topicPermissions = Self.text(account.topics)
            $0.groupPermissions = Self.text(account.groups)
        }
        try await tell(address, RemotingCommand(.updateAndCreateAclConfig, header: header))
    }

    /// Deletes an account.
    public func deleteAccount(_ accessKey: String, at address: String) async throws(ClientError) {
        try await tell(address, RemotingCommand(.deleteAclConfig, header: DeleteAccountHeader(accessKey: accessKey)))
    }

    /// The version of a broker's accounts. A broker without access control does not answer, as the reference does not.
    public func accountsVersion(at address: String) async throws(ClientError) -> AccountsVersion {
        let response = try await core.call(RemotingCommand(.getBrokerClusterAclInfo), at: address, timeout: timeout)
        let header = try core.read(response, AccessVersionResponseHeader.self, address)
        return AccountsVersion(
            clusterName: header.clusterName, brokerName: header.brokerName, brokerAddress: header.brokerAddress, version: header.version,
            fileVersions: header.fileVersions)
    }

    /// Replaces the addresses from which everything is allowed without an account.
    /// - Parameter file: the path of the file of accounts that is meant, at the broker; nil for its first one.
    public func setGlobalWhiteAddresses(_ addresses: [String], file: String? = nil, at address: String) async throws(ClientError) {
        let header = GlobalWhiteAddressesHeader {
            $0.addresses = addresses.joined(separator: ",")
            $0.aclFilePath = file
        }
        try await tell(address, RemotingCommand(.updateGlobalWhiteAddrsConfig, header: header))
    }

    /// `name=right`, separated by commas; nil for none.
    private static func text(_ rights: [ByteText: AccountChange.Right]) -> String? {
        rights.isEmpty ? nil : rights.map { "\($0.key)=\($0.value.rawValue)" }.sortedByBytes().joined(separator: ",")
    }
}
