/// What access control asks of a request, a column of the ``RequestTable``.
public enum RequestAccess: Sendable {
    /// An account, whatever its rights.
    case account
    /// An account of an administrator.
    case administrator
    /// An account with rights on the topics and groups that the request names.
    case rights(@Sendable (RemotingCommand) throws -> [ResourceRight])
}
