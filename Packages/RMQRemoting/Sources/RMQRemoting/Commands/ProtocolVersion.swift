/// A release of the reference implementation, as the number that peers send in `version`.
///
/// The number is the place of the release in one ordered list. Each release has two entries, the snapshot first,
/// so that a final release is always odd and its snapshot the even number before it:
///
///     0 … 15        3.0.0 and its betas, irregular
///     17 … 45       3.0.c    15 + 2c,  c = 1 … 15
///     47 … 65       3.1.c    47 + 2c,  c = 0 … 9
///     67 … 85       3.2.c    67 + 2c,  c = 0 … 9
///     87 … 211      3.b.c    85 + 18(b − 3) + 2c,  b = 3 … 9, c = 1 … 9
///     213 … 611     a.b.c    213 + 200(a − 4) + 20b + 2c,  a = 4, 5
///     612           anything newer
public struct ProtocolVersion: Hashable, Comparable, Sendable {
    /// What goes into the `version` field of a command.
    public var ordinal: Int32

    /// A version as a peer sent it; numbers beyond the list count as ``newerThanKnown``.
    public init(ordinal: Int32) {
        self.ordinal = min(ordinal, 612)
    }

    /// The final release `major.minor.patch`; nil where the list has no such release.
    public init?(major: Int32, minor: Int32, patch: Int32) {
        guard (0 ... 9).contains(minor), (0 ... 15).contains(patch) else { return nil }
        switch (major, minor, patch) {
        case (3, 0, 0): ordinal = 15
        case (3, 0, 1 ... 15): ordinal = 15 + 2 * patch
        case (3, 1, 0 ... 9): ordinal = 47 + 2 * patch
        case (3, 2, 0 ... 9): ordinal = 67 + 2 * patch
        case (3, 3 ... 9, 1 ... 9): ordinal = 85 + 18 * (minor - 3) + 2 * patch
        case (4 ... 5, _, 0 ... 9): ordinal = 213 + 200 * (major - 4) + 20 * minor + 2 * patch
        default: return nil
        }
    }

    @inlinable public static func < (left: ProtocolVersion, right: ProtocolVersion) -> Bool {
        left.ordinal < right.ordinal
    }

    /// 4.9.8: what this implementation speaks.
    public static let current = ProtocolVersion(ordinal: 409)
    /// 3.0.7, before its release: since then consumers take offsets from a broker and tell theirs.
    public static let v3_0_7Snapshot = ProtocolVersion(ordinal: 28)
    /// 3.1.8, before its release: since then consumers tell what they do, and take a message when they are told to.
    public static let v3_1_8Snapshot = ProtocolVersion(ordinal: 62)
    /// 3.0.11: since then a broker registers with topics *and* filter servers in one body.
    public static let v3_0_11 = ProtocolVersion(ordinal: 37)
    /// 3.4.9: since then consumers send `maxReconsumeTimes`.
    public static let v3_4_9 = ProtocolVersion(ordinal: 121)
    /// 4.1.0, before its release: since then brokers have filters by properties.
    public static let v4_1_0Snapshot = ProtocolVersion(ordinal: 232)
    /// 4.9.4: since then clients are given routes in standard JSON.
    public static let v4_9_4 = ProtocolVersion(ordinal: 401)
    /// What every later version counts as.
    public static let newerThanKnown = ProtocolVersion(ordinal: 612)
}

extension ProtocolVersion: CustomStringConvertible {
    /// The reference's name of the version, such as `V4_9_8` or `V4_1_0_SNAPSHOT`.
    public var description: String {
        guard ordinal >= 0 else { return "V\(ordinal)" }
        guard ordinal < 612 else { return "HIGHER_VERSION" }
        guard ordinal > 15 else { return "V3_0_0_" + Self.suffixesOfFirstRelease[Int(ordinal)] }
        let isSnapshot = ordinal % 2 == 0
        let final = isSnapshot ? ordinal + 1 : ordinal
        let (major, minor, patch): (Int32, Int32, Int32)
        switch final {
        case ...45: (major, minor, patch) = (3, 0, (final - 15) / 2)
        case ...65: (major, minor, patch) = (3, 1, (final - 47) / 2)
        case ...85: (major, minor, patch) = (3, 2, (final - 67) / 2)
        case ...211:
            let place = (final - 87) / 2
            (major, minor, patch) = (3, 3 + place / 9, 1 + place % 9)
        default:
            let place = (final - 213) / 2
            (major, minor, patch) = (4 + place / 100, place / 10 % 10, place % 10)
        }
        return "V\(major)_\(minor)_\(patch)" + (isSnapshot ? "_SNAPSHOT" : "")
    }

    private static let suffixesOfFirstRelease = [
        "SNAPSHOT", "ALPHA1", "BETA1", "BETA2", "BETA3", "BETA4", "BETA5", "BETA6_SNAPSHOT", "BETA6",
        "BETA7_SNAPSHOT", "BETA7", "BETA8_SNAPSHOT", "BETA8", "BETA9_SNAPSHOT", "BETA9", "FINAL",
    ]
}
