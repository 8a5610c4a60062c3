import RMQCommon
import RMQRemoting

/// Groups that are made by use.
extension BrokerState {
    /// The group of that name, made when groups may be made by use; nil otherwise, or when the name is too long for one.
    func group(_ name: String) -> SubscriptionGroupConfig? {
        if let config = groups[name] { return config }
        guard live.current.autoCreateSubscriptionGroup || SystemGroup.isSystem(name), ClientLimit.allows(group: name) else { return nil }
        let limit = live.current.maxGroups
        guard let (config, isNew) = groups.add(SubscriptionGroupConfig(groupName: name), limit: limit) else {
            clients.log.warning("group \(name) is not made: there are \(limit) groups, the limit (maxGroups)")
            return nil
        }
        if isNew {
            clients.log.info("created subscription group \(name)")
            files.later(.groups)
        }
        return config
    }
}
