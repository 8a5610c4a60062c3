import Glibc
import RMQCommon

/// Tells how full the file system of a directory is. Handed in so that a test can have a full disk.
public struct DiskUsage: Sendable {
    /// The used part, 0 to 1; nil when it cannot be told, for example because the directory is missing.
    public let usedFraction: @Sendable (_ directory: String) -> Double?

    /// - Parameter usedFraction: called by the store's threads; may block.
    public init(usedFraction: @escaping @Sendable (_ directory: String) -> Double?) { self.usedFraction = usedFraction }

    /// What the kernel says, in whole percent rounded up, of the space that this process may use.
    public static let system = DiskUsage { directory in
        var status = statvfs()
        guard statvfs(directory, &status) == 0, status.f_blocks > 0 else { return nil }
        let used = UInt64(status.f_blocks) &- UInt64(status.f_bfree)
        let usable = used &+ UInt64(status.f_bavail)
        guard usable > 0 else { return nil }
        return (Double(used) * 100 / Double(usable)).rounded(.up) / 100
    }
}

/// What follows from how full the disks are.
struct SpaceVerdict: Equatable {
    /// Messages are refused.
    var isFull = false
    /// The oldest files go whether they have expired or not.
    var deletesAtOnce = false
    /// Expired files go whatever the hour.
    var wantsDeletion = false
    /// These roots get no new files while others can take them.
    var fullRoots: Set<ByteText> = []
    /// The fullness that decided.
    var usedPercent = 0.0

    /// Of several commit log roots the emptiest counts, as new files go there. A root that cannot be asked does not count.
    init(log: [(root: String, used: Double?)], queues: Double?, policy: RetentionPolicy) {
        let used = log.compactMap { root in root.used.map { (root: root.root, percent: $0 * 100) } }
        fullRoots = Set(texts: used.filter { $0.percent > Double(policy.forcedPercent) }.map(\.root))
        for percent in [used.map(\.percent).min(), queues.map { $0 * 100 }].compactMap(\.self) {
            isFull = isFull || percent > Double(policy.refusePercent)
            deletesAtOnce = deletesAtOnce || percent > Double(policy.forcedPercent)
            wantsDeletion = wantsDeletion || percent > Double(min(max(policy.maxUsedPercent, 10), 95))
            usedPercent = max(usedPercent, percent)
        }
        deletesAtOnce = deletesAtOnce && policy.deletesForcibly
        wantsDeletion = wantsDeletion || deletesAtOnce
    }
}
