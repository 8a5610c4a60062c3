import Synchronization

/// What keeps the store from taking messages. Any thread may set and clear; an append reads them with one load.
///
/// The first four have the reference's numbers, since they appear in its log lines.
public final class RunningFlags: Sendable {
    /// Why the store takes no messages; several may hold at once.
    public struct Reason: OptionSet, Sendable, Hashable {
        public let rawValue: UInt32
        public init(rawValue: UInt32) { self.rawValue = rawValue }

        /// Somebody asked for it.
        public static let notWriteable = Reason(rawValue: 2)
        /// A consume queue cannot be written, so appended messages would not become visible.
        public static let queueError = Reason(rawValue: 4)
        /// The index cannot be written.
        public static let indexError = Reason(rawValue: 8)
        /// Retention found the disk too full.
        public static let diskFull = Reason(rawValue: 16)

        /// A replica takes what its master sends and nothing else.
        static let replica = Reason(rawValue: 1 << 16)
        static let notRunning = Reason(rawValue: 1 << 17)
        /// A replica that becomes a master takes nothing from anybody.
        static let changesRole = Reason(rawValue: 1 << 19)
        /// A write-back failed; see ``MessageStore/flushFailure``.
        public static let flushFailed = Reason(rawValue: 1 << 18)

        static let notWriteableReasons: Reason = [.notWriteable, .queueError, .indexError, .diskFull]
    }

    private let bits: Atomic<UInt32>

    init(_ reasons: Reason) {
        bits = Atomic(reasons.rawValue)
    }

    /// All reasons that hold now; none lets messages in.
    public var current: Reason { Reason(rawValue: bits.load(ordering: .relaxed)) }

    /// - Returns: whether it was not set before.
    @discardableResult
    public func set(_ reason: Reason) -> Bool {
        bits.bitwiseOr(reason.rawValue, ordering: .sequentiallyConsistent).oldValue & reason.rawValue == 0
    }

    /// - Returns: whether it was set before.
    @discardableResult
    public func clear(_ reason: Reason) -> Bool {
        bits.bitwiseAnd(~reason.rawValue, ordering: .sequentiallyConsistent).oldValue & reason.rawValue != 0
    }
}

extension RunningFlags.Reason: CustomStringConvertible {
    public var description: String {
        let names: [(RunningFlags.Reason, String)] = [
            (.notWriteable, "not writeable"), (.queueError, "a consume queue cannot be written"), (.indexError, "an index file cannot be made"),
            (.diskFull, "the disk is too full"), (.replica, "it is a replica"), (.changesRole, "it becomes a master"), (.notRunning, "not running"), (.flushFailed, "a write-back failed"),
        ]
        return names.filter { contains($0.0) }.map(\.1).joined(separator: ", ")
    }
}
