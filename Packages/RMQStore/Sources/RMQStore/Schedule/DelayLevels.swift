import RMQCommon

/// The delay levels of a store: level n, from 1 on, waits as long as the n-th entry says, in the queue n - 1 of
/// `SCHEDULE_TOPIC_XXXX`.
extension StoreConfiguration {
    /// 1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h
    public static let defaultDelayLevels: [Int64] =
        [1, 5, 10, 30].map { $0 * 1000 } + (Int64(1)...10).map { $0 * 60_000 } + [20, 30, 60, 120].map { $0 * 60_000 }

    /// Far more than anybody orders by hand; each is a queue that is looked at in every round of delivery.
    private static let levelLimit = 1_000
    /// A hundred years: beyond it a delivery time could leave the 64 bits of a queue entry.
    private static let longestDelayMilliseconds: Int64 = 100 * 366 * 86_400_000

    /// Reads `messageDelayLevel`: numbers with a unit (s, m, h or d), separated by blanks; nil when that is not what it says.
    public static func delayLevels(parsing text: String) -> [Int64]? {
        var levels: [Int64] = []
        for word in text.split(ascii: " ") {
            let unit: Int64
            switch word.utf8.last {
            case UInt8(ascii: "s"): unit = 1_000
            case UInt8(ascii: "m"): unit = 60_000
            case UInt8(ascii: "h"): unit = 3_600_000
            case UInt8(ascii: "d"): unit = 86_400_000
            default: return nil
            }
            guard let number = Int64(Substring(word.utf8.dropLast())), number >= 0, number <= longestDelayMilliseconds / unit else { return nil }
            levels.append(number * unit)
        }
        return (1...levelLimit).contains(levels.count) ? levels : nil
    }

    /// The same as a file gives it: each time in the largest unit that it is a whole number of.
    static func text(ofDelayLevels levels: [Int64]) -> String {
        levels.map { level in
            let units: [(milliseconds: Int64, name: String)] = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m")]
            let unit = units.first { level > 0 && level % $0.milliseconds == 0 } ?? (1_000, "s")
            return "\(level / unit.milliseconds)\(unit.name)"
        }.joined(separator: " ")
    }

    func validateDelays() throws(StoreError) {
        guard (1...Self.levelLimit).contains(delayLevelMilliseconds.count),
            delayLevelMilliseconds.allSatisfy({ (0...Self.longestDelayMilliseconds).contains($0) })
        else {
            let value = delayLevelMilliseconds.map { "\($0) ms" }.joined(separator: " ")
            throw .invalidConfiguration(key: "messageDelayLevel", value: value, allowed: "1 to \(Self.levelLimit) times of up to 100 years")
        }
        guard delayOffsetInterval >= .milliseconds(100) else {
            throw .invalidConfiguration(key: "flushDelayOffsetInterval", value: "\(delayOffsetInterval)", allowed: "at least 100 ms")
        }
    }
}
