import RMQCommon
import RMQRemoting
import RMQStore

/// Codes 25, 26, 28, 306, 329: the broker itself.
enum BrokerAdmin {
    static func configuration(_ command: RemotingCommand, _ broker: BrokerState) throws -> Reply {
        let version = broker.live.dataVersion.json.text(.fastjson)
        let text = broker.live.current.text()
        return .response(.success, header: BrokerConfigurationResponseHeader(version: version), body: Array(text.utf8))
    }

    /// Code 25. On the loop only who asks is looked at: a change waits for the file.
    static func updateConfiguration(_ command: RemotingCommand, _ caller: ClientCaller) throws -> Reply {
        let broker = caller.broker
        broker.clients.log.info("updateBrokerConfig called by \(caller.connection.remote)")
        try broker.live.current.listener.checkUpdate(from: caller.connection.remote, accessControl: broker.accessControl)
        return .elsewhere(broker.workers.administrators) { try updateConfiguration(command, broker) }
    }

    private static func updateConfiguration(_ command: RemotingCommand, _ broker: BrokerState) throws -> Reply {
        let properties = PropertiesText.parse(command.body)
        guard !properties.isEmpty else { return .response(.success) }
        let values: [(key: String, value: String)]
        do {
            values = try broker.live.update(properties)
        } catch .notAllowed(let keys) {
            throw Refusal(.noPermission, "can not update \(keys.prefix(8).joined(separator: ", ")): not in the list of keys that may change at run time")
        } catch .badValue(let error) {
            throw Refusal(.systemError, error.description)
        }
        try reconfigureParts(broker)
        if values.contains(where: { $0.key.isExactly("logLevel") }) { broker.logger.setVerbosity(broker.live.current.logVerbosity) }
        let text = values.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
        broker.logger.info("configuration changed over the wire: \(text)")
        if values.contains(where: { $0.key.isExactly("brokerPermission") || $0.key.isExactly("autoCreateTopicEnable") }) {
            broker.topics.touch()
            broker.topicsChanged()
        }
        if broker.live.current.autoCreateTopic { _ = broker.addTopic(BuiltInTopics.template(broker.live.current), for: "autoCreateTopicEnable") }
        do {
            try broker.configurationFile?.write(values)
        } catch {
            // Not refused: a broker whose file is read-only must still be taken out of service by its permission, say.
            broker.logger.error("configuration \(text) is not in the file: \(error)")
            throw Refusal(.systemError, "\(text) is in force, but only until the broker stops: the file was not changed: \(error)")
        }
        return .response(.success)
    }

    /// Of several changes at once store and filters get the last one too, whoever of them comes here last.
    private static func reconfigureParts(_ broker: BrokerState) throws {
        var version: UInt64
        repeat {
            version = broker.live.version
            try broker.store.reconfigure(broker.live.current.store)
            broker.filters.setComputesBitmaps(broker.live.current.computesFilterBitmaps)
        } while version != broker.live.version
    }

    /// Code 306: consume queues of which the log holds nothing any more.
    static func removeExpiredQueues(_ command: RemotingCommand, _ broker: BrokerState) throws -> Reply {
        try broker.store.removeExpiredQueues()
        return .response(.success)
    }

    /// Code 329: expired commit log files, at once instead of at the configured hour. Answered before it is done.
    static func deleteExpiredLog(_ command: RemotingCommand, _ broker: BrokerState) -> Reply {
        broker.store.requestDeletion()
        return .response(.success)
    }

    static func runtimeInfo(_ command: RemotingCommand, _ broker: BrokerState) throws -> Reply {
        .response(.success, body: KeyValueTable(RuntimeInfo.table(broker)).body)
    }
}
