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

    /// Code 1908. Whoever may change the configuration may change the role, which names addresses, too.
    static func change(_ command: RemotingCommand, _ caller: ClientCaller) throws -> Reply {
        let broker = caller.broker
        broker.clients.log.info("changeBrokerRole called by \(caller.connection.remote)")
        try broker.live.current.listener.checkUpdate(from: caller.connection.remote, accessControl: broker.accessControl)
        return .elsewhere(broker.workers.administrators) { try change(command, broker) }
    }

    private static func change(_ command: RemotingCommand, _ broker: BrokerState) throws -> Reply {
        let header = try command.header(ChangeBrokerRoleHeader.self)
        guard let roleSwitch = broker.replication.roleSwitch else { throw Refusal(.serviceNotAvailable, "the broker is starting or stopping") }
        try roleSwitch.change(header)
        return .response(.success)
    }
}
