import RMQCommon
import RMQRemoting
import Synchronization

/// A table behind one lock that says when it has changed: to loops, which keep what they found until ``version`` moves, and to
/// whoever keeps a copy elsewhere, by its data version.
///
/// The lock is held for a look-up or a change, and never while another one is taken.
final class VersionedTable<Contents: Sendable>: Sendable {
    private struct State {
        var contents: Contents
        var dataVersion: DataVersion
    }

    private let state: Mutex<State>
    private let clock: WallClock
    private let changes = Atomic<UInt64>(1)

    init(_ contents: Contents, clock: WallClock) {
        state = Mutex(State(contents: contents, dataVersion: DataVersion(clock: clock)))
        self.clock = clock
    }

    /// Moves on after every change.
    var version: UInt64 { changes.load(ordering: .acquiring) }

    /// Looks something up, or changes what no one keeps: the versions stay.
    func withLock<Result: Sendable>(_ body: (inout Contents, _ dataVersion: DataVersion) -> Result) -> Result {
        state.withLock { body(&$0.contents, $0.dataVersion) }
    }

    /// Changes the table, unless `body` returns false.
    /// - Returns: the data version with the change; nil without one.
    @discardableResult
    func change(_ body: (inout Contents) -> Bool) -> DataVersion? {
        let now = clock.now()
        let version = state.withLock { state -> DataVersion? in
            guard body(&state.contents) else { return nil }
            state.dataVersion.advance(now: now)
            return state.dataVersion
        }
        if version != nil { changes.wrappingAdd(1, ordering: .acquiringAndReleasing) }
        return version
    }

    /// Changes what loops keep. The data version becomes `dataVersion`, or stays.
    func load(_ dataVersion: DataVersion? = nil, _ body: (inout Contents) -> Void) {
        state.withLock { state in
            body(&state.contents)
            if let dataVersion { state.dataVersion = dataVersion }
        }
        changes.wrappingAdd(1, ordering: .acquiringAndReleasing)
    }
}
