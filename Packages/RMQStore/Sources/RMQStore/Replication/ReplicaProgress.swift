import Synchronization

/// How far replicas have acknowledged the log. Nothing here knows how they are reached.
///
///     replica 1  ███████████████|
///     replica 2  █████████|                  required = 1: confirmed up to the end of replica 1
///     replica 3  ██████|                     required = 2: up to the end of replica 2
public final class ReplicaProgress: Sendable {
    /// How many replicas must have a message before it is confirmed; 0: none are waited for. Changes with the role only.
    public var required: Int { requiredCount.load(ordering: .acquiring) }
    private let requiredCount: Atomic<Int>
    /// A replica that is this many bytes behind is not waited for (`haSlaveFallbehindMax`).
    private let fallBehindLimit: Int64
    private let acknowledged = Mutex<[UInt64: Int64]>([:])
    private let confirmed: Atomic<Int64>

    init(required: Int, fallBehindLimit: Int64, end: Int64) {
        requiredCount = Atomic(required)
        self.fallBehindLimit = fallBehindLimit
        // What was in the log at the start was shown by recovery; no append waits for it any more.
        confirmed = Atomic(end)
    }

    /// Enough replicas have everything below. Never goes back: what was confirmed stays so when a replica goes.
    public var confirmedOffset: Int64 { confirmed.load(ordering: .acquiring) }

    /// The most that any connected replica has; nil without one.
    public var furthestOffset: Int64? { acknowledged.withLock { $0.values.max() } }

    /// Whether enough replicas are there and near enough to confirm an append that ends at `end`.
    public func areAvailable(end: Int64) -> Bool {
        acknowledged.withLock { acknowledged in acknowledged.values.count { end - $0 < fallBehindLimit } >= required }
    }

    /// - Returns: whether more is confirmed than before.
    func acknowledge(_ replica: UInt64, _ offset: Int64) -> Bool {
        acknowledged.withLock { acknowledged in
            acknowledged[replica] = max(acknowledged[replica] ?? 0, offset)
            let required = self.required
            guard required > 0, acknowledged.count >= required else { return false }
            let end = acknowledged.values.sorted(by: >)[required - 1]
            guard end > confirmedOffset else { return false }
            confirmed.max(end, ordering: .releasing)
            return true
        }
    }

    /// Everything below counts as confirmed: on a replica, by its master.
    func confirm(upTo end: Int64) {
        if required > 0 { confirmed.max(end, ordering: .releasing) }
    }

    /// The store becomes a master whose log ends at `end`, and for which so many replicas are required: no append waits for what is
    /// in it.
    func begin(at end: Int64, required: Int) {
        // What was confirmed before is below `end`, whoever was waited for. In this order: nothing is shown that nobody confirmed.
        confirmed.max(end, ordering: .releasing)
        requiredCount.store(required, ordering: .releasing)
    }

    /// The log was cut. No replica acknowledges.
    func truncate(to end: Int64) {
        acknowledged.withLock { acknowledged in
            acknowledged = acknowledged.mapValues { min($0, end) }
            confirmed.min(end, ordering: .releasing)
        }
    }

    func forgetAll() {
        acknowledged.withLock { $0 = [:] }
    }

    func remove(_ replica: UInt64) {
        acknowledged.withLock { _ = $0.removeValue(forKey: replica) }
    }
}
