/// How a broker treats a consumer group.
public struct SubscriptionGroupConfig: JSONBody, Hashable {
    @ByteText public var groupName: String
    public var consumeEnabled: Bool
    public var consumeFromMinEnabled: Bool
    public var consumeBroadcastEnabled: Bool
    public var retryQueueCount: Int32
    public var retryMaxTimes: Int32
    public var brokerId: Int64
    public var whichBrokerWhenConsumeSlowly: Int64
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
