import RMQCommon

/// Which member of the broker set a group should ask next time.
struct PullAdvice {
    /// For a group that finds its messages in memory.
    let usual: Int64
    /// For one that is further behind than `accessMessageInMemoryMaxRatio` of the machine's memory.
    let whenFarBehind: Int64

    /// Where slaves serve no pulls.
    static let master = PullAdvice(usual: 0, whenFarBehind: 0)

    private init(usual: Int64, whenFarBehind: Int64) {
        self.usual = usual
        self.whenFarBehind = whenFarBehind
    }

    /// As an operator set it for the group.
    init(_ group: SubscriptionGroupConfig) {
        self.init(usual: group.brokerId, whenFarBehind: group.whichBrokerWhenConsumeSlowly)
    }
}
