import RMQCommon

/// When commit log files are deleted, and from which fill level of the disk on messages are refused.
///
///     used  0 %          75            85             90        100
///           |-------------|-------------|--------------|---------|
///             expired files expired files  the oldest     the same,
///             at the hour   at any hour    files, expired and messages
///                                          or not         are refused
///
/// The names in the comments are the reference's property keys.
public struct RetentionPolicy: Sendable, Equatable {
    /// `fileReservedTime`: a file expires so long after it was last written.
    public var reservedTime: Duration = .seconds(72 * 3600)
    /// `deleteWhen`: hours of the day, local time, in which expired files are deleted.
    public var deletionHours: [Int] = [4]
    /// `cleanResourceInterval`: how often disk, clock and files are looked at.
    public var interval: Duration = .seconds(10)
    /// `deleteCommitLogFilesInterval`: pause behind each deleted commit log file, so that the disk can do something else too.
    public var pauseBetweenSegments: Duration = .milliseconds(100)
    /// `deleteConsumeQueueFilesInterval`: pause behind each consume queue that lost files.
    public var pauseBetweenQueues: Duration = .milliseconds(100)
    /// `destroyMapedFileIntervalForcibly`: a deleted file that readers still hold is watched for so long.
    public var holdLimit: Duration = .seconds(120)
    /// `redeleteHangedFileInterval`: when a file could not be deleted, the next attempt comes so much later.
    public var retryInterval: Duration = .seconds(120)
    /// `cleanFileForciblyEnable`: whether files that have not expired may go when the disk is nearly full.
    public var deletesForcibly = true
    /// `diskMaxUsedSpaceRatio`: above this, expired files go at any hour. Percent; used within 10 to 95.
    public var maxUsedPercent = 75
    /// `diskSpaceCleanForciblyRatio`: above this, the oldest files go, and a root gets no new files while others may. Percent.
    public var forcedPercent = 85
    /// `diskSpaceWarningLevelRatio`: above this, messages are refused. Percent.
    public var refusePercent = 90

    public init() {}

    /// Most log files deleted in one run. Behind them the queues follow the log, and the disk is looked at again: on a full one no more goes
    /// than has to.
    static let segmentsPerRunLimit = 10
    /// How many runs a request by hand is good for.
    static let runsByHand = 20

    /// Whether expired files are deleted at that time of day. The first hour behind one that summer time skips stands for it, or
    /// nothing would be deleted on that day.
    func isDeletionTime(_ milliseconds: Int64, in zone: Zone = .system) -> Bool {
        let hour = CalendarTime(milliseconds: milliseconds, zone: zone).hour
        let hourBefore = CalendarTime(milliseconds: milliseconds - 3_600_000, zone: zone).hour
        let skipped = (hourBefore + 1) % 24
        return deletionHours.contains(hour) || (skipped != hour && hourBefore != hour && deletionHours.contains(skipped))
    }

    func validate() throws(StoreError) {
        guard reservedTime >= .zero else {
            throw .invalidConfiguration(key: "fileReservedTime", value: "\(reservedTime)", allowed: "0 hours or more")
        }
        for hour in deletionHours where !(0...23).contains(hour) {
            throw .invalidConfiguration(key: "deleteWhen", value: "\(hour)", allowed: "hours from 0 to 23, separated by ;")
        }
        guard interval > .zero else {
            throw .invalidConfiguration(key: "cleanResourceInterval", value: "\(interval)", allowed: "more than 0 ms")
        }
        for (key, percent) in [("diskSpaceCleanForciblyRatio", forcedPercent), ("diskSpaceWarningLevelRatio", refusePercent)] {
            guard (1...100).contains(percent) else { throw .invalidConfiguration(key: key, value: "\(percent)", allowed: "1 to 100 percent") }
        }
    }
}

extension RetentionPolicy {
    static let settings: [Setting<Self>] = [
        .time(
            "fileReservedTime", \.reservedTime, 0...876_000, .hours, takesEffect: .atOnce, onBadValue: .stopsTheStart, important: true,
            "A commit log file expires so long after it was last written."),
        .hours("deleteWhen", \.deletionHours, takesEffect: .atOnce, important: true, "Hours of the day, local time, in which expired files are deleted."),
        .time("cleanResourceInterval", \.interval, 1_000...86_400_000, .milliseconds, takesEffect: .atOnce, "How often disk, clock and files are looked at."),
        .time(
            "deleteCommitLogFilesInterval", \.pauseBetweenSegments, 0...3_600_000, .milliseconds, takesEffect: .atOnce,
            "The pause behind each deleted commit log file."),
        .time(
            "deleteConsumeQueueFilesInterval", \.pauseBetweenQueues, 0...3_600_000, .milliseconds, takesEffect: .atOnce,
            "The pause behind each consume queue that lost files."),
        .time(
            "destroyMapedFileIntervalForcibly", \.holdLimit, 0...86_400_000, .milliseconds, takesEffect: .atOnce,
            "A deleted file that readers still hold after so long is warned of."),
        .time(
            "redeleteHangedFileInterval", \.retryInterval, 0...86_400_000, .milliseconds, takesEffect: .atOnce,
            "When a file could not be deleted, the next attempt comes so much later."),
        .flag(
            "cleanFileForciblyEnable", \.deletesForcibly, takesEffect: .atOnce, important: true,
            "Whether files that have not expired may go when the disk is nearly full."),
        .number(
            "diskMaxUsedSpaceRatio", \.maxUsedPercent, 0...100, unit: "%", takesEffect: .atOnce, important: true,
            "Above this, expired files go at any hour; used within 10 to 95."),
        .number(
            "diskSpaceCleanForciblyRatio", \.forcedPercent, 1...100, unit: "%", takesEffect: .atOnce,
            "Above this, the oldest files go, and a directory gets no new ones while others may; a system property of the reference."),
        .number(
            "diskSpaceWarningLevelRatio", \.refusePercent, 1...100, unit: "%", takesEffect: .atOnce,
            "Above this, messages are refused; a system property of the reference."),
    ]
}
