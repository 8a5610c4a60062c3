/// How a broker treats a consumer group.
public struct SubscriptionGroupConfig: Hashable, Sendable {
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
