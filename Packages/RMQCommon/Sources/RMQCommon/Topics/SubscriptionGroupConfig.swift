/// How a broker treats a consumer group.
public struct SubscriptionGroupConfig: Hashable, Sendable {
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

    public init(json: JSONValue) throws(JSONError) {
        let object = try json.requireObject("subscriptionGroupConfig")
        groupName = try object.string("groupName")
        consumeEnabled = try object.bool("consumeEnable", default: true)
        consumeFromMinEnabled = try object.bool("consumeFromMinEnable", default: true)
        consumeBroadcastEnabled = try object.bool("consumeBroadcastEnable", default: true)
        retryQueueCount = try object.int32("retryQueueNums", default: 1)
        retryMaxTimes = try object.int32("retryMaxTimes", default: 16)
        brokerId = try object.int64("brokerId", default: 0)
        whichBrokerWhenConsumeSlowly = try object.int64("whichBrokerWhenConsumeSlowly", default: 1)
        notifiesConsumerIdsChanged = try object.bool("notifyConsumerIdsChangedEnable", default: true)
    }

    /// The object that ``init(json:)`` reads, its members in the order of the alphabet.
    public var json: JSONValue {
        [
            "brokerId": .integer(brokerId), "consumeBroadcastEnable": .bool(consumeBroadcastEnabled),
            "consumeEnable": .bool(consumeEnabled), "consumeFromMinEnable": .bool(consumeFromMinEnabled),
            "groupName": .string(groupName), "notifyConsumerIdsChangedEnable": .bool(notifiesConsumerIdsChanged),
            "retryMaxTimes": JSONValue(retryMaxTimes), "retryQueueNums": JSONValue(retryQueueCount),
            "whichBrokerWhenConsumeSlowly": .integer(whichBrokerWhenConsumeSlowly),
        ]
    }
}
