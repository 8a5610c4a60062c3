internal import RMQCommon
internal import Synchronization

/// Holds threads up until it is opened, so that a test decides how long their work takes.
public final class Gate: Sendable {
    private let state = Atomic<Bool>(false)

    public init() {}

    /// Lets everybody through, from now on.
    public func open() { state.store(true, ordering: .releasing) }

    /// Returns when it is open; a test that forgot to open it ends all the same.
    public func pass() {
        let deadline = MonotonicInstant.now + .generous
        while !state.load(ordering: .acquiring), MonotonicInstant.now < deadline { Latch().wait(for: .milliseconds(1)) }
    }
}
