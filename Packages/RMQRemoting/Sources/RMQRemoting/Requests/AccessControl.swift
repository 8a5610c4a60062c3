public import RMQCommon

/// Decides whether a request may be handled.
public protocol AccessControl: Sendable {
    /// Called on the loop of the connection; it must not block.
    /// - Throws: a ``Refusal`` when the request's account may not do this.
    func check(_ request: RemotingCommand, needing access: RequestAccess, from remote: HostAddress) throws
}
