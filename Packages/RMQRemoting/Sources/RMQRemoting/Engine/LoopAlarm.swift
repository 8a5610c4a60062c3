public import RMQCommon

/// One timer of a loop for many deadlines: it goes off at the earliest that was set. On the loop's thread only.
///
///     set(10 s) ── set(100 ms) ──► goes off at 100 ms; the owner sets the next ── ► goes off at 10 s
///
/// What is kept of the deadlines is the owner's business: it looks at all of them when the alarm goes off and sets what is left.
public final class LoopAlarm {
    private unowned let loop: EventLoop
    private let work: () -> Void
    private var pending: (at: MonotonicInstant, token: ScheduledWork)?

    /// - Parameter work: called when the alarm goes off, which then is not set any more. Holds its owner weakly.
    public init(on loop: EventLoop, _ work: @escaping () -> Void) {
        self.loop = loop
        self.work = work
    }

    /// Goes off at `deadline`, or at an earlier one that was set before.
    public func set(_ deadline: MonotonicInstant) {
        if let pending {
            guard deadline < pending.at else { return }
            pending.token.cancel()
        }
        let token = loop.scheduleLocally(at: deadline) { [weak self] in
            self?.pending = nil
            self?.work()
        }
        pending = (deadline, token)
    }
}
