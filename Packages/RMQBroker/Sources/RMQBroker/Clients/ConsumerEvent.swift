import RMQCommon
import RMQRemoting

/// What a heartbeat changed in a group of consumers, for the log. The words are the reference's, which runbooks look for.
enum ConsumerEvent {
    case connected
    /// The connection was that of another client until now.
    case renamed(from: ClientChannel)
    case topicAdded(SubscriptionData)
    case topicChanged(from: SubscriptionData, to: SubscriptionData)
    case topicRemoved(SubscriptionData)
    /// Another member says something else of the group: each heartbeat undoes what the other's did.
    case disagreement(with: String, about: String)
    case tooManyGroups(limit: Int)

    func write(to log: ClientLog, _ consumer: ConsumerData, _ client: ClientChannel) {
        let group = consumer.group
        switch self {
        case .connected:
            log.info("new consumer connected, group: \(group) \(consumer.consumeType.rawValue) \(consumer.messageModel.rawValue) channel: \(client)")
        case .renamed(let old):
            log.warning("consumer channel exist in broker, but clientId not equal. GROUP: \(group) OLD: \(old) NEW: \(client)")
        case .topicAdded(let subscription):
            log.info("subscription changed, add new topic, group: \(group) \(subscription.logText)")
        case .topicChanged(let old, let new):
            log.info("subscription changed, group: \(group) OLD: \(old.logText) NEW: \(new.logText)")
        case .topicRemoved(let subscription):
            log.info("subscription changed, group: \(group) remove topic \(subscription.topic) \(subscription.logText)")
        case .disagreement(let other, let what):
            log.warning(
                "the members of group \(group) differ in \(what): \(client.clientId) and \(other). Each heartbeat replaces what the other's said, so that messages are consumed wrongly or not at all; members of a group have to be alike, or to be in different groups")
        case .tooManyGroups(let limit):
            log.warning("group \(group) of \(client) is left out: \(limit) groups are connected, the limit (maxGroups)")
        }
    }
}

extension ClientChannel: CustomStringConvertible {
    var description: String {
        "ClientChannelInfo [channel=\(connection.remote), clientId=\(clientId), language=\(language), version=\(version)]"
    }
}

extension SubscriptionData {
    fileprivate var logText: String {
        "SubscriptionData [classFilterMode=\(isClassFilter), topic=\(topic), subString=\(expression.prefix(bytes: 255)), subVersion=\(version), expressionType=\(expressionType)]"
    }
}
