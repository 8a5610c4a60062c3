/// What a pull asks for besides messages: its `sysFlag`.
public struct PullFlags: OptionSet, HeaderValue {
    public var rawValue: Int32

    @inlinable public init(rawValue: Int32) { self.rawValue = rawValue }

    /// `commitOffset` is to be stored.
    public static let commitsOffset = PullFlags(rawValue: 0x1)
    /// The broker may hold the request until a message arrives.
    public static let suspends = PullFlags(rawValue: 0x2)
    /// The subscription of this request counts, not that of the heartbeat.
    public static let carriesSubscription = PullFlags(rawValue: 0x4)
    /// The subscription names a class of old filter servers.
    public static let classFilter = PullFlags(rawValue: 0x8)
    /// From a lite pull consumer; for information only.
    public static let litePull = PullFlags(rawValue: 0x10)
}
