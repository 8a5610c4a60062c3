/// How a broker treats a consumer group.
public struct SubscriptionGroupConfig: JSONBody, Hashable {
    /// The group that is meant; one entry a group.
    @ByteText public var groupName: String
    /// Whether the group may pull at all.
    public var consumeEnabled: Bool
    /// Whether a group without an offset begins at the oldest message; kept and told; nothing goes by it.
    public var consumeFromMinEnabled: Bool
    /// Whether members may each take all messages.
    public var consumeBroadcastEnabled: Bool
    /// Queues of the group's retry topic.
    public var retryQueueCount: Int32
    /// After how many times a message that is sent back is a dead letter.
    public var retryMaxTimes: Int32
    /// The member of the broker set that the group reads from: 0 the master.
    public var brokerId: Int64
    /// The member of the set that is suggested to a group that is far behind: 1 the first slave.
    public var whichBrokerWhenConsumeSlowly: Int64
    /// Whether members are told when others come and go.
    public var notifiesConsumerIdsChanged: Bool

    public init(
        groupName: String, consumeEnabled: Bool = true, consumeFromMinEnabled: Bool = true, consumeBroadcastEnabled: Bool = true,
        retryQueueCount: Int32 = 1, retryMaxTimes: Int32 = 16, brokerId: Int64 = 0, whichBrokerWhenConsumeSlowly: Int64 = 1,
        notifiesConsumerIdsChanged: Bool = true
    ) {
        self.groupName = groupName
        self.consumeEnabled = consumeEnabled
        self.consumeFromMinEnabled = consumeFromMinEnabled
        self.consumeBroadcastEnabled = consumeBroadcastEnabled
        self.retryQueueCount = retryQueueCount
        self.retryMaxTimes = retryMaxTimes
        self.brokerId = brokerId
        self.whichBrokerWhenConsumeSlowly = whichBrokerWhenConsumeSlowly
        self.notifiesConsumerIdsChanged = notifiesConsumerIdsChanged
    }

    public init() { self.init(groupName: "") }

    public mutating func visit<Visitor: JSONVisitor>(_ members: inout Visitor) throws(Visitor.Failure) {
        try members.optional("brokerId", &brokerId)
        try members.optional("consumeBroadcastEnable", &consumeBroadcastEnabled)
        try members.optional("consumeEnable", &consumeEnabled)
        try members.optional("consumeFromMinEnable", &consumeFromMinEnabled)
        try members.required("groupName", &groupName)
        try members.optional("notifyConsumerIdsChangedEnable", &notifiesConsumerIdsChanged)
        try members.optional("retryMaxTimes", &retryMaxTimes)
        try members.optional("retryQueueNums", &retryQueueCount)
        try members.optional("whichBrokerWhenConsumeSlowly", &whichBrokerWhenConsumeSlowly)
    }
}
