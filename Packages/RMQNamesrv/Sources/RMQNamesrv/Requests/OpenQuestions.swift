import RMQCommon
import RMQRemoting

/// Access control of a name server that is not closed: everybody may ask where a topic is, and only what changes something needs an
/// account. Clients of any version work with it as they are.
struct OpenQuestions: AccessControl {
    let control: any AccessControl

    func check(_ request: RemotingCommand, needing access: RequestAccess, from remote: HostAddress) throws {
        if case .account = access { return }
        try control.check(request, needing: access, from: remote)
    }
}
