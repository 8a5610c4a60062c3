public import RMQCommon

/// Decides whether a request may be handled.
public protocol AccessControl: Sendable {
    /// Called on the loop of the connection; it must not block.
    /// - Throws: a ``Refusal`` when the request's account may not do this.
    func check(_ request: RemotingCommand, needing access: RequestAccess, from remote: HostAddress) throws
    /// What one loop asks instead.
    func forLoop() -> any LoopAccess
}

/// Access control as one loop asks it, before each request and on its own thread: what it keeps between requests needs no lock.
public protocol LoopAccess: AnyObject {
    /// Like ``AccessControl/check(_:needing:from:)``, of a request that is not decoded yet.
    func check(_ request: InboundFrame, needing access: RequestAccess, from remote: HostAddress) throws
}

extension AccessControl {
    /// Decodes each request.
    public func forLoop() -> any LoopAccess { DecodingAccess(control: self) }
}

private final class DecodingAccess: LoopAccess {
    private let control: any AccessControl
    init(control: any AccessControl) { self.control = control }

    func check(_ request: InboundFrame, needing access: RequestAccess, from remote: HostAddress) throws {
        try control.check(request.command(), needing: access, from: remote)
    }
}
