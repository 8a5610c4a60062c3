public import RMQCommon

// Roles in a broker set: request code 1908.

/// Header of the change of a broker's role (1908).
public struct ChangeBrokerRoleHeader: CommandHeader, Equatable {
    /// `ASYNC_MASTER`, `SYNC_MASTER` or `SLAVE`.
    @ByteText public var role = ""
    /// For a slave: the main address of its master; nil leaves that to the name servers.
    public var masterAddress: String?
    /// For a slave: its number in the set, greater than 0; nil: the one that it had, or 1.
    public var brokerId: Int64?
    /// For a master: refused when its log ends before this offset. So a slave that lacks what others have does not become the master.
    public var leastOffset: Int64?

    public init() {}

    public mutating func visit<Visitor: HeaderVisitor>(_ fields: inout Visitor) throws(Visitor.Failure) {
        try fields.required("brokerRole", &role)
        try fields.optional("masterAddr", &masterAddress)
        try fields.optional("brokerId", &brokerId)
        try fields.optional("leastOffset", &leastOffset)
    }
}
