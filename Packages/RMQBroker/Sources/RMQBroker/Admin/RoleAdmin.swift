import RMQCommon
import RMQRemoting
import RMQStore

/// Codes 1007 and 1908: which masters a log had, and who is the next one.
enum RoleAdmin {
    static func epochs(_ command: RemotingCommand, _ broker: BrokerState) throws -> Reply {
        let configuration = broker.live.current
        let end = broker.store.maxPhysicalOffset
        var body = BrokerEpochs()
        body.clusterName = configuration.brokerClusterName
        body.brokerName = configuration.brokerName
        body.brokerId = configuration.brokerId
        body.epochs = broker.replication.epochs.told(end: end)
        body.maxOffset = end
        return .response(.success, body: body.body)
    }

    static func change(_ command: RemotingCommand, _ broker: BrokerState) throws -> Reply {
        let header = try command.header(ChangeBrokerRoleHeader.self)
        guard let roleSwitch = broker.replication.roleSwitch else { throw Refusal(.serviceNotAvailable, "the broker is starting or stopping") }
        try roleSwitch.change(header)
        return .response(.success)
    }
}
