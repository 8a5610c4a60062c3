public import RMQCommon

// Accounts of access control at a broker: request codes 50 to 53.

/// Header of the making or changing of an account (50).
public struct AccountHeader: CommandHeader, Equatable, CustomStringConvertible {
    /// The name of the account.
    @ByteText public var accessKey = ""
    /// What requests are signed with; nil leaves it as it is.
    public var secretKey: String?
    /// Addresses from which the account needs no signature; nil leaves them as they are.
    public var whiteRemoteAddress: String?
    /// Whether the account may administer the broker.
    public var isAdministrator = false
    /// What it may do with topics that ``topicPermissions`` does not name: `DENY`, `PUB`, `SUB`, `PUB|SUB`.
    public var defaultTopicPermission: String?
    /// The same for groups.
    public var defaultGroupPermission: String?
    /// `name=permission`, separated by commas.
    public var topicPermissions: String?
    /// The same for groups.
    public var groupPermissions: String?

    public init() {}

    /// The name of the account; the secret is left out, so that no log has it.
    public var description: String { "AccountHeader(\(accessKey))" }

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        try fields.required("accessKey", &accessKey)
        try fields.optional("secretKey", &secretKey)
        try fields.optional("whiteRemoteAddress", &whiteRemoteAddress)
        try fields.optional("admin", &isAdministrator)
        try fields.optional("defaultTopicPerm", &defaultTopicPermission)
        try fields.optional("defaultGroupPerm", &defaultGroupPermission)
        try fields.optional("topicPerms", &topicPermissions)
        try fields.optional("groupPerms", &groupPermissions)
    }
}

/// Header of the removal of an account (51).
public struct DeleteAccountHeader: CommandHeader, Equatable {
    /// The name of the account.
    @ByteText public var accessKey = ""

    public init() {}
    public init(accessKey: String) { self.accessKey = accessKey }

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        try fields.required("accessKey", &accessKey)
    }
}

/// Header of the answer that tells the version of a broker's accounts (52).
public struct AccessVersionResponseHeader: CommandHeader, Equatable {
    /// A `DataVersion` as JSON text: of the accounts' first file.
    @ByteText public var version = ""
    /// The versions of all files of accounts by their paths, as JSON text.
    public var fileVersions: String?
    @ByteText public var brokerName = ""
    @ByteText public var brokerAddress = ""
    @ByteText public var clusterName = ""

    public init() {}

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        try fields.required("version", &version)
        try fields.optional("allAclFileVersion", &fileVersions)
        try fields.required("brokerName", &brokerName)
        try fields.required("brokerAddr", &brokerAddress)
        try fields.required("clusterName", &clusterName)
    }
}

/// Header of the replacing of the addresses from which everything is allowed (53).
public struct GlobalWhiteAddressesHeader: CommandHeader, Equatable {
    /// Separated by commas.
    @ByteText public var addresses = ""
    /// The file of accounts that is meant; nil for the first one.
    public var aclFilePath: String?

    public init() {}

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        try fields.required("globalWhiteAddrs", &addresses)
        try fields.optional("aclFileFullPath", &aclFilePath)
    }
}

/// Header of a query for how far all groups of a broker are (317).
public struct BrokerConsumeStatsHeader: CommandHeader, Equatable {
    /// Only topics whose queues are fixed by an order configuration.
    public var onlyOrdered = false

    public init() {}
    public init(onlyOrdered: Bool) { self.onlyOrdered = onlyOrdered }

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        try fields.optional("isOrder", &onlyOrdered)
    }
}
