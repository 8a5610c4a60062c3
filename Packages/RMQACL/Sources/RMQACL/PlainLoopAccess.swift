import RMQCommon
import RMQRemoting

/// The rules as one loop knows them. A signed send or pull that may pass is seen to without being decoded; everything else, refusals
/// above all, is decoded and checked again.
final class PlainLoopAccess: LoopAccess {
    private let control: PlainAccessControl
    private let memory = AccessMemory()
    private var version: UInt64
    private var rules: AccessRules

    init(_ control: PlainAccessControl) {
        self.control = control
        // Before the rules: a change in between is taken over by the first request.
        version = control.version
        rules = control.currentRules
    }

    func check(_ request: InboundFrame, needing access: RequestAccess, from remote: HostAddress) throws {
        let version = control.version
        if version != self.version {
            self.version = version
            rules = control.currentRules
            memory.forget()
        }
        if rules.allows(request, needing: access, from: remote, memory) { return }
        try rules.check(request.command(), needing: access, from: remote)
    }
}
