import RMQCommon

/// Values in the words of the reference, as its commands print them.
enum ObjectText {
    static func topic(_ topic: TopicConfig) -> String {
        "TopicConfig [topicName=\(topic.topicName), readQueueNums=\(topic.readQueueCount), writeQueueNums=\(topic.writeQueueCount), "
            + "perm=\(topic.permission), topicFilterType=\(topic.filterType.rawValue), topicSysFlag=\(topic.systemFlag), "
            + "order=\(topic.isOrdered)]"
    }

    static func group(_ group: SubscriptionGroupConfig) -> String {
        "SubscriptionGroupConfig [groupName=\(group.groupName), consumeEnable=\(group.consumeEnabled), "
            + "consumeFromMinEnable=\(group.consumeFromMinEnabled), consumeBroadcastEnable=\(group.consumeBroadcastEnabled), "
            + "retryQueueNums=\(group.retryQueueCount), retryMaxTimes=\(group.retryMaxTimes), brokerId=\(group.brokerId), "
            + "whichBrokerWhenConsumeSlowly=\(group.whichBrokerWhenConsumeSlowly), "
            + "notifyConsumerIdsChangedEnable=\(group.notifiesConsumerIdsChanged)]"
    }

    static func message(_ message: StoredMessage) -> String {
        let body = message.body.map { String(Int8(bitPattern: $0)) }.joined(separator: ", ")
        return "MessageExt [brokerName=\(message.brokerName), queueId=\(message.queueId), storeSize=\(message.storeSize), "
            + "queueOffset=\(message.queueOffset), sysFlag=\(message.systemFlag.rawValue), bornTimestamp=\(message.bornTimestamp), "
            + "bornHost=/\(message.bornHost), storeTimestamp=\(message.storeTimestamp), storeHost=/\(message.storeHost), "
            + "msgId=\(message.offsetMessageId), commitLogOffset=\(message.physicalOffset), bodyCRC=\(message.bodyCRC), "
            + "reconsumeTimes=\(message.reconsumeTimes), preparedTransactionOffset=\(message.preparedTransactionOffset), "
            + "toString()=Message{topic='\(message.topic)', flag=\(message.flag), properties=\(properties(message.properties)), "
            + "body=[\(body)], transactionId='null'}]"
    }

    static func properties(_ properties: MessageProperties) -> String {
        "{" + HashOrder.sorted(properties).map { "\($0.key)=\($0.value)" }.joined(separator: ", ") + "}"
    }
}
